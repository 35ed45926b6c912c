#!/usr/bin/env bash
# Measures human drummers and generated songs the same way: the table of docs/feel.md and
# docs/images/feel.png. Takes the Groove MIDI Dataset, packed or unpacked. About a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m benchmarks.feel "${1:-../shared/data/groove.tar.xz}" "${@:2}"

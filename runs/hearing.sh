#!/usr/bin/env bash
# Makes halation/data/hearing.json again: how the corpus hears key and mood, learned from some 150 of
# halation's own songs, then how well it hears 24 others. About fifteen minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python -m halation.training.hearing "$@"
.venv/bin/python -m benchmarks.describe

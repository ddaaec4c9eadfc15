#!/usr/bin/env bash
# A small network on scikit-learn's digits at 8 checkpoints: a table of its metrics and the two figures. A minute on a core.
# QUICK=1: the checkpoints of the first 10 epochs only, half a minute.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
export NCCLI_STORE="${NCCLI_STORE:-checkpoints${QUICK:+-quick}.db}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

mkdir -p ckpt
python -c "from pathlib import Path; from digits_loop import save_checkpoints; save_checkpoints(Path('ckpt'))"

nccli measure --model digits_loop:make_network --weights 'ckpt/ep*.pt' --step-from 'ep(\d+)' --series digits \
    --dataset ckpt/digits.npz --split train,test --layers 'fc|out' --format table
nccli plot collapse-over-steps --where series=digits -o collapse-over-steps.pdf --data collapse-over-steps.csv
nccli plot bottleneck --where series=digits -o bottleneck.pdf

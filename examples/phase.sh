#!/usr/bin/env bash
# A phase diagram over width and weight decay: 2,000 runs of 8,000 steps, K = 6, L = 4, n = 1, some three minutes of a
# core where gcc is found. Mean rank of the hidden layers, share of DNC, and the commonest outcome of each cell.
# QUICK=1: 50 runs of 4,000 steps, half a minute.
# Everything lands in a store beside the figures; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-phase${QUICK:+-quick}.db}"

widths=6..64:20 decays=2e-3..5e-2:20 seeds=0..4 steps=8000
if [ -n "${QUICK:-}" ]; then widths=6..64:5 decays=2e-3..5e-2:5 seeds=0,1 steps=4000; fi
nccli train-dufm --K 6 --L 4 --n 1 --lr 1 --width $widths --wd $decays --seed $seeds --steps $steps |
    nccli compare - --outcomes --format table
for color in rank dnc outcome; do
    nccli plot phase --x width --y wd --color "$color" -o "phase-$color.png" --data "phase-$color.csv"
done

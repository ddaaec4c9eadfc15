#!/usr/bin/env bash
# Figure 6: spectra of the layers, K = 15, L = 7, 200,000 steps, lr 0.5. λ, d and n are ours.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig6.db}"

nccli train-dufm --K 15 --L 7 --n 1 --width 20 --wd 1e-3 --lr 0.5 --steps 200000 --seed 0..4 >/dev/null
nccli plot fig6 -o fig6.pdf --data fig6.csv

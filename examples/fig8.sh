#!/usr/bin/env bash
# Figure 8: near-SRG solutions at K = 15, L = 4. λ, d and n are ours.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig8.db}"

nccli train-dufm --K 15 --L 4 --n 1 --width 20 --wd 2e-3,4e-3 --steps 100000 --seed 0..19 >/dev/null
nccli plot fig8 -o fig8.pdf --data fig8.csv

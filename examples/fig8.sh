#!/usr/bin/env bash
# Figure 8: near-SRG solutions at K = 15, L = 4. λ, d and n are ours: seed 26 of 30 ends near SRG T(6).
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig8.db}"

nccli train-dufm --K 15 --L 4 --n 1 --width 20 --wd 8e-3 --steps 30000 --seed 0..29 >/dev/null
nccli plot fig8 -o fig8.pdf --data fig8.csv

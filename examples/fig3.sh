#!/usr/bin/env bash
# Figure 3: loss ratio in closed form; mean rank against weight decay (L = 4, K = 10 and 15, 5 runs a point); share of
# runs in DNC against width (L = 4, K = 10). Weight decays, widths and n are ours.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig3.db}"

nccli train-dufm --K 10,15 --L 4 --n 1 --width 20 --wd 5e-4..8e-3:5 --steps 100000 --seed 0..4 >/dev/null
nccli train-dufm --K 10 --L 4 --n 1 --width 10,14,20,30,64 --wd 2e-3 --steps 100000 --seed 0..19 >/dev/null
nccli plot fig3 -o fig3.pdf --data fig3.csv

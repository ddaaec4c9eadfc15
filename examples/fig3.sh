#!/usr/bin/env bash
# Figure 3: loss ratio in closed form; mean rank against weight decay (L = 4, K = 10 and 15, 5 runs a point); share of
# runs in DNC against width (L = 4, K = 10). Weight decays, widths and n are ours.
# A minute or two on two cores where gcc is found. QUICK=1: fewer points, runs and steps, a quarter of a minute.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig3${QUICK:+-quick}.db}"

steps=100000 decays=5e-4..8e-3:5 seeds=0..4 widths=10,14,20,30,64 more_seeds=0..19
if [ -n "${QUICK:-}" ]; then steps=5000 decays=2e-3,4e-3,8e-3 seeds=0,1 widths=10,20,64 more_seeds=0..3; fi
nccli train-dufm --K 10,15 --L 4 --n 1 --width 20 --wd $decays --steps $steps --seed $seeds >/dev/null
nccli train-dufm --K 10 --L 4 --n 1 --width $widths --wd 2e-3 --steps $steps --seed $more_seeds >/dev/null
nccli plot fig3 -o fig3.pdf --data fig3.csv

#!/usr/bin/env bash
# After Figure 3, middle: mean hidden rank against weight decay. 240 runs of 100,000 steps, a minute or two on two
# cores where gcc is found. QUICK=1: 12 runs of 5,000 steps, a quarter of a minute.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-rank-vs-wd${QUICK:+-quick}.db}"

decays=5e-4..1.6e-2:6 seeds=0..39 steps=100000
if [ -n "${QUICK:-}" ]; then decays=2e-3..8e-3:3 seeds=0..3 steps=5000; fi
nccli train-dufm --K 10 --L 4 --width 20 --n 1 --wd $decays --seed $seeds --steps $steps |
    nccli compare - --group-by wd --format table
nccli plot rank-vs-wd -o rank-vs-wd.png --data rank-vs-wd.csv

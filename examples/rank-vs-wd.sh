#!/usr/bin/env bash
# Figure 3, middle: mean hidden rank against weight decay. 20 runs of 100,000 steps, well under a minute on two cores.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-rank-vs-wd.db}"

nccli train-dufm --K 10 --L 4 --width 20 --n 1 --wd 1e-3,2e-3,4e-3,8e-3 --seed 0..4 --steps 100000 |
    nccli compare - --group-by wd --format table
nccli plot rank-vs-wd -o rank-vs-wd.png --data rank-vs-wd.csv

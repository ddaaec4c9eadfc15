#!/usr/bin/env bash
# After Figure 3, middle: mean hidden rank against weight decay. 240 runs of 100,000 steps, about half a minute on two
# cores where gcc is found.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-rank-vs-wd.db}"

nccli train-dufm --K 10 --L 4 --width 20 --n 1 --wd 5e-4..1.6e-2:6 --seed 0..39 --steps 100000 |
    nccli compare - --group-by wd --format table
nccli plot rank-vs-wd -o rank-vs-wd.png --data rank-vs-wd.csv

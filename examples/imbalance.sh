#!/usr/bin/env bash
# Outcomes against imbalance 1 to 100: K = 10, L = 4, 100 samples in five classes and 100/R in five. 35 runs of 400,000
# steps, ten minutes of one core; from a relative within-class deviation of a half on they go on as their class means.
# Everything lands in a store beside the figure; a second call trains nothing. Told in guide/unequal_classes.md.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-imbalance.db}"

nccli train-dufm --imbalance 1,2,5,10,20,50,100 --n 100 --wd 2e-3 --wd-h1 2e-4 --steps 400000 --collapse-tol 0.5 \
    --seed 0..4 | nccli compare - --group-by imbalance --all --format table
nccli plot dnc-share-vs-width --x imbalance --where kind=dufm -o imbalance.png --data imbalance.csv

#!/usr/bin/env bash
# Outcomes against imbalance 1 to 100: K = 10, L = 4, 100 samples in five classes and 100/R in five. 35 runs of 400,000
# steps, ten minutes of one core; from a relative within-class deviation of a half on they go on as their class means.
# QUICK=1: 6 runs of 2,000 steps and a fifth of the samples, half a minute.
# Everything lands in a store beside the figure; a second call trains nothing. Told in guide/unequal_classes.md.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-imbalance${QUICK:+-quick}.db}"

ratios=1,2,5,10,20,50,100 steps=400000 seeds=0..4 n=100
if [ -n "${QUICK:-}" ]; then ratios=1,10,100 steps=2000 seeds=0,1 n=20; fi
nccli train-dufm --imbalance $ratios --n $n --wd 2e-3 --wd-h1 2e-4 --steps $steps --collapse-tol 0.5 \
    --seed $seeds | nccli compare - --group-by imbalance --all --format table
nccli plot dnc-share-vs-width --x imbalance --where kind=dufm -o imbalance.png --data imbalance.csv

#!/usr/bin/env bash
# Figure 6: spectra of the layers, K = 15, L = 7, 200,000 steps, lr 0.5. λ, d and n are ours.
# Half a minute on two cores where gcc is found. QUICK=1: two runs of 10,000 steps, a quarter of a minute.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig6${QUICK:+-quick}.db}"

steps=200000 seeds=0..4
if [ -n "${QUICK:-}" ]; then steps=10000 seeds=0,1; fi
nccli train-dufm --K 15 --L 7 --n 1 --width 20 --wd 1e-3 --lr 0.5 --steps $steps --seed $seeds >/dev/null
nccli plot fig6 -o fig6.pdf --data fig6.csv

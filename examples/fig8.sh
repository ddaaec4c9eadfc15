#!/usr/bin/env bash
# Figure 8: near-SRG solutions at K = 15, L = 4. λ, d and n are ours: seed 26 of 30 ends near SRG T(6).
# A quarter of a minute on two cores where gcc is found. QUICK=1: seeds 24 to 27, ten seconds.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig8${QUICK:+-quick}.db}"

seeds=0..29
if [ -n "${QUICK:-}" ]; then seeds=24..27; fi
nccli train-dufm --K 15 --L 4 --n 1 --width 20 --wd 8e-3 --steps 30000 --seed $seeds >/dev/null
nccli plot fig8 -o fig8.pdf --data fig8.csv

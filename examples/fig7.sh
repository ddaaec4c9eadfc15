#!/usr/bin/env bash
# Figure 7: near-SRG solutions at K = 6, L = 4. λ, d and n are ours: seed 11 of 20 ends in SRG T(4).
# A quarter of a minute on two cores where gcc is found. QUICK=1: seeds 8 to 12, ten seconds.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig7${QUICK:+-quick}.db}"

seeds=0..19
if [ -n "${QUICK:-}" ]; then seeds=8..12; fi
nccli train-dufm --K 6 --L 4 --n 1 --width 18 --wd 4e-3 --wd-h1 .04 --steps 20000 --seed $seeds >/dev/null
nccli plot fig7 -o fig7.pdf --data fig7.csv

#!/usr/bin/env bash
# Figure 5: low-rank solutions for K = 3, 4, 5, L = 4. Most runs end in DNC; of many seeds some do not.
# λ, d and n are ours: with K = 3 only narrow networks end at rank 2, and one in ten of them keeps all classes;
# with K = 4 seed 10 of 20 ends in the square.
# Half a minute on two cores where gcc is found. QUICK=1: a few seeds around those that end at low rank, half a minute.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig5${QUICK:+-quick}.db}"

three=0..199 four=0..19 five=0..49
if [ -n "${QUICK:-}" ]; then three=0..29 four=8..12 five=0..9; fi
nccli train-dufm --K 3 --L 4 --n 1 --width 6 --wd 4e-3 --steps 50000 --seed $three >/dev/null
nccli train-dufm --K 4 --L 4 --n 1 --width 10 --wd 2e-2 --steps 30000 --seed $four >/dev/null
nccli train-dufm --K 5 --L 4 --n 1 --width 20 --wd 4e-3,1.6e-2 --steps 50000 --seed $five >/dev/null
nccli plot fig5 -o fig5.pdf --data fig5.csv

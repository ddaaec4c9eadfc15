#!/usr/bin/env bash
# Figure 10: mean rank against weight decay: MNIST, standard regularisation. The grid is ours.
# networks.sh makes it with smaller networks on a CPU.
# Wants a GPU: 20 runs of 4.4 million steps in all, five hours by an estimate of 4 ms a step, and weeks on two cores.
# QUICK=1: scikit-learn's digits under their own name, half a minute.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig10${QUICK:+-quick}.db}"

if [ -n "${QUICK:-}" ]; then
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # small products on two threads cost more than they give
    nccli train-e2e --dataset digits --per-class 40 --backbone mlp --reg standard --L 4 --wd 1e-3,4e-3,8e-3 --steps 200 \
        --jobs 1 >/dev/null
    nccli plot rank-vs-wd -o fig10.pdf --data fig10.csv
    exit
fi
nccli train-e2e --dataset mnist --backbone resnet20 --reg standard --L 4 --wd 1e-4,5e-4,1e-3,5e-3 --seed 0..4 >/dev/null
nccli plot fig10 -o fig10.pdf --data fig10.csv

#!/usr/bin/env bash
# Figure 9: mean rank against weight decay, and against learning rate: CIFAR-10, DUFM-like.
# Grids are ours. networks.sh makes it with smaller networks on a CPU.
# Wants a GPU: 35 runs of 1.04 million steps in all, an hour or two by an estimate of 4 ms a step, and days on two cores.
# QUICK=1: scikit-learn's digits under their own name, in less than a minute; they are not CIFAR-10, so the two halves
# of the figure are drawn one by one.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig9${QUICK:+-quick}.db}"

if [ -n "${QUICK:-}" ]; then
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # small products on two threads cost more than they give
    nccli train-e2e --dataset digits --per-class 40 --backbone mlp --reg dufm --L 4 --wd 1e-3,2e-3 --lr 0.5,1 --steps 200 \
        --jobs 1 >/dev/null
    nccli plot rank-vs-wd --where lr=1 -o fig9.pdf --data fig9.csv
    nccli plot rank-vs-lr --where wd=2e-3 -o fig9-rank-vs-lr.pdf
    exit
fi
nccli train-e2e --dataset cifar10 --backbone resnet20 --reg dufm --L 4 --wd 1e-3,2e-3,5e-3,1e-2 \
    --seed 0..4 >/dev/null
nccli train-e2e --dataset cifar10 --backbone resnet20 --reg dufm --L 4 --wd 2e-3 --lr 0.25,0.5,1,2 \
    --seed 0..4 >/dev/null
nccli plot fig9 -o fig9.pdf --data fig9.csv

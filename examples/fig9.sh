#!/usr/bin/env bash
# Figure 9: mean rank against weight decay, and against learning rate: CIFAR-10, DUFM-like. Wants a GPU.
# Grids are ours. networks.sh makes it with smaller networks on a CPU.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig9.db}"

nccli train-e2e --dataset cifar10 --backbone resnet20 --reg dufm --L 4 --wd 1e-3,2e-3,5e-3,1e-2 \
    --seed 0..4 >/dev/null
nccli train-e2e --dataset cifar10 --backbone resnet20 --reg dufm --L 4 --wd 5e-3 --lr 0.25,0.5,1,2 \
    --seed 0..4 >/dev/null
nccli plot fig9 -o fig9.pdf --data fig9.csv

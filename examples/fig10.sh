#!/usr/bin/env bash
# Figure 10: mean rank against weight decay: MNIST, standard regularisation. Wants a GPU. The grid is ours.
# networks.sh makes it with smaller networks on a CPU.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig10.db}"

nccli train-e2e --dataset mnist --backbone resnet20 --reg standard --L 4 --wd 1e-4,5e-4,1e-3,5e-3 --seed 0..4 >/dev/null
nccli plot fig10 -o fig10.pdf --data fig10.csv

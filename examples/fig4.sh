#!/usr/bin/env bash
# Figure 4: ResNet20 with a 5-layer head, standard weight decay, CIFAR-10 and MNIST. Wants a GPU. Weight decay is ours.
# networks.sh makes it with smaller networks on a CPU.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig4.db}"

for dataset in cifar10 mnist; do
    nccli train-e2e --dataset "$dataset" --backbone resnet20 --reg standard --L 5 --width 64 \
        --seed 0..4 >/dev/null
done
nccli plot fig4 -o fig4.pdf --data fig4.csv

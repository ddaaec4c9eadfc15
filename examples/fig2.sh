#!/usr/bin/env bash
# Figure 2: training and spectra of the 4-DUFM at the paper's settings (K = 10, all λ = 0.004, lr 0.5, d = 30,
# 10 runs; n and the initialisation are ours), and of ResNet20 with a 4-layer head on CIFAR-10 (λ_W = 0.005,
# λ_H1 = 5e-6, head width 64, 5 runs; how it descends is ours), which wants a GPU: FIG2_E2E=1 trains it; networks.sh
# makes it and smaller networks for a CPU.
# A minute or two on two cores where gcc is found, without FIG2_E2E. QUICK=1: three runs of 4,000 steps, a quarter of a minute.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig2${QUICK:+-quick}.db}"

steps=200000 seeds=0..9
if [ -n "${QUICK:-}" ]; then steps=4000 seeds=0..2 FIG2_E2E=''; fi
nccli train-dufm --K 10 --L 4 --n 10 --width 30 --wd 4e-3 --lr 0.5 --steps $steps --seed $seeds >/dev/null
if [ -n "${FIG2_E2E:-}" ]; then
    nccli train-e2e --dataset cifar10 --backbone resnet20 --reg dufm --L 4 --wd 5e-3 --wd-h1 5e-6 --width 64 \
        --seed 0..4 >/dev/null
fi
nccli plot fig2 -o fig2.pdf --data fig2.csv

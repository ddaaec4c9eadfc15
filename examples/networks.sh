#!/usr/bin/env bash
# Sections 6.2 and 6.3 with their figures: real networks, regularised like the DUFM (Figure 2, bottom; Figure 9) and by
# weight decay of every parameter (Figures 4 and 10), on CIFAR-10 and MNIST. What came out: examples/README.md.
#
# With a GPU: ResNet20 on the whole sets. Without: small-cnn on 100 images a class, some three minutes a run on a free core.
# QUICK=1: digits with mlp, a little of everything, in less than a minute. CIFAR10=FILE.npz: where that set lies in a file.
# Everything lands in a store beside the figures; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-networks${QUICK:+-quick}.db}"

train() { nccli train-e2e "$@" >/dev/null; }

if [ -n "${QUICK:-}" ]; then # digits are neither CIFAR-10 nor MNIST: the same figures by their own names
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # small products on two threads cost more than they give
    digits=(--dataset digits --per-class 40 --backbone mlp --jobs 1 --quiet)
    train "${digits[@]}" --reg dufm --L 4 --steps 300 --seed 0,1
    train "${digits[@]}" --reg standard --L 5 --wd 2e-3,4e-3 --steps 200
    nccli plot training --where reg_kind=dufm -o networks-training.pdf
    for figure in gram effective-rank rank-vs-wd; do
        nccli plot "$figure" --where reg_kind=standard -o "networks-$figure.pdf"
    done
    exit
fi

cifar10=(--dataset "${CIFAR10:-cifar10}" --dataset-name cifar10)
mnist=(--dataset mnist)
gpu=$(nvidia-smi -L 2>/dev/null || true)
if [ -n "$gpu" ]; then
    cifar10+=(--backbone resnet20) mnist+=(--backbone resnet20)
    seeds=0..4 deep=() shallow=()
else # beyond 6.2 one seed, and shorter runs
    cifar10+=(--backbone small-cnn --per-class 100) mnist+=(--backbone small-cnn --per-class 100)
    seeds=0 deep=(--steps 6000) shallow=(--steps 4000)
fi

# The top of Figure 2, as in fig2.sh
nccli train-dufm --K 10 --L 4 --n 5 --width 30 --wd 4e-3 --lr 0.5 --steps 200000 --seed 0..9 >/dev/null
# 6.2: λ_W = 0.005, λ_H1 = 5 λ_W/n as in the paper's runs, width 64
train "${cifar10[@]}" --reg dufm --L 4 --wd 5e-3 --seed 0..4
train "${mnist[@]}" --reg dufm --L 4 --wd 5e-3 --seed 0..4
train --dataset digits --per-class 100 --backbone mlp --reg dufm --L 4 --wd 5e-3 --seed 0..4
# Figure 9; the grids are ours
if [ -n "$gpu" ]; then
    train "${cifar10[@]}" --reg dufm --L 4 --wd 1e-3,2.5e-3,1e-2 --seed "$seeds"
    train "${cifar10[@]}" --reg dufm --L 4 --wd 5e-3 --lr 0.25,0.5,2 --seed "$seeds"
else
    train "${cifar10[@]}" --reg dufm --L 4 --wd 2.5e-3 --steps 10000 --seed "$seeds"
    train "${cifar10[@]}" --reg dufm --L 4 --wd 1e-2 --seed "$seeds"
    train "${cifar10[@]}" --reg dufm --L 4 --wd 5e-3 --lr 0.5 --steps 6000 --seed "$seeds"
fi
# 6.3: five layers; λ is ours
train "${cifar10[@]}" --reg standard --L 5 --wd 5e-3 "${deep[@]}" --seed "$seeds"
train "${mnist[@]}" --reg standard --L 5 --wd 5e-3 "${deep[@]}" --seed "$seeds"
# Figure 10; the grid is ours
train "${mnist[@]}" --reg standard --L 4 --wd 1e-3,4e-3,8e-3 "${shallow[@]}" --seed "$seeds"

nccli plot fig2 --where "kind=dufm or lr=1" -o fig2.pdf --data fig2.csv
for figure in fig4 fig9 fig10; do
    nccli plot "$figure" -o "$figure.pdf" --data "$figure.csv"
done

#!/usr/bin/env bash
# Sections 6.2 and 6.3 with their figures: real networks, regularised like the DUFM (Figure 2, bottom; Figure 9) and by
# weight decay of every parameter (Figures 4 and 10), on CIFAR-10 and MNIST. What came out: examples/README.md.
#
# With a GPU: ResNet20 on the whole sets. Without: small-cnn on 100 images a class, some three minutes a run on a free core.
# QUICK=1: digits with mlp, a little of everything, in less than a minute. CIFAR10=FILE.npz: where that set lies in a file.
# Everything lands in a store beside the figures; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-networks.db}"

cifar10=(--dataset "${CIFAR10:-cifar10}" --dataset-name cifar10)
mnist=(--dataset mnist)
standard=() sweep=()
decays=1e-3,2e-3,1e-2 decays10=1e-3,2e-3,4e-3,8e-3 rates=0.25,0.5,2 seeds=0..4 seeds_sweep=0..4
if [ -n "${QUICK:-}" ]; then
    cifar10=(--dataset digits --per-class 40 --backbone mlp)
    mnist=("${cifar10[@]}")
    standard=(--steps 500) sweep=(--steps 500)
    decays=1e-2 decays10=1e-3,4e-3 rates=0.5 seeds=0,1 seeds_sweep=0
elif nvidia-smi -L >/dev/null 2>&1; then
    cifar10+=(--backbone resnet20) mnist+=(--backbone resnet20)
else
    cifar10+=(--backbone small-cnn --per-class 100) mnist+=(--backbone small-cnn --per-class 100)
    standard=(--steps 6000) sweep=(--steps 4000)
    decays=1e-2 decays10=1e-3,4e-3 rates=0.5 seeds_sweep=0
fi

train() { nccli train-e2e "$@" >/dev/null; }

# 6.2: λ_W = 0.005, λ_H1 = 5 λ_W/n as in the paper's runs, width 64
whole=()
[ -z "${QUICK:-}" ] || whole=(--steps 1000)
train "${cifar10[@]}" "${whole[@]}" --reg dufm --L 4 --wd 5e-3 --seed "$seeds"
train "${mnist[@]}" "${whole[@]}" --reg dufm --L 4 --wd 5e-3 --seed "$seeds"
# Figure 9; the grids are ours
train "${cifar10[@]}" "${whole[@]}" --reg dufm --L 4 --wd "$decays" --seed "$seeds_sweep"
train "${cifar10[@]}" "${standard[@]}" --reg dufm --L 4 --wd 5e-3 --lr "$rates" --seed "$seeds_sweep"
# 6.3: five layers; λ is ours
train "${cifar10[@]}" "${standard[@]}" --reg standard --L 5 --wd 2e-3 --seed "$seeds_sweep"
train "${mnist[@]}" "${standard[@]}" --reg standard --L 5 --wd 2e-3 --seed "$seeds_sweep"
# Figure 10; the grid is ours
train "${mnist[@]}" "${sweep[@]}" --reg standard --L 4 --wd "$decays10" --seed "$seeds_sweep"

if [ -n "${QUICK:-}" ]; then # digits are neither CIFAR-10 nor MNIST: the same figures by their own names
    for figure in training spectra; do
        nccli plot "$figure" --where "reg_kind=dufm and wd=5e-3 and lr=1" -o "networks-$figure.pdf"
    done
    for figure in training spectra gram effective-rank; do
        nccli plot "$figure" --where "reg_kind=standard and L=5" -o "networks-standard-$figure.pdf"
    done
    nccli plot rank-vs-wd --where "reg_kind=standard and L=4" -o networks-rank-vs-wd.pdf
    nccli plot rank-vs-lr --where "reg_kind=dufm and wd=5e-3" -o networks-rank-vs-lr.pdf
    exit
fi
nccli plot fig2 --where "lr=1" -o fig2-networks.pdf --data fig2-networks.csv
for figure in fig4 fig9 fig10; do
    nccli plot "$figure" -o "$figure.pdf" --data "$figure.csv"
done

#!/usr/bin/env bash
# Figure 4: ResNet20 with a 5-layer head, standard weight decay, CIFAR-10 and MNIST. Weight decay is ours. Where CIFAR-10
# cannot be had, MNIST's half is drawn. networks.sh makes the figure with smaller networks on a CPU.
# Wants a GPU: ten runs of 13,432 steps, ten minutes by an estimate of 4 ms a step, and most of a day on two cores.
# QUICK=1: scikit-learn's digits in place of both sets, under their own name, in less than a minute; they are neither
# set, so the parts of the figure are drawn one by one.
# Everything lands in a store beside the figure; a second call trains nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig4${QUICK:+-quick}.db}"

if [ -n "${QUICK:-}" ]; then
    export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # small products on two threads cost more than they give
    nccli train-e2e --dataset digits --per-class 40 --backbone mlp --reg standard --L 5 --width 64 --steps 200 \
        --seed 0,1 --jobs 1 >/dev/null
    nccli plot training -o fig4.pdf --data fig4.csv
    nccli plot effective-rank -o fig4-effective-rank.pdf
    nccli plot gram -o fig4-gram.pdf
    exit
fi

trained=''
for dataset in cifar10 mnist; do
    nccli train-e2e --dataset "$dataset" --backbone resnet20 --reg standard --L 5 --width 64 --seed 0..4 >/dev/null &&
        code=0 || code=$?
    case $code in
    0 | 4) trained+=" $dataset" ;; # 4: some of its runs diverged
    2) echo "fig4.sh: $dataset cannot be had here, and its part of the figure is left out" >&2 ;;
    *) exit "$code" ;;
    esac
done
[ -n "$trained" ] || { echo "fig4.sh: nothing is left to draw" >&2 && exit 2; }
nccli plot fig4 -o fig4.pdf --data fig4.csv

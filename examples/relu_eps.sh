#!/usr/bin/env bash
# Theorem 8: with ReLU_ε the samples of a class are the closer together, the smaller ε is. Half a minute on two cores.
#   examples/relu_eps.sh [SEEDS]          needs jq
# QUICK=1: two seeds, three ε and 5,000 steps, half a minute.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-relu_eps${QUICK:+-quick}.db}"
seeds=0..$((${1:-10} - 1)) steps=50000 epsilons=0.8,0.4,0.2,0.1,0.05
if [ -n "${QUICK:-}" ]; then seeds=0,1 steps=5000 epsilons=0.8,0.2,0.05; fi
nccli train-dufm --K 4 --L 3 --n 3 --width 12 --wd 4e-3 --lr 0.2 --steps $steps --no-reduction --seed $seeds --dtype float64 \
    --activation relu-eps --epsilon $epsilons --quiet --format ids >/dev/null
nccli runs list --format jsonl | jq -s -r '
    ["ε", "runs", "median DNC1 of H_1", "largest", "median DNC1 of H_L", "largest"],
    (group_by(-.config.epsilon)[] | [.[].layers | map(select(.stage == "post").dnc1)] as $all
     | ($all | map(.[0]) | sort) as $first | ($all | map(.[-1]) | sort) as $last
     | [$first[length / 2 | floor], $first[-1], $last[length / 2 | floor], $last[-1]] as $numbers
     | [.[0].config.epsilon, length, $numbers[]]) | @tsv'

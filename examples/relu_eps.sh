#!/usr/bin/env bash
# Theorem 8: with ReLU_ε the samples of a class are the closer together, the smaller ε is. A minute or two on two cores.
#   examples/relu_eps.sh [SEEDS]
set -euo pipefail
export NCCLI_STORE=${NCCLI_STORE:-relu_eps.db}
seeds=0..$((${1:-10} - 1))
nccli train-dufm --K 4 --L 3 --n 3 --width 12 --wd 4e-3 --lr 0.2 --steps 50000 --no-reduction --seed $seeds --dtype float64 \
    --activation relu-eps --epsilon 0.8,0.4,0.2,0.1,0.05 --quiet --format ids > /dev/null
nccli runs list --format jsonl | jq -s -r '
    ["ε", "runs", "median DNC1 of H_1", "largest", "median DNC1 of H_L", "largest"],
    (group_by(-.config.epsilon)[] | [.[].layers | map(select(.stage == "post").dnc1)] as $all
     | ($all | map(.[0]) | sort) as $first | ($all | map(.[-1]) | sort) as $last
     | [$first[length / 2 | floor], $first[-1], $last[length / 2 | floor], $last[-1]] as $numbers
     | [.[0].config.epsilon, length, $numbers[]]) | @tsv'

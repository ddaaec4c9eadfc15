#!/usr/bin/env bash
# Theorem 8: with ReLU_ε the samples of a class are the closer together, the smaller ε is. Some minutes on two cores.
#   examples/relu_eps.sh [SEEDS]
set -euo pipefail
export NCCLI_STORE=${NCCLI_STORE:-relu_eps.db}
seeds=0..$((${1:-10} - 1))
nccli train-dufm --K 6 --L 3 --n 4 --width 16 --wd 4e-3 --lr 0.2 --steps 200000 --no-reduction --seed $seeds --dtype float64 \
    --activation relu-eps --epsilon 0.8,0.4,0.2,0.1,0.05,0.025 --quiet --format ids > /dev/null
nccli compare --group-by config.epsilon "${@:2}"
nccli measure $(nccli runs list --format ids) --format jsonl | jq -s -c '
    map(select(.stage == "post")) | group_by(.layer)[] | {layer: .[0].layer, largest_dnc1: (map(.dnc1) | max)}'

#!/usr/bin/env bash
# Equation (2): the layers below the last cost, at the end, what the Schatten quasi-norm of their product asks for.
#   examples/schatten.sh [SEEDS]          needs jq
# A minute on two cores where gcc is found. QUICK=1: two seeds up to 3,000 steps, a quarter of a minute.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-schatten${QUICK:+-quick}.db}"
seeds=0..$((${1:-10} - 1)) steps=1000,3000,10000,30000,100000
if [ -n "${QUICK:-}" ]; then seeds=0,1 steps=1000,3000; fi
nccli train-dufm --K 10 --L 4 --n 5 --width 20 --wd 4e-3 --lr 0.2 --seed $seeds --activation relu-last,linear \
    --steps $steps --quiet --format ids >/dev/null
nccli runs list --format jsonl | jq -s -r '
    ["activation", "steps", "runs", "mean gap − 1", "largest gap − 1"],
    (group_by(.config.activation, .config.steps)[] | map(.schatten_gap - 1) as $gaps
     | [.[0].config.activation, .[0].config.steps, length, ($gaps | add / length), ($gaps | max)]) | @tsv'

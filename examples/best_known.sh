#!/usr/bin/env bash
# The best solutions known for K = 3 … 15, L = 3 … 6, n = 1: hours on two cores, less with a budget a problem.
#   examples/best_known.sh [SECONDS] > nccli/theory/best_known.csv
# K up to 8 is searched in full; beyond, templates and what is near them. What the store has is begun with and kept.
set -euo pipefail
export NCCLI_STORE=${NCCLI_STORE:-best_known.db}
budget=${1:+--budget $1}
for problems in "--K 3..8 --descents 32" "--K 9..15 --descents 0"; do
    nccli search $problems --L 3..6 --n 1 --wd 4e-3,5e-4 $budget --format jsonl
done | jq -s -r '
    [ "K", "L", "n", "wd", "loss", "ratio_dnc", "ratio_srg", "hidden_rank", "outcome", "certified", "residual", "hypergraph", "found_by" ] as $columns
    | $columns, (sort_by(.K, .L, -.wd)[] | [ .[$columns[]] ]) | @csv'

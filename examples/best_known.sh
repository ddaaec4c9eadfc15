#!/usr/bin/env bash
# The best solutions known for K = 3 … 15, L = 3 … 6, n = 1: hours on two cores, less with a budget a problem.
#   examples/best_known.sh [SECONDS] > nccli/theory/best_known.csv          needs jq
# K up to 8 is searched in full; beyond, templates and what is near them. What the store has is begun with and kept.
# QUICK=1: K = 3 and 9, L = 3, one decay, five seconds a problem: half a minute. Not a table to keep.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-best_known${QUICK:+-quick}.db}"
small=3..8 large=9..15 depths=3..6 decays=4e-3,5e-4 seconds=${1:-}
if [ -n "${QUICK:-}" ]; then small=3 large=9 depths=3 decays=4e-3 seconds=${1:-5}; fi
for problems in "--K $small --descents 32" "--K $large --descents 0"; do
    # shellcheck disable=SC2086 # words are meant
    nccli search $problems --L $depths --n 1 --wd $decays ${seconds:+--budget "$seconds"} --format jsonl
done | jq -s -r '
    [ "K", "L", "n", "wd", "loss", "ratio_dnc", "ratio_srg", "hidden_rank", "outcome", "certified", "residual", "hypergraph", "found_by" ] as $columns
    | $columns, (sort_by(.K, .L, -.wd)[] | [ .[$columns[]] ]) | @csv'

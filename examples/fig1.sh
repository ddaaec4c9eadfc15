#!/usr/bin/env bash
# Figure 1: class means of SRG and DNC, K = 10, L = 4. Closed forms, nothing is trained: some ten seconds, with QUICK=1 too.
# Everything lands in a store beside the figure; a second call makes nothing.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-fig1.db}"

nccli construct --kind srg --K 10 --L 4 >/dev/null
nccli construct --kind dnc --K 10 --L 4 >/dev/null
nccli plot fig1 -o fig1.pdf --data fig1.csv

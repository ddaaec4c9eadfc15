#!/usr/bin/env bash
# paper.db, from which REPRODUCTION.md has its numbers and `nccli plot fig1 … fig10` their runs: the runs of paper.toml that need
# no GPU, half an hour of a core, and the small networks of networks.db, which networks.sh makes. What nobody asks for is
# left out: weights, and but for the curves of Figures 2 and 4 the histories. QUICK=1: of paper.toml Figures 1 and 7 alone, seconds.
#   examples/paper.sh [FOLDER]   where stores go, the whole ones too: a second call there trains only what is missing
set -euo pipefail
examples=$(cd "$(dirname "$0")" && pwd)
mkdir -p "${1:-.}" && cd "${1:-.}"
rm -f paper-new.db

part() { # NAME, what to leave out of its runs, entries of paper.toml
    local store=paper-$1.db without=$2 entries=()
    for entry in "${@:3}"; do entries+=(--only "$entry"); done
    nccli sweep run "$examples/paper.toml" "${entries[@]}" --store "$store" --format ids >/dev/null
    nccli store merge "$store" --into paper-new.db --without "weights,trajectory,host$without" >/dev/null
}

if [ -n "${QUICK:-}" ]; then
    part quick ,history fig1 fig7-dufm
else
    part curves "" fig2-dufm
    part pictures ,history fig1 fig5-dufm fig6-dufm fig7-dufm fig8-dufm
    part numbers ,history,matrices fig3-dufm 'claim-*'
fi
# It has the runs of Figure 2, top, too, by the ids of an earlier version.
nccli store backup paper-networks.db --force --store "$examples/networks.db" >/dev/null
nccli runs rm --where kind=dufm --yes --store paper-networks.db >/dev/null
nccli store merge paper-networks.db --into paper-new.db --without weights,trajectory,host >/dev/null
nccli store seal paper-new.db >/dev/null
mv paper-new.db paper.db
echo "$PWD/paper.db"

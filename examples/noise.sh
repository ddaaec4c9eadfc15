#!/usr/bin/env bash
# Does noise leave DNC? Outcomes against noise scale and batch size, from DNC and from random points: half an hour on two cores.
#   examples/noise.sh [SEEDS]
# Each end is polished, without noise: outcomes of `finish=polished` say in which valley the run was.
# QUICK=1: K = 4, one seed, two scales and one batch size, 1,000 steps: less than a minute.
set -euo pipefail
export NCCLI_STORE="${NCCLI_STORE:-noise${QUICK:+-quick}.db}"
K=10 width=24 seeds=0..$((${1:-12} - 1)) steps=10000 scales=1e-3,3e-3,1e-2,2e-2,3e-2 batches=15,6,3
if [ -n "${QUICK:-}" ]; then K=4 width=8 seeds=0 steps=1000 scales=1e-3,1e-2 batches=6; fi
runs=(--K $K --L 4 --n 3 --width $width --wd 4e-3 --lr 0.5 --steps $steps --polish --seed $seeds --quiet --format ids)
for start in "" dnc; do
    from=(${start:+--from "$start"})
    nccli train-dufm "${runs[@]}" "${from[@]}" --noise-scale $scales >/dev/null
    nccli train-dufm "${runs[@]}" "${from[@]}" --batch-size $batches >/dev/null
done
nccli train-dufm "${runs[@]}" >/dev/null
nccli compare --outcomes --where "finish=polished" --group-by config.start,config.noise_scale,config.batch_size "${@:2}"

#!/usr/bin/env bash
# Does noise leave DNC? Outcomes against noise scale and batch size, from DNC and from random points: half an hour on two cores.
#   examples/noise.sh [SEEDS]
# Each end is polished, without noise: outcomes of `finish=polished` say in which valley the run was.
set -euo pipefail
export NCCLI_STORE=${NCCLI_STORE:-noise.db}
seeds=0..$((${1:-12} - 1))
runs="--K 10 --L 4 --n 3 --width 24 --wd 4e-3 --lr 0.5 --steps 10000 --polish --seed $seeds --quiet --format ids"
for start in "" "--from dnc"; do
    nccli train-dufm $runs $start --noise-scale 1e-3,3e-3,1e-2,2e-2,3e-2 > /dev/null
    nccli train-dufm $runs $start --batch-size 15,6,3 > /dev/null
done
nccli train-dufm $runs > /dev/null
nccli compare --outcomes --where "finish=polished" --group-by config.start,config.noise_scale,config.batch_size "${@:2}"

#!/usr/bin/env bash
# Every script of examples/ with QUICK=1 in an empty folder of its own, two at a time. Each must end well, and what draws
# must have drawn: no figure is smaller than a page without marks.
#   tests/stress/quick_examples.sh FOLDER [NAME…]
# `nccli` is the one that is on PATH. Their output lies beside what they make, in `said`; of one that fails it is printed.
set -euo pipefail
examples=$(cd "$(dirname "$0")/../../examples" && pwd)
folder=$1
shift
if [ $# = 0 ]; then
    mapfile -t all < <(cd "$examples" && printf '%s\n' *.sh)
    set -- "${all[@]}"
fi
mkdir -p "$folder"

one() {
    local place=$1/${3%.sh} script=$2/$3 code=0 small
    if grep -q '| *jq\|jq -' "$script" && ! command -v jq >/dev/null; then
        echo "$3: left out, jq is not here"
        return 0
    fi
    mkdir "$place" && cd "$place"
    QUICK=1 NCCLI_COMPILER_SECONDS=60 timeout 600 "$script" >said 2>&1 || code=$?
    small=$(find . \( -name '*.pdf' -o -name '*.png' \) -size -6k)
    if grep -q '^ *nccli plot' "$script" && ! ls ./*.p[dn][fg] >/dev/null 2>&1; then small='no figure'; fi
    if [ "$code" != 0 ] || [ -n "$small" ]; then
        printf '%s: exit code %s; %s\n' "$3" "$code" "${small:-all figures there}"
        tail -n 20 said
        return 1
    fi
    printf '%s: %s s\n' "$3" "$SECONDS"
}
export -f one
printf '%s\0' "${@/%.sh/}" | xargs -0 -P 2 -I NAME bash -c 'one "$@"' one "$folder" "$examples" NAME.sh

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: lint_paths.sh [ROOT]
#
# No file of the repository may name a folder of the machine it was written on, hold a merge's conflict marks, or, where it is code,
# end a line with blanks. Looks at what git tracks or would track; without git, at every file outside build/.
set -u
export LC_ALL=C
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root" || exit 2

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    list() { git ls-files -z --cached --others --exclude-standard; }
else
    list() { find . -path ./build -prune -o -path ./.git -prune -o -type f -print0; }
fi
mapfile -d '' -t files < <(list | grep -zvE '(^|/)LICENSE$|\.csv$' | xargs -0 -r ls -d 2>/dev/null | tr '\n' '\0')
mapfile -d '' -t code < <(printf '%s\0' "${files[@]}" | grep -zE '\.(hpp|cpp|cmake|sh)$|CMakeLists\.txt$|(^|/)dev$')

bad=0
look() # what it is, pattern, files...
{
    local what=$1 pattern=$2 hits
    shift 2
    (($#)) || return
    if hits=$(grep -IHnE -- "$pattern" "$@"); then
        sed "s|^\([^:]*:[0-9]*\):|\1: $what: |" <<<"$hits"
        bad=1
    fi
}
# The brackets keep the patterns from matching themselves.
look "names a folder of one machine" \
    '(^|[^A-Za-z0-9_.{}>])/(wor[k]/|roo[t]/|hom[e]/[a-z]|tm[p]/[a-z]+/)' "${files[@]}"
look "a conflict mark" '^(<{7}|>{7}|={7})( |$)' "${files[@]}"
look "ends with blanks" '[[:blank:]]+$' "${code[@]}"

if ((${#files[@]} == 0)); then
    echo "no file was looked at"
    exit 1
fi
((bad)) || printf '%d files name no folder of one machine\n' "${#files[@]}"
exit $bad

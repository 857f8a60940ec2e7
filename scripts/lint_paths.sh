#!/usr/bin/env bash
# Usage: lint_paths.sh [ROOT]
#
# No file of the repository may name a folder of the machine it was written on, or end a line with blanks, or hold a merge's
# conflict marks. Looks at what git tracks or would track; without git, at every file outside build/.
set -u
export LC_ALL=C
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root" || exit 2

files=()
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    mapfile -d '' -t files < <(git ls-files -z --cached --others --exclude-standard)
else
    mapfile -d '' -t files < <(find . -path ./build -prune -o -path ./.git -prune -o -type f -print0)
fi

bad=0
for file in "${files[@]}"; do
    [[ -f $file && $file != LICENSE && $file != *.csv ]] || continue
    # The brackets keep this line from matching itself.
    if hits=$(grep -InE '(^|[^A-Za-z0-9_.{}>])/(wor[k]/|roo[t]/|hom[e]/[a-z]|tm[p]/[a-z]/|tm[p]/claud[e])' "$file"); then
        sed "s|^\([0-9]*\):|$file:\1: names a folder of one machine: |" <<<"$hits"
        bad=1
    fi
    if hits=$(grep -InE '^(<{7}|>{7}|={7})( |$)' "$file"); then
        sed "s|^\([0-9]*\):|$file:\1: a conflict mark: |" <<<"$hits"
        bad=1
    fi
    case $file in
    *.hpp | *.cpp | *.cmake | *.sh | *CMakeLists.txt | dev)
        if hits=$(grep -InE '[[:blank:]]+$' "$file"); then
            sed "s|^\([0-9]*\):.*|$file:\1: ends with blanks|" <<<"$hits"
            bad=1
        fi
        ;;
    esac
done
((bad)) || printf '%d files name no folder of one machine\n' "${#files[@]}"
exit $bad

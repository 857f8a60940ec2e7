#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: snippets.sh COMPILER FLAGS_FILE FOLDER FILE.md...
#
# Compiles, without linking, every C++ fence of the given Markdown files; errors name the line of the Markdown file.
#
#   ```cpp               a complete program where it has "int main", otherwise statements, compiled inside a function after
#                        joust.hpp and tests/lint/snippet_preamble.hpp; its #include lines are moved to the top
#   ```cpp file          declarations, compiled at namespace scope after the same headers
#   ```cpp continued     as the first form, after the statements of the fence before it
#   ```cpp no-compile    left alone (sparingly: for what must not compile, and for other libraries' code)
#
# Fences of a page with the same includes are compiled together first, each in a function or namespace of its own, and one by
# one where that fails. Without a FILE, only what all fences begin with is precompiled, in FOLDER; JOUST_PRELUDE in the environment
# names such a FOLDER.
set -u
export LC_ALL=C
compiler=$1 flags=$2 folder=$3
shift 3
root=$(cd "$(dirname "$0")/.." && pwd)
rm -rf "$folder"
mkdir -p "$folder"

for file in "$@"; do
    name=${file#"$root"/}
    awk -v prefix="$folder/$(tr '/.' '__' <<<"$name")" -v file="$name" '
    function close_fence(   path, i, body) {
        path = sprintf("%s_%04d.cpp", prefix, start)
        if (mode == "no-compile") { print "skip " file ":" start; return }
        if (mode == "continued") { includes = kept_includes includes; inner = kept_inner inner }
        if (mode != "file" && !program) { kept_includes = includes; kept_inner = inner }
        if (program) {
            printf "%s", whole > path
        } else {
            printf "#include <joust/joust.hpp>\n#include \"lint/snippet_preamble.hpp\"\n" > path
            printf "%s", includes > path
            if (mode == "file") printf "%s", inner > path
            else printf "void snippet()\n{\n%s}\n", inner > path
        }
        close(path)
        if (program) { print "program " path " " file ":" start " -"; return }
        if (!(includes in group)) {
            group[includes] = ++groups
            joined[groups] = sprintf("%s_together_%d.cpp", prefix, groups)
            printf "#include <joust/joust.hpp>\n#include \"lint/snippet_preamble.hpp\"\n%s", includes > joined[groups]
        }
        path_of_group = joined[group[includes]]
        ++members[group[includes]]
        if (mode == "file") printf "namespace fence_%d {\n%s}\n", start, inner > path_of_group
        else printf "void fence_%d()\n{\n%s}\n", start, inner > path_of_group
        print "compile " path " " file ":" start " " path_of_group
    }
    BEGIN { known[""] = known["file"] = known["continued"] = known["no-compile"] = 1 }
    !open && /^ *```(cpp|c\+\+|C\+\+|cxx)/ {
        open = 1
        match($0, /^ */)
        indent = RLENGTH
        mode = $0
        sub(/^ *```[^ ]+ */, "", mode)
        sub(/ +$/, "", mode)
        if (!(mode in known)) { print "wrong " file ":" NR " " mode; mode = "no-compile" }
        start = NR
        includes = inner = whole = ""
        program = 0
        fresh = 1
        next
    }
    open && /^ *```/ { open = 0; close_fence(); next }
    open {
        line = substr($0, 1, indent) ~ /^ *$/ ? substr($0, indent + 1) : $0
        if (line ~ /^int main\(/) program = 1
        if (fresh) { whole = "#line " NR " \"" file "\"\n"; inner = whole; fresh = 0 }
        whole = whole line "\n"
        if (line ~ /^#include/) { includes = includes line "\n"; inner = inner "\n" }
        else inner = inner line "\n"
    }
    END {
        if (open) print "wrong " file ":" start " no end"
        for (i = 1; i <= groups; i++) {
            close(joined[i])
            if (members[i] > 1) print "joined " joined[i] " " file
        }
    }' "$file"
done >"$folder/list"

bad=0
while read -r kind where what; do
    [[ $kind == wrong ]] || continue
    printf '%s: a fence marked "%s"; known are: cpp, cpp file, cpp continued, cpp no-compile\n' "$where" "$what"
    bad=1
done <"$folder/list"

# What every fence but a whole program begins with is read once, by a compiler that can keep it.
warnings=(-Wall -Wextra -Wno-unused -Wno-comment)
prelude=()
if ! "$compiler" --version | grep -q clang; then
    warnings+=(--param ggc-min-heapsize=2000000)  # without collecting garbage, which takes a tenth of the time
fi
if ! "$compiler" --version | grep -q clang && { (($# == 0)) || grep -q '^compile ' "$folder/list"; }; then
    if [[ -z ${JOUST_PRELUDE:-} ]]; then
        JOUST_PRELUDE=$folder
        printf '#include <joust/joust.hpp>\n#include "lint/snippet_preamble.hpp"\n' >"$folder/prelude.hpp"
        "$compiler" "@$flags" "${warnings[@]}" -x c++-header "$folder/prelude.hpp" -o "$folder/prelude.hpp.gch" || bad=1
    fi
    prelude=(-Winvalid-pch -include "$JOUST_PRELUDE/prelude.hpp")
fi
if (($# == 0)); then
    ((bad)) || echo "precompiled what the fences begin with"
    exit $bad
fi

compile() # source, flags...
{
    "$compiler" "@$flags" -fsyntax-only "${warnings[@]}" "${@:2}" "$1" 2>&1
}

# Two compilers at a time. Where one fails, its name is given with .bad, and what it said.
try() # source, flags...
{
    while (($(jobs -rp | wc -l) >= 2)); do
        wait -n
    done
    { compile "$@" >"${1%.cpp}.log" || mv "${1%.cpp}.log" "$1.bad"; } &
}

while read -r kind source _; do
    [[ $kind == joined ]] && try "$source" "${prelude[@]}"
done <"$folder/list"
wait
while read -r kind source _ together; do
    # Alone, where nothing was compiled with it, or where that failed.
    if [[ $kind == program ]]; then
        try "$source"
    elif [[ $kind == compile ]] && { ! grep -qF "joined $together " "$folder/list" || [[ -e $together.bad ]]; }; then
        try "$source" "${prelude[@]}"
    fi
done <"$folder/list"
wait
while read -r kind source where _; do
    if [[ $kind =~ ^(program|compile)$ && -e $source.bad ]]; then
        printf '%s: this fence does not compile:\n%s\n' "$where" "$(head -n 12 "$source.bad")"
        bad=1
    fi
done <"$folder/list"

compiled=$(grep -cE '^(compile|program) ' "$folder/list")
skipped=$(grep -c '^skip ' "$folder/list")
printf '%d fences compiled, %d marked no-compile\n' "$compiled" "$skipped"
exit $bad

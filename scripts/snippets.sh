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
        print (program ? "program " : "compile ") path " " file ":" start
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
    END { if (open) print "wrong " file ":" start " no end" }' "$file"
done >"$folder/list"

bad=0
while read -r kind where what; do
    [[ $kind == wrong ]] || continue
    printf '%s: a fence marked "%s"; known are: cpp, cpp file, cpp continued, cpp no-compile\n' "$where" "$what"
    bad=1
done <"$folder/list"

# What every fence but a whole program begins with is read once, by a compiler that can keep it.
printf '#include <joust/joust.hpp>\n#include "lint/snippet_preamble.hpp"\n' >"$folder/prelude.hpp"
prelude=-fsyntax-only
if ! "$compiler" --version | grep -q clang && grep -q '^compile ' "$folder/list"; then
    prelude=-include$folder/prelude.hpp
    "$compiler" "@$flags" -Wall -Wextra -Wno-unused -Wno-comment -x c++-header "$folder/prelude.hpp" -o "$folder/prelude.hpp.gch" || bad=1
fi

compile_one='
kind=$1 source=$2 where=$3 prelude=$4; shift 4
[[ $kind == compile ]] && set -- "$@" "$prelude"
if ! output=$("$@" -fsyntax-only -Wall -Wextra -Wno-unused -Wno-comment "$source" 2>&1); then
    printf "%s: this fence does not compile:\n%s\n" "$where" "$(head -n 12 <<<"$output")"
    exit 1
fi'
awk '$1 == "compile" || $1 == "program" {printf "%s%c%s%c%s%c", $1, 0, $2, 0, $3, 0}' "$folder/list" |
    xargs -0 -r -n 3 -P 2 bash -c 'script=$1 compiler=$2 flags=$3 prelude=$4; shift 4
        bash -c "$script" compile "$@" "$prelude" "$compiler" "@$flags"' \
        each "$compile_one" "$compiler" "$flags" "$prelude" || bad=1

compiled=$(grep -cE '^(compile|program) ' "$folder/list")
skipped=$(grep -c '^skip ' "$folder/list")
printf '%d fences compiled, %d marked no-compile\n' "$compiled" "$skipped"
exit $bad

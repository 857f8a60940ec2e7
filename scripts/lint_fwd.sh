#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: lint_fwd.sh [ROOT]
#
# Compares what the fwd.hpp of each room declares with what the headers of that room define, and names each difference:
#   - every declared type is defined in the room, in the same namespace, by the same keyword and with the same template head;
#   - every public class template and enumeration of the room is declared (a template constrained by a concept of the room cannot be);
#   - a default template argument of a type stands in fwd.hpp, which the defining header then includes, and nowhere else;
#   - fwd.hpp includes nothing but <cstddef>, <cstdint>, core/fixed_string.hpp and other forward declarations.
set -u
export LC_ALL=C
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root/include" || exit 2

mapfile -t headers < <(find joust -name '*.hpp' -not -path '*/detail/*' | sort)
mapfile -t inner < <(find joust -path '*/detail/*.hpp' | sort)
if ! printf '%s\n' ${headers[@]+"${headers[@]}"} | grep -q '/fwd\.hpp$'; then
    echo "$root/include/joust has no fwd.hpp"
    exit 2
fi

awk '
function room_of(path) {
    if (path ~ /^joust\/split\/interop\//) return "split/interop"
    sub(/^joust\//, "", path)
    return path ~ /\// ? substr(path, 1, index(path, "/") - 1) : ""
}
function report(file, line, text) { printf "include/%s:%d: %s\n", file, line, text; bad = 1 }
function braces(text, sign) {
    gsub(/"([^"\\]|\\.)*"/, "", text)
    gsub(/\047(\\.|[^\047\\])\047/, "", text)
    sub(/\/\/.*/, "", text)
    return sign == "{" ? gsub(/{/, "", text) : gsub(/}/, "", text)
}
# A template head without its default arguments, which only one of the declarations may have.
function plain(head) {
    gsub(/ = [A-Za-z0-9_:]+/, "", head)
    return head
}
FNR == 1 {
    depth = spaces = 0
    head = ""
    is_fwd = FILENAME ~ /\/fwd\.hpp$/
    room = room_of(FILENAME)
    delete space
    delete opened
}
is_fwd && /^#include </ && !/<(cstddef|cstdint|joust\/core\/fixed_string\.hpp|joust\/([a-z]+\/)+fwd\.hpp)>/ {
    report(FILENAME, FNR, "a header of forward declarations includes something that is heavier than they are")
}
!is_fwd && $0 == "#include <joust/" room "/fwd.hpp>" { has_forward[FILENAME] = 1 }
{
    depth += braces($0, "{") - braces($0, "}")
    while (spaces && depth < opened[spaces]) --spaces
}
/^(inline )?namespace [A-Za-z0-9_:]+ {$/ {
    name = $(NF - 1)
    space[++spaces] = name == "v0" ? "" : name "::"
    opened[spaces] = depth
    head = ""
    next
}
/^template </ { head = $0; next }
head != "" && /^ *requires/ { head = head " " $0; next }
/^(class|struct|enum class) [a-z]/ {
    where = ""
    for (i = 1; i <= spaces; ++i) where = where space[i]
    key = $1 == "enum" ? "enum class" : $1
    name = $0
    sub(/^(enum class|class|struct) /, "", name)
    specialized = name ~ /^[a-z0-9_]+</
    sub(/[^a-z0-9_].*/, "", name)
    declared_only = $0 ~ /;$/ && $0 !~ /{/
    id = room "|" where name
    if (where ~ /^joust::/ && where !~ /detail::/ && !specialized) {
        if (is_fwd) {
            forward[id] = key; forward_head[id] = head; forward_at[id] = FILENAME SUBSEP FNR
        } else if (!(id in defined) || !declared_only) {
            defined[id] = key; defined_head[id] = head; defined_at[id] = FILENAME SUBSEP FNR
            if (FILENAME !~ /\/detail\//) public_type[id] = 1
        }
    }
    head = ""
    next
}
/[^ ]/ && !/^ *\/\// { head = "" }
END {
    for (id in forward) {
        split(forward_at[id], at, SUBSEP)
        what = id
        sub(/^[^|]*\|/, "", what)
        if (!(id in defined)) { report(at[1], at[2], what " is declared, but no header of the room defines it"); continue }
        if (forward[id] != defined[id] || plain(forward_head[id]) != plain(defined_head[id]))
            report(at[1], at[2], what " is declared otherwise than it is defined: \"" defined_head[id] " " defined[id] "\"")
        split(defined_at[id], at, SUBSEP)
        if (forward_head[id] != plain(forward_head[id]) && !(at[1] in has_forward))
            report(at[1], at[2], what " has a default argument in fwd.hpp, which this header has to include")
        if (defined_head[id] != plain(defined_head[id]))
            report(at[1], at[2], what " has a default template argument, which belongs into fwd.hpp")
        ++count
    }
    for (id in defined) {
        # core/fwd.hpp includes the definition of fixed_string, which is as light.
        if (id in forward || !(id in public_type) || id ~ /^(integration)?\|/ || id == "core|joust::fixed_string") continue
        head = defined_head[id]
        kinds = head
        gsub(/(class|fixed_string|unsigned|std::size_t)(\.\.\.)? /, "", kinds)
        constrained = kinds ~ /requires/ || kinds ~ /[a-z_]+(\.\.\.)? [A-Z]/
        if ((head != "" && !constrained) || defined[id] == "enum class") {
            split(defined_at[id], at, SUBSEP)
            what = id
            sub(/^[^|]*\|/, "", what)
            report(at[1], at[2], what " is not declared in the fwd.hpp of its room")
        }
    }
    if (!bad) printf "%d types are declared in advance as they are defined\n", count
    exit bad
}' "${headers[@]}" ${inner[@]+"${inner[@]}"} | sort
exit "${PIPESTATUS[0]}"

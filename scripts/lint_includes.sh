#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: lint_includes.sh [ROOT]
#
# Holds every header under include/joust to the rules of the include graph, and names file and line of each breach:
#   - an include follows an arrow between rooms, never reverses it, and siblings do not include each other;
#   - each third-party library enters by its own door, and serving headers reach none of them, not even indirectly;
#   - banned standard headers, macros, what only one compiler knows, `static` at namespace scope, unnamed namespaces and a missing #pragma once.
set -u
export LC_ALL=C
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root/include" || exit 2

mapfile -t headers < <(find joust -name '*.hpp' | sort)
if ((${#headers[@]} == 0)); then
    echo "$root/include/joust has no headers"
    exit 2
fi

awk '
function room_of(path,   parts, n) {
    n = split(path, parts, "/")
    return n == 2 ? parts[2] : parts[2]
}
function report(line, text) {
    printf "include/%s:%d: %s\n", FILENAME, line, text
    bad = 1
}
# A comment or a string is not code; a raw string that spans lines would fool this, and no header has one.
function code_of(line) {
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
    sub(/\/\/.*/, "", line)
    return line
}
BEGIN {
    allowed["core"] = "core"
    allowed["numeric"] = allowed["core"] " numeric"
    allowed["stats"] = allowed["numeric"] " stats"
    allowed["quality"] = allowed["stats"] " quality"
    allowed["metric"] = allowed["stats"] " metric"
    allowed["evidence"] = allowed["metric"] " evidence"
    allowed["inference"] = allowed["evidence"] " inference"
    allowed["split"] = allowed["inference"] " split"
    allowed["interleave"] = allowed["inference"] " interleave"
    allowed["shadow"] = allowed["inference"] " quality shadow"
    allowed["monitor"] = allowed["inference"] " quality monitor"
    allowed["report"] = allowed["inference"] " report"
    allowed["ticket"] = allowed["inference"] " ticket"
    allowed["store"] = allowed["inference"] " split interleave ticket store"
    allowed["trial"] = allowed["inference"] " split interleave shadow monitor report ticket store trial"
    allowed["integration"] = allowed["trial"] " quality integration joust.hpp format.hpp"
    allowed["joust.hpp"] = allowed["trial"]
    allowed["format.hpp"] = "core stats report"
    allowed["fwd.hpp"] = allowed["trial"] " quality"  # only the fwd.hpp of each room: lint_fwd.sh looks
    allowed["version.hpp"] = ""
    split("core metric evidence inference split interleave shadow ticket trial joust.hpp", list, " ")
    for (i in list) serving[list[i]] = 1
    door["boost"] = "^joust/numeric/distributions\\.hpp$"
    door["Eigen"] = "^joust/stats/regression\\.hpp$|_eigen\\.hpp$"
    door["unsupported"] = door["Eigen"]
    door["fmt"] = "^joust/format\\.hpp$"
    door["nlohmann"] = "^joust/store/json\\.hpp$"
    split("iostream regex random ranges filesystem", list, " ")
    for (i in list) banned[list[i]] = 1
}
FNR == 1 {
    if (previous != "" && !once) { printf "include/%s:1: has no #pragma once\n", previous; bad = 1 }
    previous = FILENAME
    once = 0
    block = 0
    room = room_of(FILENAME)
    if (!(room in allowed)) { report(1, "joust has no room \"" room "\""); allowed[room] = "" }
}
{
    text = $0
    if (block) {
        if (text !~ /\*\//) next
        sub(/.*\*\//, "", text)
        block = 0
    }
    if (text ~ /\/\*/ && text !~ /\/\*.*\*\//) { block = 1; sub(/\/\*.*/, "", text) }
    code = text ~ /^#include/ ? text : code_of(text)
}
code ~ /^#pragma once/ { once = 1 }
code ~ /^[ \t]*#[ \t]*define/ && FILENAME != "joust/version.hpp" && FILENAME != "joust/core/compiler.hpp" {
    report(FNR, "defines a macro; only version.hpp and core/compiler.hpp may")
}
code ~ /^[ \t]*#[ \t]*define/ && FILENAME == "joust/core/compiler.hpp" && code !~ /#define JOUST_[A-Z]/ {
    report(FNR, "defines a macro whose name does not begin with JOUST_")
}
code ~ /gnu::|__attribute__|__builtin_|__asm__|__extension__|__GNUC__|__clang__|__SSE|__AVX|__x86_64__|__SIZEOF_INT128__/ && FILENAME !~ /^joust\/core\/(compiler|x86)\.hpp$/ {
    report(FNR, "speaks to one compiler; core/compiler.hpp has the names for that")
}
code ~ /^[ \t]*#[ \t]*define/ && FILENAME == "joust/version.hpp" && code !~ /#define JOUST_VERSION_(MAJOR|MINOR|PATCH) [0-9]+$/ {
    report(FNR, "defines a macro other than JOUST_VERSION_MAJOR, _MINOR and _PATCH")
}
code ~ /^static[ \t]/ { report(FNR, "static at namespace scope: one copy per translation unit; say inline") }
code ~ /^[ \t]*namespace[ \t]*\{/ { report(FNR, "an unnamed namespace in a header breaks the one definition rule") }
code ~ /^[ \t]*using namespace/ { report(FNR, "a using directive in a header reaches its users") }
code ~ /^[ \t]*#[ \t]*include[ \t]*"/ { report(FNR, "includes are written <joust/...>, not in quotes") }
code ~ /^[ \t]*#[ \t]*include[ \t]*</ {
    name = code
    sub(/^[^<]*</, "", name)
    sub(/>.*/, "", name)
    split(name, parts, "/")
    first = parts[1]
    if (first == "joust") {
        edges[FILENAME] = edges[FILENAME] " " name
        line_of[FILENAME, name] = FNR
        target = room_of(name)
        if (target != "version.hpp" && target != "fwd.hpp" && index(" " allowed[room] " ", " " target " ") == 0)
            report(FNR, room " must not include " target " (<" name ">): that reverses, or leaves, the arrows between rooms")
    } else if (first in door) {
        third[FILENAME] = third[FILENAME] " " first
        if (room != "integration" && FILENAME !~ door[first])
            report(FNR, "<" name "> enters only by the door of its library, not here")
    } else if (name in banned) {
        report(FNR, "<" name "> is too heavy, or not the same on every platform: no header may include it")
    } else if (name == "thread" && FILENAME !~ /^joust\/(core\/executor|trial\/durable|trial\/plan_watch)\.hpp$/ && room != "integration") {
        report(FNR, "<thread> is for core/executor.hpp, trial/durable.hpp and trial/plan_watch.hpp alone")
    }
}
END {
    if (previous != "" && !once) { printf "include/%s:1: has no #pragma once\n", previous; bad = 1 }
    # A serving header must not reach a third-party library by way of others either.
    for (i = 1; i < ARGC; ++i) {
        start = ARGV[i]
        if (!(room_of(start) in serving) || start == "joust/trial/plan_watch.hpp") continue  # it watches a file
        delete seen
        delete chain
        delete queue
        head = 1; tail = 1
        queue[1] = start; seen[start] = 1; chain[start] = start
        while (head <= tail) {
            at = queue[head++]
            if ((at in third) && start !~ /_eigen\.hpp$/) {
                printf "include/%s:1: serves, but reaches%s by %s\n", start, third[at], chain[at]
                bad = 1
            }
            n = split(edges[at], next_ones, " ")
            for (k = 1; k <= n; ++k) {
                to = next_ones[k]
                if (to in seen) continue
                seen[to] = 1
                chain[to] = chain[at] " -> " to
                queue[++tail] = to
            }
        }
    }
    if (!bad) printf "%d headers keep to the include graph\n", ARGC - 1
    exit bad
}' "${headers[@]}"

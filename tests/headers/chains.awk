# SPDX-License-Identifier: Apache-2.0
#
# Usage, in include/: awk -f chains.awk HEADER...
#
# Sorts headers into as few chains as possible; each chain is one line of output and becomes one translation unit, which
# reads its headers in that order. In a chain every header includes the one before it, directly or by others. What the unit
# has read when it comes to a header is therefore what that header includes anyway: the header sees exactly what it sees when
# it is included alone, and one unit shows for the whole chain that each header stands alone.
#
# This is Dilworth's theorem: a largest matching between headers and their successors (Kuhn's augmenting paths) gives the
# least number of chains.

FNR == 1 { headers[++count] = FILENAME; depth = code = 0 }
/^ *# *if/ { depth++ }
/^ *# *endif/ { depth-- }
/^(inline )?namespace / { code = 1 }
# Only an include that is always read, before any code, counts.
/^#include <joust\// && depth == 0 && !code {
    name = $2
    gsub(/[<>]/, "", name)
    direct[FILENAME] = direct[FILENAME] " " name
}
/^#include / && code { late[FILENAME] = 1 }

function close_over(top, header,   names, n, i) { # everything that top includes by header
    n = split(direct[header], names, " ")
    for (i = 1; i <= n; i++) {
        if (!((top, names[i]) in below)) {
            below[top, names[i]] = 1
            close_over(top, names[i])
        }
    }
}

function augment(from,   i, to) {
    for (i = 1; i <= count; i++) {
        to = headers[i]
        if (!((to, from) in below) || (to in late) || (to in seen)) continue
        seen[to] = 1
        if (!(to in before) || augment(before[to])) {
            before[to] = from
            after[from] = to
            return 1
        }
    }
    return 0
}

END {
    for (i = 1; i <= count; i++) close_over(headers[i], headers[i])
    for (i = 1; i <= count; i++) {
        split("", seen)
        augment(headers[i])
    }
    for (i = 1; i <= count; i++) {
        if (headers[i] in before) continue
        chain = header = headers[i]
        while (header in after) {
            header = after[header]
            chain = chain " " header
        }
        print chain
    }
}

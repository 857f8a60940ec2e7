# SPDX-License-Identifier: Apache-2.0
#
# Reads a case, and then what a compiler said when all its rejections were compiled together, each in a namespace of its own.
# Prints for each rejection the first error that leads back to its lines: "n error".

FNR == NR {
    if ($0 ~ /^#if REJECT == [0-9]+$/) {
        number = $4
        depth = 0
    } else if ($0 ~ /^#if/) {
        ++depth
    } else if ($0 ~ /^#endif/ && depth-- == 0) {
        number = 0
    }
    owner[FNR] = number
    next
}

# The rejection to whose lines a place in a diagnostic leads, or 0.
function place(text)
{
    if ((at = index(text, source ":")) == 0) {
        return 0
    }
    return owner[substr(text, at + length(source) + 1) + 0]
}

function settle(number)
{
    if (number && pending != "" && !(number in first)) {
        first[number] = pending
    }
    pending = ""
}

/(^|[ :])(fatal )?error: / {
    # g++ names the way to an error before it, clang after it.
    pending = $0
    number = place($0)
    if (!number && way) {
        number = way
    }
    if (number) {
        settle(number)
    }
    way = 0
    next
}

/required from here|instantiation of .* requested here|while substituting/ {
    number = place($0)
    if (number) {
        if (clang) {
            settle(number)
        } else {
            way = number
        }
    }
    next
}

/ note: / {
    way = 0
}

END {
    for (number in first) {
        print number, first[number]
    }
}

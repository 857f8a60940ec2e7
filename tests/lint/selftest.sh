#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: selftest.sh SCRIPTS COMPILER FLAGS_FILE FOLDER
#
# Proves that each lint reports what it is for: makes a small tree that breaks one rule a line, in FOLDER, and looks for the
# reports.
set -u
scripts=$1 compiler=$2 flags=$3 folder=$4
rm -rf "$folder"
failures=0

expect() # output, sentence
{
    if ! grep -qF -- "$2" <<<"$1"; then
        printf 'the lint did not report: %s\nbut said:\n%s\n' "$2" "$1"
        failures=$((failures + 1))
    fi
}
fails() # command...: its output, which must come with a failure
{
    if "$@" 2>&1; then
        echo "PASSED WHAT IS WRONG: $*"
    fi
}
header() # path: standard input becomes a header
{
    mkdir -p "$folder/tree/include/joust/$(dirname "$1")"
    cat >"$folder/tree/include/joust/$1"
}

header core/a.hpp <<'END'
#pragma once
#include <joust/stats/s.hpp>
#include <iostream>
#define CORE_A 1
static int copies;
namespace {
}
#include <thread>
#include "core/b.hpp"
// #define not_a_macro
// #include <regex> is only spoken of here
/* #include <random>
#define neither_is_this */
using namespace std;
END
header core/unguarded.hpp <<'END'
inline int unguarded = 0;
END
header stats/s.hpp <<'END'
#pragma once
#include <joust/numeric/distributions.hpp>
#include <Eigen/Core>
END
header numeric/distributions.hpp <<'END'
#pragma once
#include <boost/math/distributions/normal.hpp>
END
header split/x.hpp <<'END'
#pragma once
#include <joust/shadow/y.hpp>
END
header shadow/y.hpp <<'END'
#pragma once
#include <joust/trial/z.hpp>
#include <fmt/core.h>
#include <nlohmann/json.hpp>
END
header trial/z.hpp <<'END'
#pragma once
#include <joust/numeric/distributions.hpp>
END
header version.hpp <<'END'
#pragma once
#define JOUST_VERSION_MAJOR 0
#define JOUST_FAST 1
END
header core/compiler.hpp <<'END'
#pragma once
#define JOUST_NOINLINE [[gnu::noinline]]
#define FAST 1
END
header split/fast.hpp <<'END'
#pragma once
[[gnu::noinline]] int slow();
inline int ones(unsigned x) { return __builtin_popcount(x); }
END
header attic/old.hpp <<'END'
#pragma once
END

output=$(fails "$scripts/lint_includes.sh" "$folder/tree")
expect "$output" "include/joust/core/a.hpp:2: core must not include stats (<joust/stats/s.hpp>)"
expect "$output" "include/joust/core/a.hpp:3: <iostream> is too heavy"
expect "$output" "include/joust/core/a.hpp:4: defines a macro"
expect "$output" "include/joust/core/a.hpp:5: static at namespace scope"
expect "$output" "include/joust/core/a.hpp:6: an unnamed namespace"
expect "$output" "include/joust/core/a.hpp:8: <thread> is for core/executor.hpp, trial/durable.hpp and trial/plan_watch.hpp alone"
expect "$output" "include/joust/core/a.hpp:9: includes are written <joust/...>"
expect "$output" "include/joust/core/a.hpp:14: a using directive"
expect "$output" "include/joust/core/unguarded.hpp:1: has no #pragma once"
expect "$output" "include/joust/stats/s.hpp:3: <Eigen/Core> enters only by the door"
expect "$output" "include/joust/split/x.hpp:2: split must not include shadow"
expect "$output" "include/joust/shadow/y.hpp:2: shadow must not include trial"
expect "$output" "include/joust/shadow/y.hpp:3: <fmt/core.h> enters only by the door"
expect "$output" "include/joust/shadow/y.hpp:4: <nlohmann/json.hpp> enters only by the door"
expect "$output" "include/joust/trial/z.hpp:1: serves, but reaches boost by joust/trial/z.hpp -> joust/numeric/distributions.hpp"
expect "$output" "include/joust/core/compiler.hpp:3: defines a macro whose name does not begin with JOUST_"
expect "$output" "include/joust/split/fast.hpp:2: speaks to one compiler"
expect "$output" "include/joust/split/fast.hpp:3: speaks to one compiler"
expect "$output" "include/joust/version.hpp:3: defines a macro other than JOUST_VERSION"
expect "$output" 'include/joust/attic/old.hpp:1: joust has no room "attic"'
for line in 10 11 12 13; do
    if grep -qF "core/a.hpp:$line:" <<<"$output"; then
        printf 'the lint took a comment for code: line %d\n%s\n' "$line" "$output"
        failures=$((failures + 1))
    fi
done
grep -qF "PASSED WHAT IS WRONG" <<<"$output" && echo "$output" && failures=$((failures + 1))

mkdir -p "$folder/forward/include/joust/core"
printf '#include <string>\nnamespace joust {\ninline namespace v0 {\nstruct gone;\ntemplate <class T = int>\nclass box;\n}\n}\n' \
    >"$folder/forward/include/joust/core/fwd.hpp"
printf 'namespace joust {\ninline namespace v0 {\ntemplate <class T>\nstruct box {\n};\nenum class shade {\n};\ntemplate <class T = int>\n%s' \
    $'class lid {\n};\n}\n}\n' >"$folder/forward/include/joust/core/box.hpp"
output=$(fails "$scripts/lint_fwd.sh" "$folder/forward")
expect "$output" "core/fwd.hpp:1: a header of forward declarations includes something"
expect "$output" "core/fwd.hpp:4: joust::gone is declared, but no header"
expect "$output" "core/fwd.hpp:6: joust::box is declared otherwise"
expect "$output" "core/box.hpp:4: joust::box has a default argument in fwd.hpp"
expect "$output" "core/box.hpp:6: joust::shade is not declared"
expect "$output" "core/box.hpp:9: joust::lid is not declared"

mkdir -p "$folder/umbrella/include/joust/core"
printf '// Without joust/core/a.hpp, joust/core/gone.hpp\n#include <joust/core/a.hpp>\n' >"$folder/umbrella/include/joust/joust.hpp"
touch "$folder/umbrella/include/joust/core/a.hpp" "$folder/umbrella/include/joust/core/b.hpp"
output=$(fails "$scripts/lint_umbrella.sh" "$folder/umbrella")
expect "$output" "include/joust/core/b.hpp:1: is not in joust.hpp"
expect "$output" "names joust/core/a.hpp as left out; there is no such header, or it comes with joust.hpp"
expect "$output" "names joust/core/gone.hpp as left out"

mkdir -p "$folder/paths"
printf 'int x;  \n' >"$folder/paths/blanks.cpp"
printf 'see /%s/me/notes\n' root >"$folder/paths/notes.md"
printf '%s HEAD\n' '<<<<<<<' >"$folder/paths/merge.md"
git -C "$folder/paths" init -q 2>/dev/null  # a repository of its own, since the build folder is ignored by joust's
printf '#!/bin/sh\n# Text\n' >"$folder/paths/tool.sh"
output=$(fails "$scripts/lint_spdx.sh" "$folder/paths")
expect "$output" "blanks.cpp:1: does not begin with"
expect "$output" "tool.sh:1: does not begin with"
"$scripts/lint_spdx.sh" --fix "$folder/paths" >/dev/null
expect "$(sed -n 2p "$folder/paths/tool.sh")" "# SPDX-License-Identifier: Apache-2.0"
expect "$("$scripts/lint_spdx.sh" "$folder/paths")" "2 files state their licence"
output=$(fails "$scripts/lint_paths.sh" "$folder/paths")
expect "$output" "blanks.cpp:3: ends with blanks"
expect "$output" "notes.md:1: names a folder of one machine"
expect "$output" "merge.md:1: a conflict mark"

mkdir -p "$folder/budget/scripts"
cp -r "$folder/tree/include" "$folder/budget/"
cp "$scripts/line_budget.sh" "$folder/budget/scripts/"
printf 'joust/core/* 5\njoust/split/* 5\n' >"$folder/budget/scripts/line_budgets.txt"
printf '#pragma once\n#include <string>\n' >"$folder/budget/include/joust/core/a.hpp"
printf '#pragma once\n#include <no_such_header>\n' >"$folder/budget/include/joust/split/x.hpp"
output=$(fails "$folder/budget/scripts/line_budget.sh" "$compiler")
expect "$output" "include/joust/core/a.hpp:1: preprocesses to"
expect "$output" "include/joust/split/x.hpp:1: does not preprocess"
expect "$output" "include/joust/version.hpp:1: has no budget"

cat >"$folder/page.md" <<'END'
Text.

```cpp
int main() { return 0; }
```

```cpp
int main()
{
    return undeclared_in_the_page;
}
```

```cpp typo
```

    ```cpp no-compile
    not C++ at all
    ```
END
output=$(fails "$scripts/snippets.sh" "$compiler" "$flags" "$folder/snippets" "$folder/page.md")
expect "$output" "page.md:7: this fence does not compile"
expect "$output" "page.md:10:12: error"
expect "$output" 'page.md:14: a fence marked "typo"'
expect "$output" "2 fences compiled, 2 marked no-compile"

if command -v python3 >/dev/null; then
    mkdir -p "$folder/costs/include/joust/stats"
    cat >"$folder/costs/include/joust/stats/c.hpp" <<'END'
namespace joust {
inline namespace v0 {
namespace stats {

/// A number, which costs nothing (but a word).
inline constexpr double limit = double(2);

/// Square a number.
/// cost: one multiplication
[[nodiscard]] inline double square(double x) noexcept { return x * x; }
/// Square a whole number. It shares the line above.
[[nodiscard]] inline int square(int x) noexcept { return x * x; }

/// Cube a number.
template <class T>
    requires(sizeof(T) > 1)
[[nodiscard]] double cube(T x) noexcept(noexcept(x * x))
{
    return x * x * x;
}

namespace detail {

/// Sum up. Nobody outside calls it.
double sum(double x);

}  // namespace detail

/// Add up numbers.
class adder {
public:
    /// Add one number.
    void add(double x) { sum_ += x; }

private:
    double sum_ = 0.0;
};

/// Count. cost: one addition
class counter {
public:
    /// Count one.
    void add() { ++count_; }
    int count_ = 0;
};

}  // namespace stats
}  // namespace v0
}  // namespace joust
END
    output=$(fails "$scripts/lint_costs.py" "$folder/costs")
    expect "$output" "c.hpp:15: cube states no cost"
    expect "$output" "c.hpp:30: class adder states no cost"
    if [ "$(wc -l <<<"$output")" -ne 2 ]; then
        printf 'the lint of costs took what is right for wrong:\n%s\n' "$output"
        failures=$((failures + 1))
    fi
    mkdir -p "$folder/links/docs"
    printf '# A page\n\n## The part: one\n\n[good](docs/other.md#it-is) [bad](docs/gone.md) [here](#the-part-one)\n\n```\n[code](none.md)\n```\n' \
        >"$folder/links/README.md"
    printf '# Other\n\n## It is\n\n[up](../README.md#the-part-two) `[code](none.md)` ![no picture](none.png)\n' >"$folder/links/docs/other.md"
    printf 'nav:\n  - Home: README.md\n' >"$folder/links/mkdocs.yml"
    git init -q "$folder/links"   # else the tree around the folder would be listed
    output=$(fails "$scripts/lint_links.py" "$folder/links")
    expect "$output" "README.md:5: docs/gone.md does not exist"
    expect "$output" "docs/other.md:5: ../README.md#the-part-two names no heading"
    expect "$output" "docs/other.md:5: none.png does not exist"
    expect "$output" "mkdocs.yml: names docs/README.md, which does not exist"
    expect "$output" "docs/other.md:1: stands in no navigation"
    if grep -qE "none.md|#the-part-one|#it-is" <<<"$output"; then
        printf 'the lint of links took what is right for wrong:\n%s\n' "$output"
        failures=$((failures + 1))
    fi
fi

((failures == 0)) && echo "every lint reports what it is for"
exit $((failures > 0))

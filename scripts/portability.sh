#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: portability.sh [--short]
#
# Compiles tests/portability/golden.cpp for each target, runs it, compares what it prints with golden.txt, and prints a table.
# --short tries what differs most from the rest of the tests: Clang with libc++, aarch64, and the plain forms of
# core/compiler.hpp. Missing packages are installed with apt-get, as root or by sudo; a target whose packages cannot be had is
# "not tried". The exit code is 1 where a target was tried and failed.
set -u
export LC_ALL=C
cd "$(dirname "$0")/.." || exit 2
short=0
case ${1:-} in
"") ;;
--short) short=1 ;;
*)
    sed -n '4,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

out=$PWD/build/portability
rm -rf "$out/rows"
mkdir -p "$out/rows"
golden=$PWD/tests/portability/golden.txt
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)

# --- What is missing, and installing it -------------------------------------------------------------------------------------

updated=0
reason=""

as_root() # command...
{
    if ((EUID == 0)); then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Sets `reason` where a package is not there and cannot be installed.
want() # package, a program or file that it brings
{
    [[ -z $reason ]] || return 0
    if command -v "$2" >/dev/null || [[ -e $2 ]]; then
        return 0
    fi
    if [[ ${JOUST_NO_INSTALL:-0} == 1 ]] || ! command -v apt-get >/dev/null || ! as_root true 2>/dev/null; then
        reason="needs $1"
        return 0
    fi
    if ((!updated)) && ! apt-cache show "$1" >/dev/null 2>&1; then
        as_root apt-get update -q >&2
        updated=1
    fi
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" >"$out/apt.log" 2>&1; then
        reason="$1 cannot be installed"
    fi
    hash -r
}

# Debian lets one libc++ be installed at a time, so that the second one is unpacked beside it.
libcxx19=$out/libcxx-19
want_libcxx19()
{
    [[ -z $reason ]] || return 0
    [[ -e $libcxx19/usr/lib/llvm-19/lib/libc++.a ]] && return 0
    if [[ ${JOUST_NO_INSTALL:-0} == 1 ]] || ! command -v apt-get >/dev/null; then
        reason="needs libc++-19-dev"
        return 0
    fi
    mkdir -p "$libcxx19/packages"
    if ! (cd "$libcxx19/packages" && apt-get download -q libc++-19-dev libc++abi-19-dev) >"$out/apt.log" 2>&1; then
        reason="libc++-19-dev cannot be downloaded"
        return 0
    fi
    local package
    for package in "$libcxx19"/packages/*.deb; do
        dpkg -x "$package" "$libcxx19"
    done
}

# --- One target -------------------------------------------------------------------------------------------------------------

rows=0

row() # title of the compiler, target, command that runs the program or "", compiler, arguments...
{
    local number title=$1 target=$2 runner=$3
    rows=$((rows + 1))
    number=$(printf '%02d' $rows)
    shift 3
    if [[ -n $reason ]]; then
        printf '| %s | | %s | not tried: %s | | |\n' "$title" "$target" "$reason" >"$out/rows/$number"
        reason=""
        return
    fi
    while (($(jobs -rp | wc -l) >= $(nproc))); do
        wait -n
    done
    try "$number" "$title" "$target" "$runner" "$@" &
}

try() # number, title, target, runner, compiler, arguments...
{
    local number=$1 title=$2 target=$3 runner=$4 program=$out/golden-$1 log=$out/rows/$1.log library compiles=yes runs="" equal=""
    shift 4
    library=$(printf '#include <version>\n' | "$@" -Iinclude -x c++ -dM -E - 2>/dev/null | awk '
        $2 == "_LIBCPP_VERSION" { n = $3 + 0; print "libc++ " (n >= 100000 ? int(n / 10000) : int(n / 1000)) }
        $2 == "_GLIBCXX_RELEASE" { print "libstdc++ " $3 }')
    local name=${title%%[ ,]*} version
    version=$("$1" -dumpfullversion -dumpversion 2>/dev/null)
    title="$name ${version%-posix}${title#"$name"}"
    [[ $target == *Windows* ]] && program+=.exe
    if ! nice "$1" -Iinclude tests/portability/golden.cpp "${warnings[@]}" "${@:2}" -o "$program" >"$log" 2>&1; then
        compiles=NO
    elif [[ $runner == none ]]; then
        runs="not tried"
    elif ! nice $runner "$program" 2>"$log" | tr -d '\r' >"$out/$number.txt" || [[ ${PIPESTATUS[0]} != 0 ]]; then
        runs=NO
    else
        runs=yes
        equal=$(compare "$golden" "$out/$number.txt")
    fi
    printf '| %s | %s | %s | %s | %s | %s |\n' "$title" "$library" "$target" "$compiles" "$runs" "$equal" >"$out/rows/$number"
}

compare() # golden, printed
{
    awk -v golden="$1" '
        function size(x) { return x < 0 ? -x : x }
        { printed[NR] = $0 }
        END {
            while ((getline line < golden) > 0) {
                ++lines
                got = printed[lines]
                if (line == got) continue
                value = line; sub(/.* /, "", value); name = substr(line, 1, length(line) - length(value))
                other = got; sub(/.* /, "", other)
                if (name ~ /^near / && name other == got && size(value - other) <= 1e-12 * size(value)) { ++near; continue }
                if (wrong == "") { wrong = name; sub(/^(same|near) /, "", wrong); sub(/ $/, "", wrong) }
                ++differ
            }
            if (lines == 0) print "NO: no golden values"
            else if (lines != NR) print "NO: " NR " values of " lines
            else if (differ) print "NO: " differ " differ, " wrong " first"
            else print "all " lines (near ? ", " near " of them to 1e-12" : "")
        }' "$2"
}

# Without exceptions joust says in one sentence what it needs.
refuses_no_exceptions() # compiler, option that stops at the first error
{
    printf '#include <joust/joust.hpp>\n' | "$1" -std=c++20 -Iinclude -fno-exceptions "$2" -fsyntax-only -x c++ - 2>&1 |
        grep -m 1 'error:' | grep -q 'joust needs exceptions'
}

# --- The targets ------------------------------------------------------------------------------------------------------------

cxx20=(-std=c++20 -O1)
fused=(-std=c++20 -O2)  # where GCC makes fused operations

# Clang finds the libc++ of its own version.
own_libcxx()
{
    want clang clang++
    local version
    version=$(clang++ -dumpversion 2>/dev/null | cut -d. -f1)
    want "libc++-$version-dev" "/usr/lib/llvm-$version/include/c++/v1/version"
    want "libc++abi-$version-dev" "/usr/lib/llvm-$version/lib/libc++abi.a"
}

qemu() # architecture as qemu and as compilers have it
{
    want qemu-user "qemu-$1"
    want "g++-${2//_/-}" "$2-g++"
}

want g++ g++
if ((!short)); then
    row g++ x86-64 "" g++ -std=c++20 -O2
    row "g++, C++23" x86-64 "" g++ -std=c++23 -O2
    row "g++ -fno-rtti" x86-64 "" g++ "${cxx20[@]}" -fno-rtti
    row "g++ -O3 -march=x86-64-v3" x86-64 "" g++ -std=c++20 -O3 -march=x86-64-v3
fi
row "g++, plain forms" x86-64 "" g++ "${cxx20[@]}" -DJOUST_PLAIN_COMPILER
own_libcxx
row clang++ x86-64 "" clang++ "${cxx20[@]}" -stdlib=libc++ -pthread
qemu aarch64 aarch64-linux-gnu
row g++ "aarch64, by qemu" qemu-aarch64 aarch64-linux-gnu-g++ "${fused[@]}" -static
if ((!short)); then
    want clang clang++
    row clang++ x86-64 "" clang++ "${cxx20[@]}"
    own_libcxx
    row "clang++, plain forms" x86-64 "" clang++ "${cxx20[@]}" -stdlib=libc++ -pthread -DJOUST_PLAIN_COMPILER
    want clang-19 clang++-19
    row clang++ x86-64 "" clang++-19 "${cxx20[@]}"
    want clang-19 clang++-19
    want_libcxx19
    row clang++ x86-64 "" clang++-19 "${cxx20[@]}" -pthread -nostdinc++ -isystem "$libcxx19/usr/lib/llvm-19/include/c++/v1" \
        -nostdlib++ -L "$libcxx19/usr/lib/llvm-19/lib" -Wl,--push-state,-Bstatic -Wl,--start-group -lc++ -lc++abi -Wl,--end-group -Wl,--pop-state
    qemu s390x s390x-linux-gnu
    row g++ "s390x (big-endian), by qemu" qemu-s390x s390x-linux-gnu-g++ "${fused[@]}" -static
    qemu arm arm-linux-gnueabihf
    row g++ "32-bit ARM (armhf), by qemu" qemu-arm arm-linux-gnueabihf-g++ "${cxx20[@]}" -static
    want g++-mingw-w64-x86-64-posix x86_64-w64-mingw32-g++-posix
    compiler_reason=$reason
    want wine64 /usr/lib/wine/wine64
    wine=/usr/lib/wine/wine64 reason=$compiler_reason
    [[ -x $wine ]] || wine=none
    export WINEDEBUG=-all WINEPREFIX=$out/wine
    row "g++ (mingw-w64)" "x86-64 Windows, by wine" "$wine" x86_64-w64-mingw32-g++-posix "${cxx20[@]}" -static
fi

exceptions=""
refuses_no_exceptions g++ -fmax-errors=1 || exceptions="g++"
if command -v clang++ >/dev/null; then
    refuses_no_exceptions clang++ -ferror-limit=1 || exceptions+=" clang++"
fi
wait

printf '| compiler | standard library | target | compiles | runs | golden values equal |\n|---|---|---|---|---|---|\n'
cat "$out"/rows/[0-9][0-9]
failed=0
for log in "$out"/rows/*.log; do
    row=${log%.log}
    if grep -q '| NO' "$row"; then
        failed=1
        printf '\n%s\n' "$(cat "$row")"
        grep -E -m 5 'error|undefined|rror:' "$log" || head -n 5 "$log"
    fi
done
if [[ -n $exceptions ]]; then
    failed=1
    printf '\nno sentence about exceptions with -fno-exceptions from: %s\n' "$exceptions"
else
    printf '\nWith -fno-exceptions one sentence says that joust needs exceptions.\n'
fi
exit $failed

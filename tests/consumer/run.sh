#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: run.sh find_package|add_subdirectory|pkg_config|readme|components|compiled ROOT BUILD FOLDER CMAKE COMPILER VERSION
#
# ROOT is joust's source tree, BUILD a configured build of it; all that is made goes into FOLDER.
set -eu
way=$1 root=$2 build=$3 folder=$4 cmake=$5 compiler=$6 version=$7
here=$root/tests/consumer
rm -rf "$folder"
mkdir -p "$folder"

configure()
{
    "$cmake" -S "$here/$way" -B "$folder/build" -DCMAKE_CXX_COMPILER="$compiler" "$@"
    "$cmake" --build "$folder/build"
    "$folder/build/consumer"
}

case $way in
find_package)
    "$cmake" --install "$build" --prefix "$folder/first" >/dev/null
    mv "$folder/first" "$folder/moved"  # an installed tree may be moved
    configure -DCMAKE_PREFIX_PATH="$folder/moved" -DJOUST_WANTED="${version%.*}"
    ;;
compiled)
    # With the compiled library: installed, moved and linked. Its bodies are in no other file, and without it nothing links.
    "$cmake" -S "$root" -B "$folder/joust" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Release \
        -DJOUST_BUILD_COMPILED=ON -DJOUST_BUILD_TESTS=OFF -DJOUST_BUILD_EXAMPLES=OFF >/dev/null
    "$cmake" --build "$folder/joust"
    "$cmake" --install "$folder/joust" --prefix "$folder/first" >/dev/null
    mv "$folder/first" "$folder/moved"
    configure -DCMAKE_PREFIX_PATH="$folder/moved" -DJOUST_WANTED="${version%.*}"
    object=$(find "$folder/build" -name "main.cpp.o")
    bodies() { nm -C "$@" | grep -c ' [TW] joust::v0::detail::decide_ab('; }
    if [[ $(bodies "$folder"/moved/lib*/libjoust_compiled.a) != 1 || $(bodies "$object") != 0 ]]; then
        echo "decide_ab is not where it should be: once in the library, and not in the program's file"
        exit 1
    fi
    if "$compiler" "$object" -o "$folder/unlinked" 2>/dev/null; then
        echo "a file compiled for the library links without it"
        exit 1
    fi
    ;;
add_subdirectory)
    configure -DJOUST_ROOT="$root"
    ;;
pkg_config)
    if ! command -v pkg-config >/dev/null; then
        echo "pkg-config is not installed"
        exit 77
    fi
    "$cmake" --install "$build" --prefix "$folder/first" >/dev/null
    mv "$folder/first" "$folder/moved"
    export PKG_CONFIG_PATH=$folder/moved/share/pkgconfig
    if [[ $(pkg-config --modversion joust) != "$version" ]]; then
        echo "joust.pc states version $(pkg-config --modversion joust), not $version"
        exit 1
    fi
    # shellcheck disable=SC2046  # several flags, to be split
    "$compiler" -std=c++20 $(pkg-config --cflags joust) "$here/main.cpp" $(pkg-config --libs joust) -o "$folder/consumer"
    "$folder/consumer"
    ;;
readme)
    # The program of the readme, by the line that the readme gives for pkg-config.
    if ! command -v pkg-config >/dev/null || ! pkg-config --exists fmt; then
        echo "pkg-config, or what it should say of fmt, is not installed"
        exit 77
    fi
    "$cmake" --install "$build" --prefix "$folder/first" >/dev/null
    export PKG_CONFIG_PATH=$folder/first/share/pkgconfig
    awk '/^```cpp/ {inside = 1; text = ""; next}
        /^```/ {if (inside && text ~ /int main\(/) {printf "%s", text; exit} inside = 0}
        inside {text = text $0 "\n"}' "$root/README.md" >"$folder/service.cpp"
    line=$(find "$root/README.md" "$root/docs" -name '*.md' -exec grep -hE '^c\+\+ .*pkg-config.*service\.cpp|^c\+\+ .*service\.cpp.*pkg-config' {} + |
        sed 's/^c++ //; s/ *#.*//; 1q')
    if [[ ! -s $folder/service.cpp || $line != *service.cpp* ]]; then
        echo "no page has a program and a line for pkg-config that compiles service.cpp"
        exit 1
    fi
    echo "c++ $line"
    (cd "$folder" && eval "$compiler $line -o service" && ./service)
    ;;
components)
    installed() # component
    {
        "$cmake" --install "$build" --prefix "$folder/$1" --component "$1" >/dev/null
        (cd "$folder/$1" && find . -type f | sort)
    }
    diff <(cd "$root" && find include -name '*.hpp' | sort) <(installed headers | sed 's|^\./||')
    diff - <(installed cmake) <<'END'
./share/cmake/joust/joustComponents.cmake
./share/cmake/joust/joustConfig.cmake
./share/cmake/joust/joustConfigVersion.cmake
./share/cmake/joust/joustTargets.cmake
./share/pkgconfig/joust.pc
END
    diff - <(installed docs | xargs -n 1 basename) <<'END'
CHANGELOG.md
CITATION.cff
LICENSE
README.md
END
    echo "each component installs its files"
    ;;
*)
    echo "no such way: $way"
    exit 2
    ;;
esac

#!/usr/bin/env bash
# Usage: run.sh find_package|add_subdirectory|pkg_config ROOT BUILD FOLDER CMAKE COMPILER VERSION
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
esac

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: missing.sh ROOT FOLDER CMAKE COMPILER
#
# Without its dependencies the library still configures; its tests stop, and name what is missing and how to get it.
set -u
root=$1 folder=$2 cmake=$3 compiler=$4
rm -rf "$folder"
hidden=()
for package in Catch2 Eigen3 fmt Boost nlohmann_json; do
    hidden+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done

if ! output=$("$cmake" -S "$root" -B "$folder/library" -DCMAKE_CXX_COMPILER="$compiler" "${hidden[@]}" \
    -DJOUST_BUILD_TESTS=OFF -DJOUST_BUILD_EXAMPLES=OFF 2>&1); then
    printf 'the library alone does not configure without its optional dependencies:\n%s\n' "$output"
    exit 1
fi
if output=$("$cmake" -S "$root" -B "$folder/tests" -DCMAKE_CXX_COMPILER="$compiler" "${hidden[@]}" 2>&1); then
    echo "the tests configure although everything they need is missing"
    exit 1
fi
output=$(tr -s ' \n' '  ' <<<"$output")
for sentence in "the tests need Catch2, Eigen3, fmt, Boost, nlohmann_json" \
    "apt-get install --no-install-recommends catch2 libeigen3-dev libfmt-dev libboost-dev nlohmann-json3-dev" \
    "-DJOUST_FETCH_DEPS=ON"; do
    if ! grep -qF -- "$sentence" <<<"$output"; then
        printf 'CMake does not say "%s", but:\n%s\n' "$sentence" "$output"
        exit 1
    fi
done
echo "the library configures alone, and the tests name what they miss"

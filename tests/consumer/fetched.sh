#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: fetched.sh ROOT FOLDER CMAKE COMPILER
#
# Configures joust with JOUST_FETCH_DEPS=ON while every installed package is hidden from CMake, and with source trees at hand
# that look like those which would be fetched, made of the installed headers. Then builds and runs a test and the runner with
# them. What remains untested without a network is the download itself.
set -eu
root=$1 folder=$2 cmake=$3 compiler=$4
rm -rf "$folder"
mkdir -p "$folder"

include_folder() # header: the include folder the compiler finds it in
{
    local extra path
    for extra in "" /usr/include/eigen3 /usr/local/include/eigen3; do
        path=$(printf '#include <%s>\n' "$1" |
            "$compiler" -std=c++20 ${extra:+-I"$extra"} -x c++ -E - 2>/dev/null |
            sed -n "s|^# [0-9]* \"\(.*\)/$1\".*|\1|p" | head -n 1) || true
        [[ -n $path ]] && printf '%s\n' "$path" && return
    done
    echo "no compiler finds $1" >&2
    return 1
}

mkdir -p "$folder"/{eigen,fmt/include,boost/include,json/include,catch2/include}
ln -s "$(include_folder Eigen/Core)/Eigen" "$folder/eigen/Eigen"
ln -s "$(include_folder Eigen/Core)/unsupported" "$folder/eigen/unsupported"
ln -s "$(include_folder fmt/format.h)/fmt" "$folder/fmt/include/fmt"
ln -s "$(include_folder boost/math/distributions/normal.hpp)/boost" "$folder/boost/include/boost"
ln -s "$(include_folder nlohmann/json.hpp)/nlohmann" "$folder/json/include/nlohmann"
catch=$(include_folder catch2/catch.hpp 2>/dev/null || include_folder catch2/catch_test_macros.hpp)
ln -s "$catch/catch2" "$folder/catch2/include/catch2"
cat >"$folder/catch2/CMakeLists.txt" <<'CMAKE'
add_library(stand_in_catch2 INTERFACE)
target_include_directories(stand_in_catch2 SYSTEM INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include)
add_library(Catch2::Catch2 ALIAS stand_in_catch2)
CMAKE

hidden=()
for package in Catch2 Eigen3 fmt Boost nlohmann_json; do
    hidden+=("-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON")
done
"$cmake" -S "$root" -B "$folder/build" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=Debug "${hidden[@]}" \
    -DJOUST_FETCH_DEPS=ON -DFETCHCONTENT_FULLY_DISCONNECTED=ON \
    -DFETCHCONTENT_SOURCE_DIR_JOUST_CATCH2="$folder/catch2" \
    -DFETCHCONTENT_SOURCE_DIR_JOUST_EIGEN="$folder/eigen" \
    -DFETCHCONTENT_SOURCE_DIR_JOUST_FMT="$folder/fmt" \
    -DFETCHCONTENT_SOURCE_DIR_JOUST_BOOST_MATH="$folder/boost" \
    -DFETCHCONTENT_SOURCE_DIR_JOUST_BOOST_MULTIPRECISION="$folder/boost" \
    -DFETCHCONTENT_SOURCE_DIR_JOUST_NLOHMANN_JSON="$folder/json"
"$cmake" --build "$folder/build" --target joust_dependencies
"$folder/build/tests/consumer/joust_dependencies"

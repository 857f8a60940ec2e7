#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: single_header.sh ROOT COMPILER FLAGS_FILE FOLDER
#
# Makes the single header and runs the readme's program with it, out of reach of the source tree. A second unit that includes it too
# has to link with the first.
set -eu
root=$1 compiler=$2 flags=$3 folder=$4
rm -rf "$folder"
mkdir -p "$folder"
"$root/scripts/amalgamate.sh" "$folder/include"

if grep -rnE '#include <joust/' "$folder/include/joust/joust.hpp"; then
    echo "the single header includes a header of the tree"
    exit 1
fi
awk '/^```cpp/ {inside = 1; text = ""; next}
    /^```/ {if (inside && text ~ /int main\(/) {printf "%s", text; exit} inside = 0}
    inside {text = text $0 "\n"}' "$root/README.md" >"$folder/service.cpp"
printf '#include <joust/joust.hpp>\nint seconds_unit() { return JOUST_VERSION_MAJOR; }\n' >"$folder/second.cpp"

grep -vxF -e "-I$root/include" -e "-I$root/tests" "$flags" >"$folder/flags.txt"
"$compiler" @"$folder/flags.txt" -I"$folder/include" -DFMT_HEADER_ONLY=1 -Wall -Wextra -Wpedantic -Werror -O0 \
    "$folder/service.cpp" "$folder/second.cpp" -o "$folder/service"
output=$("$folder/service")
printf '%s\n' "$output"
grep -qF "A/B test" <<<"$output"

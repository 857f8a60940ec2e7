#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: release.sh [FOLDER]
#
# Makes what a release hands out, from the last commit, in FOLDER (build/release):
#
#   joust-VERSION.tar.gz                 the source tree
#   joust-VERSION-single-header.tar.gz   joust/joust.hpp and joust/format.hpp, each in one file
#   SHA256SUMS                           the digests of both
#
# Refuses a tree with changes that are not committed. The same commit gives the same bytes.
set -eu
export LC_ALL=C
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/build/release}
refuse()
{
    printf 'joust: %s\n' "$1" >&2
    exit 2
}

cd "$root"
[[ $(git rev-parse --show-toplevel 2>/dev/null) == "$root" ]] || refuse "a release is made from a git repository, and $root is none"
changes=$(git status --porcelain)
[[ -z $changes ]] || refuse "these changes are not committed, and a release is made from a commit:"$'\n'"$changes"

version=$(sed -n 's/#define JOUST_VERSION_[A-Z]* //p' include/joust/version.hpp | paste -sd.)
grep -qxF "version: $version" CITATION.cff || refuse "CITATION.cff states another version than version.hpp, which says $version"
grep -qF "\"version-semver\": \"$version\"" cmake/packaging/vcpkg/joust/vcpkg.json ||
    refuse "vcpkg.json states another version than version.hpp, which says $version"
heading=$(grep -m 1 "^## ${version//./\\.}\( \|\$\)" CHANGELOG.md) || refuse "CHANGELOG.md has no section for $version"
[[ $heading == *unreleased* ]] && printf 'joust: note that CHANGELOG.md still calls %s unreleased\n' "$version"

rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
name=joust-$version
git archive --format=tar --prefix="$name/" HEAD | gzip -n9 >"$folder/$name.tar.gz"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts/amalgamate.sh "$scratch/$name-single-header" >/dev/null
cp LICENSE "$scratch/$name-single-header/"
tar -C "$scratch" --sort=name --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' --mtime="@$(git log -1 --format=%ct)" \
    -cf - "$name-single-header" | gzip -n9 >"$folder/$name-single-header.tar.gz"

cd "$folder"
sha256sum -- *.tar.gz >SHA256SUMS
printf 'joust %s, from commit %s, in %s:\n' "$version" "$(git -C "$root" rev-parse --short HEAD)" "$folder"
cat SHA256SUMS

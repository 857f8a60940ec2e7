#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Usage: archive.sh ROOT FOLDER VERSION
#
# Makes a release of a copy of the tree as it is now, in a repository of its own: what is in it, that its digests are right, that the
# same commit gives the same bytes, and that a changed tree is refused.
set -eu
export LC_ALL=C
root=$1 folder=$2 version=$3
if ! git -C "$root" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    echo "the tree is no git repository"
    exit 77
fi
rm -rf "$folder"
mkdir -p "$folder/tree"
cd "$root"
git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -T - -cf - | tar -C "$folder/tree" -xf -
cd "$folder/tree"
git init -q .
git add -A
git -c user.name=test -c user.email=test@example.invalid commit -qm "The tree as it is now"

for time in first second; do
    scripts/release.sh "$folder/$time"
    (cd "$folder/$time" && sha256sum --check --quiet SHA256SUMS)
done
if ! cmp "$folder/first/SHA256SUMS" "$folder/second/SHA256SUMS"; then
    echo "the same commit made two different releases"
    exit 1
fi
diff <(git ls-files | sort) <(tar -tzf "$folder/first/joust-$version.tar.gz" | sed -n "s|^joust-$version/\(.*[^/]\)\$|\1|p" | sort)
diff - <(tar -tzf "$folder/first/joust-$version-single-header.tar.gz" | grep -v '/$' | sort) <<END
joust-$version-single-header/LICENSE
joust-$version-single-header/joust/format.hpp
joust-$version-single-header/joust/joust.hpp
END

refused() # sentence: a release is refused now, for this reason
{
    local output
    if output=$(scripts/release.sh "$folder/refused" 2>&1) || ! grep -qF -- "$1" <<<"$output"; then
        printf 'the release is not refused with "%s", but:\n%s\n' "$1" "$output"
        exit 1
    fi
}
echo "more" >>README.md
refused "these changes are not committed"
git checkout -q README.md
sed -i 's/^version: .*/version: 9.9.9/' CITATION.cff
git -c user.name=test -c user.email=test@example.invalid commit -qam "Another version"
refused "CITATION.cff states another version"
echo "a release holds the tree and the single header, and a changed tree is refused"

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: lint_links.py [ROOT]

Checks every link and picture of the tracked Markdown files without building anything: a relative link must name a file or a folder of the
tree, and a fragment a heading of the page. Every page of docs/ must stand in the navigation of mkdocs.yml, which must name no page that does
not exist; those of docs/evidence are added to it when the site is built. Prints file and line of each breach.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^ *(```+|~~~+)")
CODE = re.compile(r"(`+)(?:(?!\1).)+\1")


def lines_of(path):
    """The lines of a page with their numbers, without what stands in fences and in code."""
    fence = None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = FENCE.match(line)
        if mark and (fence is None or line.strip().startswith(fence)):
            fence = None if fence else mark.group(1)
            continue
        if fence is None:
            yield number, line


def slug(heading):
    """The name that GitHub gives to a heading; mkdocs agrees for the headings that are used here."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    text = re.sub(r"[^\w\- ]", "", text.strip().lower())
    return re.sub(r"[\s]", "-", text)


def headings(path, known={}):
    if path not in known:
        names = set()
        for _, line in lines_of(path):
            match = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
            if match:
                name, n = slug(match.group(1)), 0
                while (name if n == 0 else f"{name}-{n}") in names:
                    n += 1
                names.add(name if n == 0 else f"{name}-{n}")
        known[path] = names
    return known[path]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]).resolve()
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=root, capture_output=True,
                                text=True, check=True).stdout.split("\n")
        pages = [root / name for name in listed if name and (root / name).exists()]
    except (OSError, subprocess.CalledProcessError):
        pages = [path for path in root.rglob("*.md") if "build" not in path.relative_to(root).parts]
    wrong, count = [], 0
    for page in sorted(pages):
        for number, line in lines_of(page):
            for target in LINK.findall(CODE.sub("", line)):
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                count += 1
                place, _, fragment = target.partition("#")
                file = Path(os.path.normpath(page.parent / place)) if place else page
                where = f"{page.relative_to(root)}:{number}"
                if not file.exists():
                    wrong.append(f"{where}: {target} does not exist")
                elif fragment and file.suffix == ".md" and fragment not in headings(file):
                    wrong.append(f"{where}: {target} names no heading of that page")
    navigation = root / "mkdocs.yml"
    if navigation.exists():
        named = set(re.findall(r"([\w./-]+\.md)\b", navigation.read_text(encoding="utf-8")))
        there = {str(path.relative_to(root / "docs")) for path in pages if (root / "docs") in path.parents}
        wrong += [f"mkdocs.yml: names docs/{name}, which does not exist" for name in sorted(named - there)]
        wrong += [f"docs/{name}:1: stands in no navigation of mkdocs.yml" for name in sorted(there - named) if not name.startswith("evidence/")]
    print("\n".join(wrong) if wrong else f"{count} links of {len(pages)} pages resolve")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Usage: lint_costs.py [ROOT]

Checks that the public functions of the statistics state what they cost: in joust/numeric, joust/stats, joust/quality and joust/monitor
each documented function outside of classes has a `cost:` line, and so has each class with documented functions that compute (its line
speaks for them; a function with a line of its own is exempt). Overloads that follow each other may share the line of the first one.
What namespace detail holds is no concern of users. Prints file and line of each function or class without a cost.
"""

import re
import sys
from pathlib import Path

ROOMS = ("numeric", "stats", "quality", "monitor")
NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_:]*|operator\S+)\s*\(")
KEYWORDS = {"if", "for", "while", "switch", "requires", "decltype", "noexcept", "sizeof", "alignas", "static_assert", "explicit"}
# Words with which the first sentence of a function begins that only hands out what is stored, or that sets it.
PLAIN = re.compile(r"^/// (Return|Give|Say|Compare|Pass|Make|Keep|Begin|The|Whether|Take)\b")


def stripped(line):
    """A line without comments and without the text of literals."""
    line = re.sub(r'"([^"\\]|\\.)*"', '""', line)
    line = re.sub(r"(?<![0-9A-Fa-f])'(\\.|[^'\\])'", "' '", line)
    return re.sub(r"//.*", "", line)


def without_template(text):
    """A declaration without its template head."""
    while text.startswith("template"):
        depth, i = 0, text.find("<")
        while i < len(text):
            depth += {"<": 1, ">": -1}.get(text[i], 0)
            i += 1
            if depth == 0:
                break
        text = text[i:].strip()
    return text


def declarations(path):
    """Yields (line, comment, text, scopes) of what has a comment: text is the declaration up to its body or its end."""
    lines = path.read_text(encoding="utf-8").splitlines()
    scopes, comment, text, begun = [], [], "", 0
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if bare.startswith("///"):
            comment.append(bare)
            continue
        code = stripped(line)
        if not code.strip():
            if not bare:
                comment = [] if not text.strip() else comment
            continue
        if code.lstrip().startswith("#"):
            continue
        for char in code + "\n":
            if char in "{};":
                head = text.strip()
                if char == "{" and head.endswith(("(", ",", "=", "return")) or (char == "{" and head.count("(") > head.count(")")):
                    scopes.append(("init", ""))
                    text += char
                    continue
                if char == "}" and scopes and scopes[-1][0] == "init":
                    scopes.pop()
                    text += char
                    continue
                if char == ";" and scopes and scopes[-1][0] == "init":
                    text += char
                    continue
                if head:
                    yield begun, comment, without_template(head), list(scopes)
                if char == "{":
                    if re.search(r"\bnamespace\b", head):
                        scopes.append(("namespace", head.split()[-1]))
                    elif re.search(r"\b(class|struct|enum|union)\b", without_template(head).split("(")[0]):
                        scopes.append(("class", head))
                    else:
                        scopes.append(("body", head))
                elif char == "}":
                    if scopes:
                        scopes.pop()
                text, comment = "", []
            elif char in "\n\t ":
                text += " " if text.strip() else ""
            else:
                if not text.strip():
                    begun = number
                text += char


def breaches(path):
    """The lines of a header whose function or class states no cost."""
    shared, owner = None, None
    for line, comment, text, scopes in declarations(path):
        kinds = [kind for kind, _ in scopes]
        if "body" in kinds or any(kind == "namespace" and name == "detail" for kind, name in scopes):
            continue
        has_cost = any("cost:" in each for each in comment)
        in_class = kinds.count("class")
        if re.search(r"\b(class|struct)\b", text.split("(")[0]) and not in_class and comment:
            owner = (line, has_cost, re.sub(r".*\b(?:class|struct)\s+(\w+).*", r"\1", text))
            continue
        match, plain = None, re.sub(r"\b(noexcept|requires|decltype|explicit)\s*\([^()]*\)", "", text)
        for found in NAME.finditer(plain):
            if found.group(1).split("::")[-1] not in KEYWORDS:
                match = found
                break
        if not match or text.startswith(("using", "friend", "static_assert", "extern", "typedef")) or "JOUST_FUNCTION" in text or "= delete" in text:
            continue
        name = match.group(1)
        if in_class or "=" in plain[: match.start()]:  # a member, or a variable
            continue
        if has_cost:
            shared = name
        elif name != shared and comment:
            yield line, name


def classes(path):
    """The classes of a header with documented functions that compute, which state no cost anywhere."""
    seen = {}
    for line, comment, text, scopes in declarations(path):
        kinds = [kind for kind, _ in scopes]
        if "body" in kinds or any(kind == "namespace" and name == "detail" for kind, name in scopes):
            continue
        has_cost = any("cost:" in each for each in comment)
        if re.search(r"\b(class|struct)\b", text.split("(")[0]) and "class" not in kinds:
            name = re.sub(r".*\b(?:class|struct)\s+(\w+).*", r"\1", text)
            if comment:
                seen[name] = [line, has_cost, False]
            owner = name
        elif kinds.count("class") == 1 and "(" in text and comment:
            owner = re.sub(r".*\b(?:class|struct)\s+(\w+).*", r"\1", [h for k, h in scopes if k == "class"][0])
            if owner in seen and not has_cost and not PLAIN.match(comment[0]):
                seen[owner][2] = True
    return [(line, "class " + name) for name, (line, cost, computes) in seen.items() if computes and not cost]


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]).resolve()
    headers = [p for room in ROOMS for p in sorted((root / "include/joust" / room).rglob("*.hpp")) if p.name != "fwd.hpp"]
    if not headers:
        print(f"{root} has no statistics to check")
        return 2
    found = checked = 0
    for path in headers:
        checked += 1
        for line, name in sorted(list(breaches(path)) + classes(path)):
            found += 1
            print(f"{path.relative_to(root)}:{line}: {name} states no cost")
    if not found:
        print(f"{checked} headers of the statistics state what their functions cost")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

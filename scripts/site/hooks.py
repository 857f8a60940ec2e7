# SPDX-License-Identifier: Apache-2.0
# SPDX-License-Identifier: Apache-2.0

"""What mkdocs has to be told about this tree.

The pages are written for readers of the repository as well, so they link to examples, sources and to Markdown files outside docs/.
On the site each such file becomes a page of its own under source/.
"""

import os
import posixpath
import re
from pathlib import Path

from mkdocs.structure.files import File
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
STAGED = ROOT / "build" / "site-pages"
LINK = re.compile(r"(\]\()([^)#\s]+)(#[^)\s]*)?(\))")
FENCE = re.compile(r"^( *```(?:cpp|c\+\+|C\+\+|cxx)) +(?:file|continued|no-compile) *$", re.MULTILINE)
API = "reference/api/index.html"
LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".sh": "bash", ".txt": "text", ".json": "json"}


def outside(page_path, target):
    """The file of the repository that a link of a page means, where it is not under docs/."""
    if "://" in target or target.startswith(("mailto:", "/")):
        return None
    path = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page_path), target))
    if path.startswith("docs/") or path == "docs" or path.startswith(".."):
        return None
    return path if (ROOT / path).exists() else None


def staged_name(path):
    """Where the page of a file outside docs/ is on the site."""
    source = ROOT / path
    if source.is_dir():
        readme = source / "README.md"
        return staged_name(path.rstrip("/") + "/README.md") if readme.exists() else None
    return "source/" + (path if path.endswith(".md") else path + ".md")


def stage(path):
    """Write the page of a file outside docs/; returns its name, or nothing for what cannot be shown."""
    name = staged_name(path)
    if name is None:
        return None
    source = ROOT / path
    if source.is_dir():
        source = source / "README.md"
    target = STAGED / name
    target.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".md":
        target.write_text(text, encoding="utf-8")
    else:
        language = LANGUAGES.get(source.suffix, "text")
        target.write_text(f"# {path}\n\n````{language}\n{text.rstrip()}\n````\n", encoding="utf-8")
    return name


def on_config(config):
    """Add the pages of docs/evidence that the navigation does not name: programs and their authors put them there."""
    for section in config["nav"]:
        for title, entries in section.items():
            if title != "Evidence":
                continue
            named = {path for entry in entries for path in (entry.values() if isinstance(entry, dict) else [entry])}
            entries += sorted("evidence/" + path.name for path in (ROOT / "docs" / "evidence").glob("*.md")
                              if "evidence/" + path.name not in named)
    return config


def on_files(files, config):
    # The tree's own plumbing is not part of the site.
    for file in list(files):
        if file.src_path in ("Doxyfile", "reference/api.dox"):
            files.remove(file)
    waiting = [file.src_path for file in files.documentation_pages()]
    known = set()
    while waiting:
        page = waiting.pop()
        if page.startswith("source/"):
            text = (ROOT / page[len("source/"):]).read_text(encoding="utf-8")
            place = posixpath.relpath(page[len("source/"):], "docs")
        else:
            text = (Path(config["docs_dir"]) / page).read_text(encoding="utf-8")
            place = page
        for match in LINK.finditer(text):
            path = outside(place, match.group(2))
            if path is None:
                continue
            name = staged_name(path)
            if name is None or name in known:
                continue
            known.add(name)
            stage(path)
            files.append(File(name, str(STAGED), config["site_dir"], config["use_directory_urls"]))
            inner = name[len("source/"):]
            if (ROOT / inner).is_file() and inner.endswith(".md"):
                waiting.append(name)
    return files


def on_page_markdown(markdown, page, config, files):
    here = page.file.src_path
    place = posixpath.relpath(here[len("source/"):], "docs") if here.startswith("source/") else here

    def relink(match):
        target = match.group(2)
        path = outside(place, target)
        if path is not None:
            name = staged_name(path)
        elif here.startswith("source/") and "://" not in target:
            # A link of a file outside docs/ into docs/.
            name = posixpath.relpath(posixpath.normpath(posixpath.join("docs", posixpath.dirname(place), target)), "docs")
            name = name + "/README.md" if (ROOT / "docs" / name).is_dir() else name
        else:
            return match.group(0)
        if name is None:
            return match.group(0)
        return match.group(1) + posixpath.relpath(name, posixpath.dirname(here) or ".") + (match.group(3) or "") + match.group(4)

    markdown = FENCE.sub(r"\1", markdown)
    markdown = LINK.sub(relink, markdown)
    if here == "reference/README.md":
        markdown = markdown.replace("`build/site/" + API + "`", '<a href="api/index.html">the reference of the headers</a>')
    return markdown

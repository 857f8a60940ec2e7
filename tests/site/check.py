#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# SPDX-License-Identifier: Apache-2.0
"""Usage: check.py SITE [PICTURES]

Opens a built site as a reader would. First every link, picture, style and script of every page must resolve, within the pages too. Then
chromium, driven by chromedriver, opens each page of the guide at 390 and 1280 pixels: nothing may be wider than the window, nothing
may be fetched from another host, no picture may be broken, no script may fail; and the search has to find a word. Pictures of pages go into
PICTURES.
"""

import base64
import functools
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from pathlib import Path

WIDTHS = (390, 1280)
SEARCHED = ("propensity", "propensity")  # what is typed, what a result has to hold
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars"]


class References(HTMLParser):
    """The names that a page defines, and what it refers to."""

    FETCHED = {("img", "src"), ("script", "src"), ("source", "src"), ("iframe", "src"), ("embed", "src"), ("object", "data")}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.names, self.links, self.fetched = set(), [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        for name in ("id", "name"):
            if given.get(name):
                self.names.add(given[name])
        for name, value in attributes:
            if value is None:
                continue
            if (tag, name) in self.FETCHED:
                self.fetched.append(value)
            elif tag == "link" and name == "href" and given.get("rel") in ("stylesheet", "icon", "shortcut icon", "preload"):
                self.fetched.append(value)
            elif tag in ("a", "area") and name == "href":
                self.links.append(value)

    handle_startendtag = handle_starttag


def is_remote(target):
    return re.match(r"(?:[a-z][a-z0-9+.-]*:)?//", target) is not None


def check_links(site):
    pages, wrong, count = {}, [], 0
    for path in sorted(site.rglob("*.html")):
        reader = References()
        reader.feed(path.read_text(encoding="utf-8", errors="replace"))
        pages[path.resolve()] = reader
    for path, reader in pages.items():
        shown = path.relative_to(site.resolve())
        for target in reader.fetched:
            if is_remote(target):
                wrong.append(f"{shown}: fetches {target} from another host")
        for target in reader.links + reader.fetched:
            if is_remote(target) or target.startswith(("mailto:", "data:", "javascript:")):
                continue
            count += 1
            place, _, fragment = target.partition("#")
            place = urllib.parse.unquote(place.partition("?")[0])
            file = (path.parent / place).resolve() if place else path
            if place.startswith("/"):
                # The page for addresses that do not exist is served anywhere, so it alone counts from the root.
                file = (site / place.lstrip("/")).resolve()
            if file.is_dir():
                file = file / "index.html"
            if not file.exists():
                wrong.append(f"{shown}: {target} does not exist")
            elif fragment and file in pages and urllib.parse.unquote(fragment) not in pages[file].names:
                # Doxygen leaves some of its own anchors out; the guide has to be exact.
                if "reference/api" not in str(shown):
                    wrong.append(f"{shown}: {target} names no place of that page")
    return len(pages), count, wrong


class Browser:
    """A session of chromedriver, by the WebDriver protocol."""

    def __init__(self, profile):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.driver = subprocess.Popen([shutil.which("chromedriver"), f"--port={port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.base = f"http://127.0.0.1:{port}"
        self.session = None
        for _ in range(100):
            try:
                if self.ask("GET", "/status")["ready"]:
                    break
            except OSError:
                time.sleep(0.1)
        made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"},
            "goog:chromeOptions": {"binary": program, "args": FLAGS + [f"--user-data-dir={profile}"]}}}})
        self.session = "/session/" + made["sessionId"]

    def ask(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + (self.session or "") + path if path != "/status" else self.base + path,
                                         data=data, method=method, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()[:400]) from error

    def tell(self, command, parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script):
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def open(self, address):
        self.ask("POST", "/url", {"url": address})

    def width(self, pixels):
        self.tell("Emulation.setDeviceMetricsOverride",
                  {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": pixels < 600})

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def log(self, kind):
        return self.ask("POST", "/se/log", {"type": kind})

    def close(self):
        try:
            if self.session:
                self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()


def requests_elsewhere(entries, own):
    found = set()
    for entry in entries:
        event = json.loads(entry["message"])["message"]
        if event["method"] == "Network.requestWillBeSent":
            address = event["params"]["request"]["url"]
            # What the browser itself shows is no request of the page.
            if not address.startswith((own, "data:", "blob:", "chrome:", "about:")):
                found.add(address)
    return found


LOOK = """
const wide = [];
const page = document.documentElement;
if (page.scrollWidth > window.innerWidth) {
  for (const each of document.querySelectorAll('main *, header *, nav *, footer *')) {
    const box = each.getBoundingClientRect();
    if (box.right > window.innerWidth + 1 && box.width > 0 && wide.length < 3) wide.push(each.tagName + '.' + each.className);
  }
}
const broken = [...document.images].filter(each => each.complete && each.naturalWidth === 0).map(each => each.src);
const code = parseFloat(getComputedStyle(document.querySelector('article p, article td, article code') || document.body).fontSize);
return {scroll: page.scrollWidth, window: window.innerWidth, wide: wide, broken: broken, text: code};
"""


def check_in_browser(site, pictures):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = f"http://127.0.0.1:{server.server_address[1]}"
    pages = [path.relative_to(site) for path in sorted(site.rglob("*.html"))
             if "api" not in path.parts and path.name != "404.html"]
    pages.append(Path("reference/api/index.html"))
    wrong = []
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        try:
            browser.tell("Network.enable", {})
            for width in WIDTHS:
                browser.width(width)
                for page in pages:
                    browser.open(f"{own}/{page}")
                    time.sleep(0.15)
                    seen = browser.run(LOOK)
                    # Doxygen's own pages are made for wide windows.
                    if seen["scroll"] > seen["window"] and not (width < 600 and "api" in page.parts):
                        wrong.append(f"{page} at {width}: {seen['scroll']} pixels wide, by {', '.join(seen['wide'])}")
                    wrong += [f"{page} at {width}: picture {each} is broken" for each in seen["broken"]]
                    if seen["text"] < 12:
                        wrong.append(f"{page} at {width}: text of {seen['text']} pixels")
                    if pictures:
                        browser.picture(pictures / (str(page).replace("/", "_")[:-5] + f"-{width}.png"))
            browser.width(1280)
            browser.open(f"{own}/index.html")
            time.sleep(0.5)
            browser.run("document.querySelector('[data-md-component=search-query]').focus()")
            browser.run("const q = document.querySelector('[data-md-component=search-query]');"
                        f"q.value = {json.dumps(SEARCHED[0])}; q.dispatchEvent(new Event('keyup', {{bubbles: true}}));")
            results = ""
            for _ in range(50):
                results = browser.run("return document.querySelector('.md-search-result__list').innerText")
                if results:
                    break
                time.sleep(0.2)
            if SEARCHED[1] not in results.lower():
                wrong.append(f"the search for {SEARCHED[0]} finds {results[:80]!r}")
            elif pictures:
                browser.picture(pictures / "search-1280.png")
            wrong += sorted(f"fetched from elsewhere: {each}" for each in requests_elsewhere(browser.log("performance"), own))
            wrong += sorted({f"in the console: {entry['message']}" for entry in browser.log("browser")
                             if entry["level"] == "SEVERE" and "favicon.ico" not in entry["message"]})
        finally:
            browser.close()
            server.shutdown()
    return len(pages), wrong


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    site = Path(sys.argv[1])
    pictures = Path(sys.argv[2]) if len(sys.argv) == 3 else None
    if pictures:
        shutil.rmtree(pictures, ignore_errors=True)
        pictures.mkdir(parents=True)
    pages, count, wrong = check_links(site)
    print(f"{count} links and files of {pages} pages resolve" if not wrong else f"{len(wrong)} of {count} links are wrong")
    opened, more = check_in_browser(site, pictures)
    print(f"{opened} pages opened in a browser at {' and '.join(map(str, WIDTHS))} pixels; the search finds \"{SEARCHED[0]}\""
          if not more else f"{len(more)} things are wrong in the browser")
    for each in (wrong + more)[:60]:
        print("  " + each)
    return 1 if wrong or more else 0


if __name__ == "__main__":
    sys.exit(main())

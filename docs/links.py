"""Whether the links of the site that was built lead anywhere, and whether it fetches from elsewhere.

`make docs` calls it. The builder checks the links of pages' texts; here are those of docstrings, of files
that pages include, and of the frame around them, too.
"""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import html

_FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
_FETCHING = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch"}


def faults(site: Path, root: str = "/") -> Iterator[str]:
    """Tell each link that leads nowhere, and each file that a page would fetch from another host.

    Args:
        site: the folder.
        root: where the site stands at its host; links that begin with it are those of the page for what is
            not found, which is shown everywhere.
    """

    def target(page: Path, path: str) -> Path:
        if path.startswith(root):
            return site / path.removeprefix(root)
        return page.parent / path if path else page

    for page in sorted(site.rglob("*.html")):
        told = page.relative_to(site)
        for tag, link in _links(page):
            address = urlsplit(link)
            if address.scheme or address.netloc:
                if tag != "a":
                    yield f"{told} fetches {link}"
            elif reason := _dead(target(page, unquote(address.path)), unquote(address.fragment)):
                yield f"{told} links to {link}: {reason}"


def _links(page: Path) -> Iterator[tuple[str, str]]:
    for element in _parsed(page).iter("a", *_FETCHED):
        link = element.get(_FETCHED.get(element.tag, "href"))
        is_for_machines = element.tag == "link" and not _FETCHING & {*element.get("rel", "").split()}
        if link and not is_for_machines and not link.startswith("data:"):
            yield element.tag, link


def _dead(target: Path, fragment: str) -> str:
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "there is no such file"
    if fragment and target.suffix == ".html" and fragment not in _names(target):
        return "there is no such place on the page"
    return ""


@cache
def _parsed(page: Path) -> html.HtmlElement:
    return html.fromstring(page.read_bytes())


@cache
def _names(page: Path) -> set[str]:
    places = _parsed(page).xpath("//*[@id or @name]")
    return {name for each in places for name in (each.get("id"), each.get("name")) if name}


def main() -> int:
    """Tell the faults of the site whose folder and root the command names, and give 1 if there are any."""
    _, folder, root = sys.argv
    found = list(faults(Path(folder), root))
    for fault in found:
        sys.stderr.write(f"{fault}.\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

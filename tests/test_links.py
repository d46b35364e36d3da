"""Links lead somewhere: of the site that is built, of files beside its pages, and pages that code names."""

import re
from pathlib import Path

import pytest
import yaml
from links import faults
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["site_url"]
BESIDE = sorted(path.name for path in ROOT.glob("*.md"))
CODE = sorted(
    path
    for folder in ("gradproof", "tests", "examples", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
)

PAGE = """
<html><head><link rel="stylesheet" href="style.css"><link rel="canonical" href="https://example.org/"></head>
<body><h1 id="top">a</h1><a href="#top">b</a><a href="below/">c</a><a href="https://example.org/x">d</a>
<a href="/site/index.html#top">e</a><img src="data:image/png;base64,"></body></html>
"""

PLANTED = {
    "a page that is not there": ("below/", "above/", "no such file"),
    "a place that is not there": ('"#top"', '"#bottom"', "no such place"),
    "a place on another page": ("index.html#top", "index.html#bottom", "no such place"),
    "a file that is not there": ("style.css", "styles.css", "no such file"),
    "a file of another host": ("style.css", "https://example.org/style.css", "fetches"),
    "a picture of another host": ("data:image/png;base64,", "//example.org/a.png", "fetches"),
}


def built(site: Path, page: str) -> list[str]:
    (site / "below").mkdir()
    (site / "below" / "index.html").write_text("<p>a</p>", encoding="utf-8")
    (site / "style.css").write_text("", encoding="utf-8")
    (site / "index.html").write_text(page, encoding="utf-8")
    return list(faults(site, "/site/"))


def test_a_right_site_has_no_faults(tmp_path: Path) -> None:
    assert built(tmp_path, PAGE) == []


@pytest.mark.parametrize(("old", "new", "told"), PLANTED.values(), ids=PLANTED)
def test_a_planted_fault_of_a_site_is_found(old: str, new: str, told: str, tmp_path: Path) -> None:
    assert PAGE.count(old) == 1
    (fault,) = built(tmp_path, PAGE.replace(old, new))
    assert told in fault


def links(text: str) -> list[str]:
    tokens = [each for line in MarkdownIt("commonmark").parse(text) for each in line.children or ()]
    found = [str(each.attrs.get("href", each.attrs.get("src", ""))) for each in tokens]
    return [link for link in found if link]


def places(page: Path) -> set[str]:
    """The anchors of a page's headings, as they are made for what has no signs but those of names.

    Those of names that the reference explains are the names.
    """
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return made | set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))


def dead(text: str, root: Path = ROOT) -> list[str]:
    found = []
    for link in links(text):
        path, _, fragment = link.partition("#")
        if path.startswith(SITE):
            path = f"docs/{path.removeprefix(SITE) or 'index.html'}".replace(".html", ".md")
        if re.match(r"\w+:", path):
            continue
        target = root / path
        if not target.exists() or (fragment and fragment not in places(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("name", BESIDE)
def test_the_links_of_a_file_beside_the_pages_lead_somewhere(name: str) -> None:
    assert dead((ROOT / name).read_text("utf-8")) == []


def test_a_planted_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# The `first` one\n", encoding="utf-8")
    text = "[b](there.md#the-first-one) [c](https://a.org) [d](gone.md) [e](there.md#2) ![f](g.png)"
    assert dead(text, tmp_path) == ["gone.md", "there.md#2", "g.png"]
    known, unknown = (f"{SITE}reference/checking.html#gradproof.{name}" for name in ("check", "chekc"))
    assert dead(f"[a]({SITE}) [b]({known}) [c]({unknown}) [d]({SITE}gone.html)") == [
        unknown,
        f"{SITE}gone.html",
    ]


def test_pages_that_code_names_are_there() -> None:
    named = {
        (page, path.relative_to(ROOT).as_posix())
        for path in (*CODE, ROOT / "Makefile", ROOT / "pyproject.toml")
        for page in re.findall(r"\bdocs/[\w/]+\.\w+", path.read_text("utf-8"))
    }
    assert len(named) > 3
    assert sorted(each for each in named if not (ROOT / each[0]).exists()) == []

"""The documentation site in a browser, read from a folder: nothing is fetched or cut off, search finds."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md"))

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name in ("docs", "gradproof", "mkdocs.yml", "CHANGELOG.md", "CONTRIBUTING.md"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    command = [Path(sys.executable).with_name("zensical"), "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def asked_for(browser: Any, site: Path) -> Iterator[tuple[Any, list[str]]]:
    """A page that is to show the site, and what it asks for or complains of."""
    told: list[str] = []
    context = browser.new_context(viewport={"width": 380, "height": 800})
    page = context.new_page()
    page.on("request", lambda request: told.append(request.url))
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(f"{site.as_uri()}/index.html")
    yield page, told
    context.close()


def test_no_page_fetches_anything_or_is_wider_than_a_phone(
    asked_for: tuple[Any, list[str]], site: Path
) -> None:
    page, told = asked_for
    wide = []
    for path in PAGES:
        page.goto(f"{site.as_uri()}/{path.as_posix()}")
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(path.as_posix())
    assert wide == []
    assert [each for each in told if not each.startswith((site.as_uri(), "data:"))] == []


def test_search_finds_a_name_where_there_is_no_server(asked_for: tuple[Any, list[str]]) -> None:
    page, told = asked_for
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("Control+k")
    page.keyboard.type("check_function")
    found = page.get_by_role("option", name="check_function", exact=True)
    found.wait_for()
    assert found.get_attribute("href").endswith("#gradproof.check_function")
    assert [each for each in told if each.startswith("http")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_site_is_as_light_or_dark_as_the_system(browser: Any, site: Path, scheme: str) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(f"{site.as_uri()}/index.html")
        color = page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades = [int(each) for each in color.removeprefix("rgb(").rstrip(")").split(",")]
        assert (max(shades) < 60) == (scheme == "dark")

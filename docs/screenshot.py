"""Make docs/pictures/: pages of reports in which something is off. `make screenshot` calls it.

It needs Playwright, which the group `dev` installs, and a Chromium.
"""

import base64
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from gradproof.reporting.formats.page import render as build_page
from gradproof.reporting.report import Report
from gradproof.scenarios import line_fit, neuron_chain
from gradproof.scenarios.finding import load_scenarios
from gradproof.verification import verify

PICTURES = Path(__file__).parent / "pictures"


class Picture(NamedTuple):
    """How the top of a page is photographed.

    Attributes:
        name: of the file.
        report: what is shown.
        width: of the window, in pixels.
        scheme: `light` or `dark`.
        height: of the picture; None for all down to the end of the matrix.
    """

    name: str
    report: Report
    width: int
    scheme: str
    height: int | None = None


def pictures() -> Iterator[Picture]:
    """Verify what has planted errors."""
    backends = ["reference", "torch", "jax"]
    right = [line_fit(), neuron_chain()]
    one = verify([*load_scenarios("docs/planted.py::my_network"), *right], backends, jobs=0)
    yield Picture("one_cause", one, 1280, "light")
    two = verify([*load_scenarios("docs/planted.py"), line_fit()], backends, jobs=0)
    yield Picture("two_causes", two, 1280, "dark")
    yield Picture("phone", two, 380, "dark", 800)
    model = verify(load_scenarios("docs/planted_model.py"), ["torch"], jobs=0)
    yield Picture("model", model, 1280, "light")


def photographed(browser: Any, picture: Picture, page_file: Path) -> bytes:
    """Open a page and give its picture, as WebP: in half of the bytes of PNG, letters are as sharp."""
    page_file.write_text(build_page(picture.report), encoding="utf-8")
    context = browser.new_context(
        viewport={"width": picture.width, "height": 800}, color_scheme=picture.scheme
    )
    page = context.new_page()
    page.goto(page_file.as_uri())
    page.locator("#matrix").wait_for()
    matrix = page.locator("#matrix").bounding_box()
    height = picture.height or matrix["y"] + matrix["height"] + 32
    shot = context.new_cdp_session(page).send(
        "Page.captureScreenshot",
        {
            "format": "webp",
            "quality": 75,
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": picture.width, "height": height, "scale": 1},
        },
    )
    context.close()
    return base64.b64decode(shot["data"])


def main() -> None:
    """Make all pictures."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for picture in pictures():
            data = photographed(browser, picture, Path(folder) / "index.html")
            (PICTURES / f"{picture.name}.webp").write_bytes(data)
        browser.close()


if __name__ == "__main__":
    main()

"""Make docs/report.png: the page of a report in which one implementation is off. `make screenshot` calls it.

It needs Playwright, which the group `dev` installs, and a Chromium.
"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from gradproof.reporting.formats.page import render as build_page
from gradproof.scenarios import line_fit, neuron_chain
from gradproof.scenarios.finding import load_scenarios
from gradproof.verification import verify

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1280, 900


def main() -> None:
    """Verify, build the page and photograph the top of it."""
    scenarios = [*load_scenarios("docs/planted.py"), line_fit(), neuron_chain()]
    report = verify(scenarios, ["reference", "torch", "jax"], jobs=0)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "index.html"
        page_file.write_text(build_page(report), encoding="utf-8")
        chromium = (
            shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        )
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(page_file.as_uri())
        page.locator("#matrix").wait_for()
        matrix = page.locator("#matrix").bounding_box()
        end = matrix["y"] + matrix["height"] + 32
        page.screenshot(
            path=HERE / "report.png", full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end}
        )
        browser.close()


if __name__ == "__main__":
    main()

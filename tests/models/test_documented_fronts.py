"""What the page of a front end shows is what one sees."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FRAMEWORKS = {"jax": "jax", "pytorch": "torch"}
"""By page, what it is about."""

MENDED = ("(1 + 0.044715 * x**2)", "(1 + 3 * 0.044715 * x**2)")
"""What of the examples is wrong, and what is right in its place."""

AND = "-- and mended --"


def printed(code: str, folder: Path) -> str:
    """What a file prints in a terminal of 80 columns."""
    (folder / "mine.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "mine.py"],
        cwd=folder, env={"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"},
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("page", FRAMEWORKS)
def test_the_example_of_a_page_prints_what_is_shown(page: str, tmp_path: Path) -> None:
    pytest.importorskip(FRAMEWORKS[page])
    shown_on_it = (DOCS / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", shown_on_it, re.DOTALL)
    example = next(text for language, text in blocks if language == "python")
    shown = next(text for language, text in blocks if not language)
    # One process runs both, since each would import the framework; the lines of the first stay what they are.
    first, mended = printed(f"{example}\nprint({AND!r})\n{example.replace(*MENDED)}", tmp_path).split(AND)
    told, wanted = (" ".join(text.split()) for text in (first, shown))
    assert told.startswith(wanted)
    assert mended.strip().startswith("AGREES at the given point; 12 points")

"""What the README shows is what one sees."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
EXAMPLE = next(text for language, text in BLOCKS if language == "python")
SHOWN = next(text for language, text in BLOCKS if not language and text.startswith("WRONG"))
MISSING = ('(2 * (a - batch["y"]))', '(2 * (a - batch["y"]) * a * (1 - a))')


def printed(code: str, folder: Path) -> str:
    """What a file prints in a terminal of 80 columns."""
    (folder / "mine.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "mine.py"],
        cwd=folder, env={"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        capture_output=True, encoding="utf-8", check=True,
    )  # fmt: skip
    return done.stdout


def test_the_example_prints_what_is_shown(tmp_path: Path) -> None:
    parts = [re.escape(part.strip("\n")) for part in re.split("^  …$", SHOWN, flags=re.MULTILINE)]
    assert re.fullmatch(r"[^…]*".join(parts), printed(EXAMPLE, tmp_path))


def test_with_what_is_missing_the_example_is_right(tmp_path: Path) -> None:
    assert EXAMPLE.count(MISSING[0]) == 1
    told = printed(EXAMPLE.replace(*MISSING), tmp_path).strip()
    assert f"the answer is `{told}`" in " ".join(README.read_text("utf-8").split())

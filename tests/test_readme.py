"""The README's example is right with what it says that it lacks."""

from pathlib import Path

from pages import blocks, faults

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
MISSING = ('(2 * (a - batch["y"]))', '(2 * (a - batch["y"]) * a * (1 - a))')


def test_with_what_is_missing_the_example_is_right(tmp_path: Path) -> None:
    example = next(block for block in blocks(README) if block.file == "mine.py")
    assert example.text.count(MISSING[0]) == 1
    mended = example._replace(text=example.text.replace(*MISSING), shows="")
    (fault,) = faults([mended], tmp_path)
    told = fault.partition("what is printed is")[2].strip()
    assert f"the answer is `{told}`" in " ".join(README.split())

"""Folders of reports, as several tests write and read them."""

from pathlib import Path
from typing import Any

from gradproof.reporting.folders import replacing

OLD, NEW = "what was there before\n", "new\n"


def fill(folder: Path, text: str = OLD) -> Path:
    """A folder as an older gradproof wrote it, without a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("summary.md", "runs.csv"):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def replace(folder: Path, text: str = NEW) -> None:
    with replacing(folder) as temporary:
        fill(temporary, text)


def everything_below(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def texts(folder: Path) -> set[str]:
    return {path.read_text(encoding="utf-8") for path in folder.iterdir()}


def cannot_exchange(*_: Any) -> bool:
    return False


def with_a_note(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine", encoding="utf-8")

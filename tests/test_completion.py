"""The files by which shells complete the command are those of its parser as it is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import shtab

from gradproof.cli import build_parser
from gradproof.commands import HELP

FOLDER = Path(__file__).parents[1] / "completions"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_file_is_what_the_parser_gives(shell: str) -> None:
    made = shtab.complete(build_parser(), shell=shell)
    assert (FOLDER / f"gradproof.{shell}").read_text("utf-8").strip() == made.strip(), "call make completions"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [(("gradproof", "ver"), "verify"), (("gradproof", "verify", "--back"), "--backends")],
)
def test_bash_completes(typed: tuple[str, ...], offered: str) -> None:
    words = " ".join(f"'{word}'" for word in typed)
    script = (
        f"source '{FOLDER / 'gradproof.bash'}'\n"
        f"COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}\n"
        "$(complete -p gradproof | sed 's/.*-F \\([^ ]*\\).*/\\1/') gradproof\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [str(shutil.which("bash")), "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert offered in done.stdout.split(), done.stderr


def test_every_command_is_in_every_file() -> None:
    for path in FOLDER.iterdir():
        text = path.read_text("utf-8")
        assert [name for name in HELP if name not in text] == []

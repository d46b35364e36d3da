"""Defaults of a project: the table `[tool.gradproof]` of its pyproject.toml, for the command and for pytest.

What is given with a call wins over the table. Nothing that costs time is imported at the top: the command and
each pytest session read the table.
"""

from pathlib import Path

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

FILE = "pyproject.toml"
TABLE = "tool.gradproof"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_text, value))


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


_NAMES = (_are_names, 'a list of names, ["torch", "jax/jit"] say')
_TEXT = (_is_text, "a text")
_AMOUNT = (_is_amount, "a number of 0 or more")

KEYS: "Mapping[str, tuple[Callable[[object], bool], str]]" = {
    "backends": _NAMES,
    "dtypes": _NAMES,
    "device": _TEXT,
    "report": _TEXT,
    "formats": _NAMES,
    "baseline": _TEXT,
    "strict": (lambda value: isinstance(value, bool), "true or false"),
    "time-limit": _AMOUNT,
    "memory-limit": _AMOUNT,
    "require": _NAMES,
}
"""What the table may have, each as the option of `gradproof verify` and of pytest of the same name: what its
value must be, and in words. `require` is pytest's alone, and `strict` the command's."""

_FOLDERS = ("report", "baseline")
"""What is meant from the folder of the file, wherever the command is called."""


class Configuration:
    """The defaults of a project.

    Attributes:
        path: the file that has them; None where there is none.
        values: by the key's name; folders from where the file is.
    """

    def __init__(self, path: Path | None = None, values: "Mapping[str, Any] | None" = None) -> None:
        """Hold them."""
        self.path = path
        self.values = dict(values or {})


def configuration(start: Path) -> Configuration:
    """Read the table of the first pyproject.toml in a folder or one above it; there may be none.

    Raises:
        InputError: the file cannot be read, or the table holds a key that there is none of, or another value
            than the key has.

    >>> configuration(Path("/")).values
    {}
    """
    for folder in (start, *start.parents):
        path = folder / FILE
        if path.is_file():
            return Configuration(path, _table(path))
    return Configuration()


def _table(path: Path) -> "dict[str, Any]":
    from gradproof.errors import InputError  # noqa: PLC0415 - see the module's docstring

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise InputError(
            f"{path} cannot be read: {reason}. Mend the file, or call from another folder."
        ) from error
    if TABLE not in text:
        return {}
    import tomllib  # noqa: PLC0415 - see the module's docstring

    try:
        found = tomllib.loads(text).get("tool", {}).get("gradproof", {})
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML: {error}. Mend the file.") from error
    if not isinstance(found, dict):
        raise InputError(f"{TABLE} in {path} is no table. Write [{TABLE}], and a key a line below it.")
    for key, value in found.items():
        if key not in KEYS:
            raise InputError(f"[{TABLE}] in {path} has no key {key!r}. It has {', '.join(KEYS)}.")
        holds, words = KEYS[key]
        if not holds(value):
            raise InputError(f"{key} of [{TABLE}] in {path} is {value!r}. Give it {words}.")
    return {key: str(path.parent / value) if key in _FOLDERS else value for key, value in found.items()}

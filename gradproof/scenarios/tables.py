"""Reading tables out of TOML files: what a document claims, and where its values come from."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gradproof.errors import InputError
from gradproof.files import read_bytes
from gradproof.inputs import PATH, accepts

_MOST_BYTES = 2**24
_ADVICE = "Give a TOML file with tables of claims, or of where values come from."


@accepts("the tables", file=PATH)
def read_tables(file: str | Path) -> Mapping[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: there is none, or it is no TOML.
    """
    try:
        return tomllib.loads(read_bytes(file, _MOST_BYTES, _ADVICE).decode("utf-8"))
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}. {_ADVICE}") from error
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no TOML: {str(error).partition(chr(10))[0]:.200}. {_ADVICE}") from error


def entries(file: str | Path, described: Mapping[str, Any], table: str, needed: Iterable[str]) -> Any:
    """Give the entries `[[table]]` of a file, each of which has texts under the names that are needed.

    Raises:
        InputError: there are no such entries, or one lacks a text.
    """
    found = described.get(table)
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise InputError(f"{file} has no entries [[{table}]]. Add one, or name another table.")
    for number, entry in enumerate(found, start=1):
        for name in needed:
            if not isinstance(entry.get(name), str):
                raise InputError(
                    f"Entry {number} of [[{table}]] in {file} has no text {name!r}. Add it, in quotes."
                )
    return found

"""How a report names a run, and how it counts: one form each, in every output."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

RUN = ["scenario", "backend", "variant", "dtype"]
"""The columns that name a run."""


def run_key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what names the run of a row: scenario, backend, variant and dtype."""
    return tuple(str(row[name]) for name in RUN)


def finding_key(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what names a finding: its kind, its run, its parameter, and the name and seed of a check."""
    return (row["kind"], *run_key(row), row["parameter"], row["name"], str(row["seed"]))


def implementation(backend: str, variant: str) -> str:
    """Name an implementation: `backend/variant`, or the backend alone where no variant is known.

    >>> implementation("torch", "func"), implementation("jax", "")
    ('torch/func', 'jax')
    """
    return "/".join(part for part in (backend, variant) if part)


def run_name(row: Mapping[str, Any]) -> str:
    """Name a run by its scenario, implementation and dtype, from a row of any frame that has them.

    >>> run_name({"scenario": "line_fit", "backend": "jax", "variant": "jit", "dtype": "float32"})
    'line_fit jax/jit float32'
    """
    return f"{row['scenario']} {implementation(row['backend'], row['variant'])} {row['dtype']}"


def repeat_command(origin: str, row: Mapping[str, Any]) -> str:
    """Give the command that makes one run again, to be pasted into a shell; empty if none can name it.

    >>> repeat_command("mine.py::a", {"backend": "jax", "variant": "jit", "dtype": "float32"})
    'gradproof verify mine.py::a --backends jax/jit --dtypes float32'
    """
    if not origin:
        return ""
    who = implementation(row["backend"], row["variant"])
    return shlex.join(("gradproof", "verify", origin, "--backends", who, "--dtypes", row["dtype"]))


def count(number: int, noun: str, plural: str = "") -> str:
    """Write how many there are; `plural` is for a noun whose plural is not made with an `s`.

    >>> count(1, "run"), count(297876, "gradient"), count(2, "entry", "entries")
    ('1 run', '297,876 gradients', '2 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Name the first few, and count the others.

    >>> listed(["w1", "b1", "w2", "b2"], most=2), listed(["w1", "b1"])
    ('w1, b1 and 2 more', 'w1, b1')
    """
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")

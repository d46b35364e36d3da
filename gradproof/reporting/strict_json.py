"""JSON as every reader takes it: no NaN, no infinity, and no half of a character."""

import json
import math
from collections.abc import Mapping
from typing import Any


def strict(value: Any) -> Any:
    """Give a value with what JSON has no sign for as texts, all the way down.

    NaN and the infinities become the texts "NaN", "Infinity" and "-Infinity", which float() of Python and
    Number() of JavaScript read.

    >>> strict({"digits": float("inf"), "entries": [(1.5, None)]})
    {'digits': 'Infinity', 'entries': [[1.5, None]]}
    """
    if isinstance(value, Mapping):
        return {str(name): strict(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [strict(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def written(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON; `indent` as for `json.dumps`."""
    return json.dumps(strict(value), allow_nan=False, indent=indent)

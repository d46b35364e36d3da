"""Whether right gradients that rest on what their data is are accused, and hidden errors found."""

import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from loky import get_reusable_executor

from benchmarks.timing import print_figures
from gradproof import Verdict, check

SEEDS, POINTS = 20, 24

_HELPERS = str(Path(__file__).resolve().parents[1] / "tests" / "helpers")


def _kinds(table: str) -> dict[str, Any]:
    """Give the kinds of data, or of losses, that the tests have, too."""
    if _HELPERS not in sys.path:
        sys.path.append(_HELPERS)
    kinds: dict[str, Any] = getattr(import_module("gradient_kinds"), table)
    return kinds


def _checked(task: tuple[str, str, int]) -> Counter[str]:
    """Check one gradient at data of one seed; what is counted."""
    table, name, seed = task
    kind = _kinds(table)[name]
    result = check(
        kind.loss, kind.gradient, *kind.data(np.random.default_rng(seed)), seed=seed, points=POINTS
    )
    told = " ".join(each.text for each in (*result.conditions, *result.findings))
    return Counter(
        checks=1,
        right=result.verdict is Verdict.EQUAL,
        wrong=result.verdict is Verdict.WRONG,
        told=kind.told in told,
        points=result.points.asked,
        dropped=result.points.dropped,
        undecided=result.points.undecided,
    )


def accusations() -> None:
    """Check every kind of data with all seeds, and print how many right gradients are accused."""
    executor = get_reusable_executor()
    for table, what, goal in (
        (
            "KINDS",
            "right gradients that rest on what their data is",
            "none is WRONG, at most 2 % are dropped",
        ),
        ("LOSSES", "right gradients of losses that real code has", "likewise"),
        ("MODELS", "right gradients of models", "likewise"),
        ("HIDDEN", "wrong gradients that the data hides", "all are WRONG"),
    ):
        tasks = [(table, name, seed) for name in _kinds(table) for seed in range(SEEDS)]
        counts: dict[str, Counter[str]] = {name: Counter() for name in (*_kinds(table), "all")}
        for (_, name, _), count in zip(tasks, executor.map(_checked, tasks), strict=True):
            counts[name] += count
            counts["all"] += count
        print_figures(
            f"{what}, {SEEDS} seeds, {POINTS} points",
            goal,
            ["", "checks", "EQUAL", "WRONG", "told", "points", "dropped", "undecided"],
            [
                [name, *(str(count[key]) for key in _COLUMNS), f"{count['dropped']}", f"{count['undecided']}"]
                for name, count in counts.items()
            ],
        )
    executor.shutdown()


_COLUMNS = ("checks", "right", "wrong", "told", "points")

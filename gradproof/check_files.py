"""`gradproof check FILE.py`: finding what a file wants checked, and checking it."""

import os
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import signature
from types import ModuleType
from typing import Any

from gradproof.checking import check
from gradproof.commands.json_output import print_document
from gradproof.errors import InputError
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import called, ends_nothing, run_file
from gradproof.verdicts.printing import terminal_width
from gradproof.verdicts.records import CheckRecord


@ends_nothing(anything=True)
def check_all(options: Namespace) -> int:
    """Check everything that the file defines, or what was named; 0 if all is ok, else 1.

    Args:
        options: those of the command `check`.
    """
    path, _, name = options.target.partition("::")
    status = 0
    records: list[CheckRecord] = []
    conditions: list[list[str]] = []
    for title, arguments in list(find_checks(run_file(path), name)):
        result = check(
            *arguments,
            dtype=options.dtype,
            points=options.points,
            seed=options.seed,
            point=options.point or None,
            learning_rate=options.learning_rate,
            conditions="fail" if options.strict else "tell",
        )
        status = max(status, 0 if result.ok else 1)
        saved = str(result.save_point(options.save_point)) if options.save_point and not result.ok else ""
        records.append(result.record(f"{path}::{title}", saved))
        conditions.append([str(each) for each in result.conditions])
        if not options.json:
            print(result.told(terminal_width(), title))
            if saved:
                print(f"  point    {saved}")
    if options.json:
        checks = [
            {**vars(record), "conditions": texts} for record, texts in zip(records, conditions, strict=True)
        ]
        return print_document("check", status, checks=checks)
    annotate(records)
    return status


def annotate(records: Sequence[CheckRecord]) -> None:
    """Print what is told of checks as annotations, where GitHub runs the command."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return
    from gradproof.reporting.findings import make_findings  # noqa: PLC0415 - spares others pandas
    from gradproof.reporting.formats.github import annotations  # noqa: PLC0415
    from gradproof.reporting.root_causes import root_causes  # noqa: PLC0415

    findings = make_findings({}, (), (), (), (), records)
    for annotation in annotations(root_causes(findings), findings):
        print(annotation)


Arguments = tuple[Any, ...]
"""What `check` is called with: a loss, a gradient, parameters and data; or a framework's own model."""


def find_checks(module: ModuleType, name: str = "") -> Iterator[tuple[str, Arguments]]:
    """Find what a module wants checked.

    That is `gradient` with `loss`, `params` and `batch` (or `make(seed)`, which gives both), and every
    Scenario that has a gradient. A name chooses one: that of a Scenario, of its variable, of another gradient
    function beside `loss`, `params` and `batch`, or of a function that makes a Scenario.

    Raises:
        InputError: there is nothing to check, or nothing of that name.
    """
    members = vars(module)
    found: list[tuple[str, Arguments]] = []
    scenarios = {key: value for key, value in members.items() if isinstance(value, Scenario)}
    for key, scenario in {**scenarios, **_made(members, name)}.items():
        if scenario.claimed_gradient is not None and (not name or name in {key, scenario.name}):
            found.append((scenario.name, _arguments(scenario)))
    wanted = name or "gradient"
    # A Scenario that is made of the file's own functions is checked once.
    told = any(arguments[1:2] == (members.get(wanted),) for _, arguments in found)
    if not (name and found) and not told and "loss" in members and callable(members.get(wanted)):
        params, batch = inputs_of(module)
        found.insert(0, (wanted, (members["loss"], members[wanted], params, batch)))
    if not found:
        raise InputError(_nothing(module, name, scenarios))
    yield from found


def _arguments(scenario: Scenario) -> Arguments:
    if isinstance(scenario, ModelScenario):
        return (scenario,)
    return scenario.loss, scenario.gradient, scenario.params, scenario.batch


def _made(members: Mapping[str, Any], name: str) -> dict[str, Scenario]:
    """Call the function of a name, where it can only be one that makes a Scenario."""
    function = members.get(name)
    if "loss" in members or not callable(function) or not _takes_nothing(function):
        return {}
    made = called(f"function {name}", function)
    return {name: made} if isinstance(made, Scenario) else {}


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        return not signature(function).parameters
    except (TypeError, ValueError):  # many functions that are compiled do not tell what they take
        return False


def inputs_of(module: ModuleType) -> tuple[Any, Any]:
    """Give the parameters and the data that a module defines, or makes.

    Raises:
        InputError: it defines none, or makes something else.
    """
    members = vars(module)
    if "params" in members and "batch" in members:
        return members["params"], members["batch"]
    if callable(members.get("make")):
        made = called("function make", lambda: members["make"](0))
        if not isinstance(made, tuple | list) or len(made) != 2:
            raise InputError(
                f"The function make of {module.__file__} gives an object of type {type(made).__name__}, "
                "which is no pair. Return the parameters and the data: two mappings from names to arrays."
            )
        return made[0], made[1]
    lacking = [name for name in ("params", "batch") if name not in members]
    raise InputError(
        f"{module.__file__} defines loss and a gradient, but no {' and no '.join(lacking)}. Add them at its "
        "top level: mappings from names to arrays."
    )


def _nothing(module: ModuleType, name: str, scenarios: dict[str, Any]) -> str:
    if name:
        return (
            f"{module.__file__} has nothing called {name!r} to check. Name a gradient function (beside "
            "loss, params and batch), or a Scenario with a gradient."
        )
    if scenarios:
        return (
            f"{module.__file__} defines Scenario objects, but none with a gradient of its own. Give one with "
            "`gradient=...`; `gradproof verify` runs those without."
        )
    members = vars(module)
    lacking = [each for each in ("loss", "gradient") if not callable(members.get(each))]
    lacking += [each for each in ("params", "batch") if each not in members]
    return (
        f"{module.__file__} lacks {', '.join(lacking)}. Define loss(xp, params, batch), gradient(params, "
        "batch), params and batch at its top level, or a Scenario with a gradient."
    )

"""`gradproof judge FILE.py GRADIENTS.npz`: reading what was computed elsewhere, and judging it."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gradproof.check_files import annotate, inputs_of
from gradproof.commands.json_output import print_document
from gradproof.errors import InputError
from gradproof.reference.numbers.run_formats import OWN, OWN_DTYPES
from gradproof.scenarios.scenario import UNNAMED, Scenario
from gradproof.scenarios.user_code import ends_nothing, run_file
from gradproof.single import judge, record_of
from gradproof.verdicts.checking.archives import read_archive
from gradproof.verdicts.printing import terminal_width


@ends_nothing(anything=True)
def judge_file(options: Namespace) -> int:
    """Judge a file's gradient; 0 if it is ok, else 1.

    Args:
        options: those of the command `judge`.
    """
    path, _, name = options.target.partition("::")
    gradients = read_gradients(options.gradients)
    scenario = find_scenario(run_file(path), name)
    found = judge(
        scenario.loss, scenario.params, scenario.batch, gradients, dtype=options.dtype, strict=options.strict
    )
    held_in = OWN_DTYPES if found.dtype == OWN else found.dtype
    status = 0 if found.ok else 1
    record = record_of(found, f"{options.target} {options.gradients}")
    if options.json:
        return print_document("judge", status, checks=[vars(record)])
    print(found.told(terminal_width(), f"{options.gradients} in {held_in}"))
    annotate([record])
    return status


def read_gradients(path: str | Path) -> Mapping[str, Any]:
    """Read the arrays of an .npz file by their names; nothing in it is executed.

    Raises:
        InputError: there is no such file, or it holds no arrays of numbers.
    """
    advice = "Write it with numpy.savez(path, **gradients), with arrays by the parameters' names."
    try:
        arrays = read_archive(path, advice)
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}. Check the path of the gradients.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. {advice}") from error
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"The gradient of {name!r} in {path} has dtype {array.dtype}, which are no real numbers. "
                "Write numbers; those of bfloat16 as float32, which holds them all."
            )
    return arrays


def find_scenario(module: ModuleType, name: str = "") -> Scenario:
    """Find the loss with its arrays in a module: `loss`, `params` and `batch`, or one Scenario.

    Raises:
        InputError: there is none, or no one of several is named.
    """
    members = vars(module)
    scenarios = {key: value for key, value in members.items() if isinstance(value, Scenario)}
    chosen = [each for key, each in scenarios.items() if not name or name in {key, each.name}]
    if "loss" in members and not name:
        params, batch = inputs_of(module)
        return Scenario(name=UNNAMED, loss=members["loss"], params=params, batch=batch)
    if len(chosen) == 1:
        return chosen[0]
    what = f"nothing called {name!r}" if name else "no loss, params and batch"
    if len(chosen) > 1:
        what = f"{len(chosen)} Scenario objects"
    raise InputError(
        f"{module.__file__} defines {what} to judge a gradient by. Define loss(xp, params, batch), params "
        "and batch at its top level, or name one Scenario, as FILE.py::NAME."
    )

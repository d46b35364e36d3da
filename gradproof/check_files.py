"""`gradproof check FILE.py`: finding what a file wants checked, in a process of its own with a time limit."""

import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from gradproof.errors import GradproofError, InputError
from gradproof.streams import escape_what_cannot_be_encoded

_GRACE = 5.0
_FRAMES = 6


@dataclass(frozen=True)
class Options:
    """What the command was asked for.

    Attributes:
        target: `FILE.py` or `FILE.py::NAME`.
        dtype: what floating-point results are judged in.
        points: points of the check's own.
        seed: what they are drawn with.
        point: a saved point to check at; empty for the file's own.
        save_point: where to save the failing point; empty for nowhere.
        learning_rate: a number to expect in the cause.
        time_limit: seconds for the whole file; 0 for no limit.
    """

    target: str
    dtype: str = "float64"
    points: int = 12
    seed: int = 0
    point: str = ""
    save_point: str = ""
    learning_rate: float | None = None
    time_limit: float = 60.0


# -------------------------------------------------------------------- the parent


def check_file(options: Options) -> int:
    """Check what a file defines in a process of its own, and give the exit status.

    The user's code may loop for ever, end the process or crash it: each ends in a message and status 2.
    """
    with tempfile.TemporaryDirectory(prefix="gradproof_check-") as folder:
        command = [sys.executable, "-P", "-m", "gradproof.check_files", folder, json.dumps(vars(options))]
        limit = options.time_limit + _GRACE if options.time_limit else None
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - this very Python
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            status = -signal.SIGKILL
        finally:
            process.kill()
            process.wait()
        verdict = Path(folder, "status")
        if verdict.is_file():
            return int(verdict.read_text(encoding="utf-8"))
        print(f"gradproof: {_ended(options, status, Path(folder, 'stack'))}", file=sys.stderr)
        return 2


def _ended(options: Options, status: int, stack: Path) -> str:
    """Say why the process ended without a verdict."""
    if stack.is_file() and stack.stat().st_size:
        where = "".join(f"\n{line}" for line in _users_frames(stack.read_text(encoding="utf-8")))
        return (
            f"{options.target} was still running after the time limit of {options.time_limit:g} s; it was "
            f"at:{where}\nMend the loop, or give more time with --time-limit."
        )
    if status == -signal.SIGKILL:
        return (
            f"{options.target} was stopped after the time limit of {options.time_limit:g} s. Mend the loop, "
            "or give more time with --time-limit."
        )
    how = f"was ended by signal {-status}" if status < 0 else f"ended the process with status {status}"
    return f"{options.target} {how} before there was a verdict. Take out what ends it (os._exit, a crash)."


def _users_frames(text: str) -> Iterator[str]:
    """Give the innermost lines of the user's own code from a dump of the stack."""
    package = str(Path(__file__).parent)
    lines = [line for line in text.splitlines() if line.startswith('  File "') and package not in line]
    shown = [line for line in lines if "importlib" not in line and "<frozen" not in line]
    return iter(shown[:_FRAMES])


# -------------------------------------------------------------------- the child


def _child(folder: str, described: str) -> int:
    options = Options(**json.loads(described))
    escape_what_cannot_be_encoded()
    with Path(folder, "stack").open("w", encoding="utf-8") as stack:
        if options.time_limit:
            faulthandler.dump_traceback_later(options.time_limit, exit=True, file=stack)
        try:
            status = _check_all(options)
        except GradproofError as error:
            print(f"gradproof: {error}", file=sys.stderr)
            status = 2
        except SystemExit as error:
            print(
                f"gradproof: {options.target} ends the process (SystemExit: {error.code}) before there was "
                "a verdict. Take out the call of sys.exit.",
                file=sys.stderr,
            )
            status = 2
        except KeyboardInterrupt:
            return 130
        faulthandler.cancel_dump_traceback_later()
    sys.stdout.flush()
    Path(folder, "status").write_text(str(status), encoding="utf-8")
    return status


def _check_all(options: Options) -> int:
    """Check everything that the file defines, or what was named; 0 if all is ok, else 1."""
    from gradproof.checking import check  # noqa: PLC0415 - the parent needs none
    from gradproof.scenarios.user_code import run_file  # noqa: PLC0415

    path, _, name = options.target.partition("::")
    checks = list(find_checks(run_file(path), name))
    status = 0
    for title, arguments in checks:
        result = check(
            *arguments,
            dtype=options.dtype,
            points=options.points,
            seed=options.seed,
            point=options.point or None,
            learning_rate=options.learning_rate,
        )
        print(f"{title}: {result}")
        if not result.ok:
            status = 1
            if options.save_point:
                print(f"  point    {result.save_point(options.save_point)}")
    return status


Arguments = tuple[Any, Any, Any, Any]


def find_checks(module: ModuleType, name: str = "") -> Iterator[tuple[str, Arguments]]:
    """Find what a module wants checked.

    That is `gradient` with `loss`, `params` and `batch` (or `make(seed)`, which gives both), and every
    Scenario that has a gradient. A name chooses one: that of a Scenario, of its variable, or of another
    gradient function beside `loss`, `params` and `batch`.

    Raises:
        InputError: there is nothing to check, or nothing of that name.
    """
    from gradproof.scenarios.scenario import Scenario  # noqa: PLC0415 - the parent needs none

    members = vars(module)
    found: list[tuple[str, Arguments]] = []
    scenarios = {key: value for key, value in members.items() if isinstance(value, Scenario)}
    for key, scenario in scenarios.items():
        if scenario.gradient is not None and (not name or name in {key, scenario.name}):
            arguments = (scenario.loss, scenario.gradient, scenario.params, scenario.batch)
            found.append((scenario.name, arguments))
    wanted = name or "gradient"
    # A Scenario that is made of the file's own functions is checked once.
    told = any(arguments[1] is members.get(wanted) for _, arguments in found)
    if not (name and found) and not told and "loss" in members and callable(members.get(wanted)):
        params, batch = _inputs(module)
        found.insert(0, (wanted, (members["loss"], members[wanted], params, batch)))
    if not found:
        raise InputError(_nothing(module, name, scenarios))
    yield from found


def _inputs(module: ModuleType) -> tuple[Any, Any]:
    members = vars(module)
    if "params" in members and "batch" in members:
        return members["params"], members["batch"]
    if callable(members.get("make")):
        from gradproof.verdicts.checking.subject import called  # noqa: PLC0415 - the parent needs none

        params, batch = called("function make", lambda: members["make"](0))
        return params, batch
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
    lacking = [each for each in ("loss", "gradient", "params", "batch") if each not in vars(module)]
    return (
        f"{module.__file__} lacks {', '.join(lacking)}. Define loss(xp, params, batch), gradient(params, "
        "batch), params and batch at its top level, or a Scenario with a gradient."
    )


if __name__ == "__main__":
    _status = _child(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that the user's code started must not keep the process.
    os._exit(_status)

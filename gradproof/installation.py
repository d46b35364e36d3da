"""What a report of a fault needs to tell of an installation: `gradproof --version --verbose` prints it."""

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from pathlib import Path

from gradproof.configuration import FILE, TABLE, configuration
from gradproof.errors import GradproofError
from gradproof.reporting.environment import flattened, machine, thread_pools

_LEFT_OUT = ("python", "packages")


def installation(folder: Path) -> Iterator[str]:
    """Give lines: versions, platform, threads, what each extra needs and has, backends, the configuration.

    No backend is imported, so that a broken one is told, too.

    Args:
        folder: where the configuration is looked for.
    """
    told = machine()
    yield f"in {Path(__file__).parent}"
    yield f"Python {told['python']}"
    for name, value in flattened({key: each for key, each in told.items() if key not in _LEFT_OUT}, " "):
        yield f"{name}: {value}"
    for name, library in thread_pools().items():
        yield f"threads {name}: {library}"
    yield from _requirements()
    for point in sorted(entry_points(group="gradproof.backends"), key=lambda each: each.name):
        yield f"backend {point.name}: {point.value}"
    yield from _configured(folder)


def _requirements() -> Iterator[str]:
    """Tell of each package that gradproof or one of its extras needs which version is installed."""
    seen: dict[str, list[str]] = {}
    for text in requires("gradproof") or []:
        name = re.split(r"[^\w.-]", text, maxsplit=1)[0]
        extra = re.search(r"extra == ['\"]([^'\"]+)", text)
        seen.setdefault(name, []).append(extra[1] if extra else "")
    for name, extras in seen.items():
        wanted = "" if "" in extras else f" (for {', '.join(extras)})"
        if name != "gradproof":
            yield f"{name} {_version(name)}{wanted}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is not installed"


def _configured(folder: Path) -> Iterator[str]:
    try:
        found = configuration(folder)
    except GradproofError as error:
        yield f"configuration: {error}"
        return
    where = found.path or f"no {FILE}"
    yield f"configuration: {where}{'' if found.values or not found.path else f' has no [{TABLE}]'}"
    for key, value in found.values.items():
        yield f"configuration {key}: {value}"

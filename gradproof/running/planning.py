"""Which runs are to be made, and which cannot be made, with the reason."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gradproof.backends import (
    Backend,
    Description,
    backend_names,
    check_backend_name,
    chosen_variants,
    default_backends,
    describe_backend,
    is_own,
    variants_of,
)
from gradproof.backends.loading import ALL, check_device_name, placed
from gradproof.errors import BackendUnavailableError, InputError
from gradproof.reference.numbers.run_formats import OWN
from gradproof.running.limits import Limits
from gradproof.running.task import Task
from gradproof.scenarios import Scenario
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.verdicts.records import NotRun, RunStatus, Subject


def plan(
    scenarios: Sequence[Scenario],
    backends: Sequence[str | Backend] | None,
    dtypes: Sequence[str],
    limits: Limits | None = None,
    device: str = "",
) -> tuple[list[Task], list[NotRun]]:
    """List the runs to make, and those that cannot be made with the reason.

    Args:
        scenarios: what to run.
        backends: as `verify` takes them: names, or objects; None for all.
        dtypes: their names.
        limits: None to look at third parties' backends in this process.
        device: where backends compute that can be told, and of which nothing else was said; empty for
            wherever they do.

    Raises:
        InputError: there is no backend, no variant or no device of a name.
    """
    tasks: list[Task] = []
    not_run: list[NotRun] = []
    dtypes = list(dict.fromkeys(dtypes))
    objects = _objects(backends or ())
    given = [each if isinstance(each, str) else each.name for each in backends or ()]
    asked = chosen_variants(default_backends() if backends is None else given)
    absent = RunStatus.NOT_RUN if backends is None else RunStatus.FAILED
    described = _described([name for name in asked if name not in objects], limits) | {
        name: Description.of(each) for name, each in objects.items()
    }
    asked = _on_device(asked, described, device)
    for name, chosen in asked.items():
        found = described[name]
        # What is told not to have run: all of the backend, or what was named.
        named = tuple(each.replace(ALL, "") for each in chosen or (ALL,))
        if isinstance(found, BackendUnavailableError):
            not_run += [
                NotRun(each, str(found), absent) for each in _subjects(scenarios, name, named, dtypes)
            ]
            continue
        for scenario in scenarios:
            lacking = {dtype: _lacking(found, scenario, dtype) for dtype in dtypes}
            can = [dtype for dtype in dtypes if not lacking[dtype]]
            tasks += [
                Task(scenario, subject, absent, objects.get(name))
                for subject in _subjects([scenario], name, _variants(found, chosen, scenario), can)
            ]
            not_run += [
                NotRun(subject, f"backend {name!r} cannot run {lacking[subject.dtype]}", RunStatus.NOT_RUN)
                for subject in _subjects([scenario], name, named, [each for each in dtypes if lacking[each]])
            ]
    if not tasks and not not_run:
        raise InputError(f"No backend was chosen. Choose from {', '.join(backend_names())}.")
    return tasks, not_run


def _on_device(
    asked: dict[str, tuple[str, ...]],
    described: Mapping[str, Description | BackendUnavailableError],
    device: str,
) -> dict[str, tuple[str, ...]]:
    """Put what was asked for without a device on one, where a backend can be told."""
    if not device:
        return asked
    kinds = {name: getattr(found, "device_kinds", ()) for name, found in described.items()}
    check_device_name(device, dict.fromkeys(kind for each in kinds.values() for kind in each))
    can = {name for name, each in kinds.items() if device.partition(":")[0] in each}
    return {
        name: tuple(each if "@" in each else placed(each, device) for each in chosen or (ALL,))
        if name in can
        else chosen
        for name, chosen in asked.items()
    }


def _lacking(found: Description, scenario: Scenario, dtype: str) -> str:
    """Name the dtypes that a run in a dtype needs and that a backend lacks; empty if it lacks none."""
    own = scenario.own_formats
    needed = (dtype,) if dtype != OWN else own.own or (own.dtype,)
    return ", ".join(each for each in needed if each not in found.dtypes)


def _objects(backends: Iterable[Any]) -> dict[str, Backend]:
    """Give the backends that are objects by their names.

    Raises:
        InputError: one is no backend, or has the name of another one.
    """
    objects: dict[str, Backend] = {}
    for each in backends:
        if isinstance(each, str):
            continue
        if not isinstance(each, Backend) or isinstance(each, type):
            raise InputError(
                f"The backend {each!r:.60} lacks part of the Backend protocol. Give an object with name, "
                "variants, dtypes, step_limits, versions() and run(), or a name."
            )
        if each.name in objects or each.name in backend_names():
            raise InputError(f"Two backends are called {each.name!r}. Give one of them another name.")
        if not each.variants or not each.dtypes:
            raise InputError(f"Backend {each.name!r} has no variants, or no dtypes. Give it one at least.")
        objects[each.name] = each
    return objects


def _variants(found: Description, chosen: tuple[str, ...], scenario: Scenario) -> tuple[str, ...]:
    is_model = isinstance(scenario, ModelScenario) and scenario.framework == found.name
    return variants_of(found, chosen, model=is_model)


def _subjects(
    scenarios: Sequence[Scenario], backend: str, variants: Sequence[str], dtypes: Sequence[str]
) -> list[Subject]:
    return [
        Subject(scenario.name, backend, variant, dtype)
        for scenario in scenarios
        for variant in variants
        for dtype in dtypes
    ]


def _described(
    names: Sequence[str], limits: Limits | None
) -> dict[str, Description | BackendUnavailableError]:
    """Describe backends: third parties', whose code may do anything, in a process of its own."""
    for name in names:
        check_backend_name(name)
    foreign = [name for name in names if not is_own(name)] if limits is not None else []
    found = dict(zip(foreign, _elsewhere(foreign, limits), strict=True)) if limits is not None else {}
    return {name: found[name] if name in found else _description(name) for name in names}


def _elsewhere(names: Sequence[str], limits: Limits) -> Iterator[Description | BackendUnavailableError]:
    from gradproof.running.executing import ordered  # noqa: PLC0415 - only where there are third parties

    def ended(name: str, status: RunStatus, reason: str) -> BackendUnavailableError:
        return BackendUnavailableError(
            f"Backend {name!r} cannot be used ({status}): {reason.rstrip('.')}. Mend it, or uninstall it."
        )

    yield from ordered(_description, names, limits, ended)


def _description(name: str) -> Description | BackendUnavailableError:
    try:
        return describe_backend(name)
    except BackendUnavailableError as error:
        return error

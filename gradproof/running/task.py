"""One run: made, looked at, judged; whatever goes wrong with it is a result, and not the end."""

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradproof.backends import Backend, Framework, Run, load_backend
from gradproof.backends.laws import check_record
from gradproof.backends.loading import environment_of
from gradproof.errors import BackendError, BackendUnavailableError, UnsupportedError
from gradproof.reporting.environment import thread_pools
from gradproof.running.slate import Slate
from gradproof.running.worker import spoil
from gradproof.scenarios import Scenario
from gradproof.texts import encodable, shortened
from gradproof.verdicts.records import NotRun, Outcome, RunStatus, Subject
from gradproof.verdicts.runs import judge

_MOST_SAID = 600
"""Characters of a reason that are kept: an exception may hold megabytes."""

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc", "resource_exhausted")


@dataclass(frozen=True)
class Task:
    """One run to make and to judge.

    Attributes:
        scenario: what is run.
        subject: by whom, in which dtype.
        absent: what becomes of it where the backend turns out not to be there.
        backend: who makes it, where that is an object and no name that is known everywhere.
    """

    scenario: Scenario
    subject: Subject
    absent: RunStatus = RunStatus.FAILED
    backend: Backend | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """What the process that makes it must have in its environment from the start."""
        return environment_of(self.subject.backend, self.subject.variant)


def carry_out(task: Task) -> Outcome | NotRun:
    """Make one run and judge it; what its framework raises is reported, not raised."""
    subject = task.subject
    try:
        run, versions, framework = _made(task)
        # After the run was looked at: no array of its holds what Python code of the backend's answers.
        threads = thread_pools()  # of the process that ran it, once its libraries are loaded
        return replace(judge(task.scenario, run, versions, framework), threads=threads)
    except UnsupportedError as error:
        return NotRun(subject, told(error), RunStatus.NOT_RUN)
    except BackendUnavailableError as error:
        return NotRun(subject, str(error), task.absent)
    except BackendError as error:
        return NotRun(subject, str(error), RunStatus.FAILED)
    except MemoryError as error:
        return NotRun(subject, told(error), RunStatus.OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001 - what ends a framework's run is a result to report
        reason = told(error)
        memory = any(each in reason.lower() for each in _OUT_OF_MEMORY)
        return NotRun(subject, reason, RunStatus.OUT_OF_MEMORY if memory else RunStatus.FAILED)


def ended(task: Task, status: RunStatus, reason: str) -> NotRun:
    """Tell of a run whose process gave no result."""
    return NotRun(task.subject, reason, status)


def _made(task: Task) -> tuple[Run, Mapping[str, str], Framework | None]:
    """Make the run on a slate that is clean afterwards.

    Raises:
        BackendError: the record cannot be judged, or something global was left changed.
    """
    subject, scenario = task.subject, task.scenario
    backend = task.backend or load_backend(subject.backend)
    if backend.name != subject.backend:
        raise BackendError(
            f"The backend that is registered as {subject.backend!r} calls itself {backend.name!r}. Give "
            "it one name."
        )
    slate = Slate.before(backend, scenario)
    changed: list[str] = []
    try:
        run = backend.run(scenario, dtype=subject.dtype, variant=subject.variant)
        versions = _versions(backend)
    finally:
        changed = slate.restored()
        if changed:
            spoil()  # what is not known of may be changed as well
    if changed:
        raise BackendError(
            f"Backend {backend.name!r} leaves {'; '.join(changed[:3])} changed after its run, which others "
            "depend on (law 5 of backends). Put back what a run changes."
        )
    check_record(run, backend, scenario, dtype=subject.dtype, variant=subject.variant)
    framework = getattr(backend, "framework", None)
    return run, versions, framework if isinstance(framework, Framework) else None


def _versions(backend: Backend) -> Mapping[str, str]:
    versions: Any = backend.versions()
    if not isinstance(versions, Mapping) or not all(
        isinstance(text, str) for item in versions.items() for text in item
    ):
        raise BackendError(
            f"Backend {backend.name!r} gives {reprlib.repr(versions)} as its versions. Give a mapping of "
            "texts to texts."
        )
    return {**versions}


def told(error: BaseException) -> str:
    """Tell an exception in a line, whatever its own message does."""
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception as another:  # noqa: BLE001 - the user's own class may do anything
        return f"{kind}, whose message raises {type(another).__name__}"
    line = shortened(message.strip().partition("\n")[0], _MOST_SAID)
    line = encodable(line)  # as what tells of it may have to be sent on, or written
    own = type(error).__module__.startswith("gradproof")
    return line if own and line else f"{kind}: {line}".rstrip(": ")

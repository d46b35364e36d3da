"""What a run may take: time, and memory where the system can hold a process to it."""

import os
import sys
from dataclasses import dataclass

from gradproof.inputs import NUMBER, SEED, Wanted, check_inputs

RUN_SECONDS = 3600.0
"""The time limit of one run where none is asked for: far more than ordinary runs take."""


@dataclass(frozen=True)
class Limits:
    """What one run may take.

    >>> Limits(seconds=60).seconds
    60

    Attributes:
        seconds: for running and judging; 0 for no limit.
        memory: bytes of data that the process may hold, on Linux; 0 for as much as the machine has.

    Raises:
        InputError: a limit is negative, or no number.
    """

    seconds: float = RUN_SECONDS
    memory: int = 0

    def __post_init__(self) -> None:
        """Check the limits."""
        check_inputs("the limits", seconds=(self.seconds, _AMOUNT), memory=(self.memory, SEED))
        if not self.memory:
            object.__setattr__(self, "memory", physical_memory())


_AMOUNT = Wanted(lambda value: NUMBER.holds(value) and value >= 0, "a number of seconds from 0 up")


def physical_memory() -> int:
    """Tell how many bytes of memory the machine has; 0 where the system does not tell.

    >>> physical_memory() >= 0
    True
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows lacks it
        return 0


def hold_memory(limit: int) -> None:
    """Hold this process to so many bytes of data; more raises MemoryError in Python, or ends the process."""
    if not limit or sys.platform != "linux":
        return  # elsewhere RLIMIT_DATA does not count what is mapped, which is where arrays are
    import resource  # noqa: PLC0415 - Windows lacks it

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    held = limit if most == resource.RLIM_INFINITY else min(limit, most)
    resource.setrlimit(resource.RLIMIT_DATA, (held, most))


ORDINARY = Limits()
"""The limits of a run where no others are asked for."""

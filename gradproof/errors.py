"""The exceptions that gradproof raises on purpose; every room may import them.

Each message is two sentences: what is wrong and where, then what to do.
"""


class GradproofError(Exception):
    """Base of all exceptions that gradproof raises on purpose."""


class InputError(GradproofError, ValueError):
    """What the caller passed cannot be worked with; the command ends with exit status 2."""


class UnsupportedError(GradproofError, NotImplementedError):
    """A loss uses something that gradproof cannot follow, and the message names it."""


class BackendUnavailableError(GradproofError, ImportError):
    """A backend's framework is not installed, or does not import."""


class BackendError(GradproofError, RuntimeError):
    """A backend recorded something else than it was asked for, so that its run cannot be judged."""


class DisagreementError(GradproofError, AssertionError):
    """A comparison found a gradient, an update or a claim that does not agree."""

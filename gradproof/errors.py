"""The exceptions that gradproof raises on purpose; every room may import them.

Each message is two sentences: what is wrong and where, then what to do.
"""

_MOST_TOLD = 10_000


class GradproofError(Exception):
    r"""Base of all exceptions that gradproof raises on purpose.

    Its message may hold what others wrote (a name, another exception's message), so it is shown with
    characters that steer a terminal as escapes, and is not endless.

    >>> print(GradproofError("There is no file \x1b[31mred. Check the path."))
    There is no file \x1b[31mred. Check the path.
    """

    def __str__(self) -> str:
        """Give the message so that showing it does no harm."""
        from gradproof.texts import shortened, visible  # noqa: PLC0415 - `gradproof --help` tells no error

        return visible(shortened(super().__str__(), _MOST_TOLD), lines=True)


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

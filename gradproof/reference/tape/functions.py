"""How the functions of the namespace are made of the table, and how their errors are told."""

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from types import FunctionType
from typing import Any, ClassVar

from gradproof.errors import GradproofError, InputError
from gradproof.reference import advice
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Value, is_discrete
from gradproof.reference.tape.node import Recorder, Tensor
from gradproof.reference.tape.operations import Operation

Function = Callable[..., Any]


class Functions:
    """A namespace whose functions record on one tape.

    A subclass that names its `prefix` gets a function for each of its `operations` that has a signature; the
    public methods that it defines itself are made of several operations, or of none.
    """

    _PREFIX: ClassVar[str] = ""

    def __init_subclass__(cls, prefix: str | None = None, operations: Iterable[Operation] = ()) -> None:
        """Make the functions, and have the errors of all of them told with their names."""
        super().__init_subclass__()
        if prefix is None:
            return
        cls._PREFIX = prefix
        made = {each.name: _function_of(each) for each in operations if each.signature is not None}
        own = {
            name: each
            for base in reversed(cls.__mro__)
            for name, each in vars(base).items()
            if name[0] != "_"
        }
        for name, function in (made | own).items():
            if isinstance(function, FunctionType):
                setattr(cls, name, _told(function, prefix + name))
        advice.KNOWN.update(prefix.removeprefix("xp.") + name for name in made | own)

    def __init__(self, tape: Recorder) -> None:
        """Bind the functions to the tape that they record on."""
        self._tape = tape

    def __getattr__(self, name: str) -> Any:
        """Name a function that is lacking."""
        advice.missing(self._PREFIX.removeprefix("xp.") + name)

    def _apply(self, operation: Operation, *operands: Value, **arguments: object) -> Tensor:
        return self._tape.apply(operation, *operands, **arguments)

    def _tensor(self, value: Value) -> Tensor:
        return self._tape.lift(value)


def _function_of(operation: Operation) -> Function:
    """The namespace's function of an operation."""
    read, integers = operation.signature, operation.integers
    assert read is not None  # noqa: S101 - only those with a signature are in the namespace

    def function(self: Functions, *args: Value, **options: Any) -> Value:
        operands, arguments = read(*args, **options)
        if integers is not None and is_discrete(*operands):
            return integers(*args, **options)
        return self._apply(operation, *operands, **arguments)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = inspect.signature(read).parameters.values()
    function.__signature__ = inspect.Signature([own, *parameters])  # type: ignore[attr-defined] # as `inspect` reads it
    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = (
        f"{operation.summary}\n\nDomain: {operation.domain}.\n\nKinks: {operation.kinks}.\n\n"
        f"Source: {operation.source}."
    )
    return function


def _told(function: Function, name: str) -> Function:
    """A function whose errors say its name, the line that called it and what it takes."""
    signature = inspect.signature(function)

    @wraps(function)
    def told(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except GradproofError:
            raise
        except (TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise InputError(_complaint(name, signature, args, options, error)) from error

    told.__signature__ = signature  # type: ignore[attr-defined] # as `inspect` reads it
    return told


def _complaint(
    name: str, signature: inspect.Signature, args: tuple[Any, ...], options: dict[str, Any], error: Exception
) -> str:
    _, *parameters = signature.parameters.values()
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    call = f"{name}{inspect.Signature(bare)}"
    call += ", by name behind the *" if "*" in call else ""
    try:
        signature.bind(*args, **options)
    except TypeError as misfit:
        return f"{name} at {caller()} cannot be called so: {misfit}. Call it as {call}."
    return f"{name} at {caller()} cannot work with what it is given: {error}. Pass what fits {call}."

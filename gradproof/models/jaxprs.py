"""A JAX function's jaxpr as a graph: inner functions taken in, loops and branches as graphs of their own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.models.model_graph import ModelGraph, ModelNode, Reference, ResultForm, references
from gradproof.reference.source import INSTALLED, OURS, UNKNOWN, ModelSource, Source

TAKEN_IN = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "custom_vmap_call": "call",
    "composite": "jaxpr",
}
"""By primitive, the parameter that holds the function that it calls, whose operations are taken in.

Of a custom_jvp or custom_vjp it is the forward pass, as the user wrote it: its derivative is the true one."""

INNER: dict[str, tuple[str, ...]] = {
    "scan": ("jaxpr",),
    "while": ("cond_jaxpr", "body_jaxpr"),
    "cond": ("branches",),
}
"""By primitive, the parameters that hold functions that are run as often as the data want."""

BITS = {52: "float64", 23: "float32", 10: "float16", 7: "bfloat16"}
"""By the bits of a mantissa that `reduce_precision` leaves, the dtype that has so many."""

RULES = ("bwd", "jvp_jaxpr_fun")
"""The parameters that hold a derivative of the user's own."""

DERIVATIVES = frozenset({"jvp", "transpose", "linearize"})
"""What the stack of names calls JAX's transformations that differentiate."""


def graph_of(closed: Any, params: Sequence[str], batch: Sequence[str], traced: str = "float64") -> ModelGraph:
    """Make a graph of a closed jaxpr.

    Args:
        closed: of a function whose arguments are the parameters and then the data, flat.
        params: their dotted names.
        batch: likewise, of the data.
        traced: as of a `ModelGraph`.

    Raises:
        UnsupportedError: JAX differentiates inside the function.
    """
    names = (*params, *batch)
    places = [Reference(place) for place in range(len(names))]
    walk = _Walk(len(names), traced)
    nodes, (output,) = walk.used(walk.take_in(closed, places, UNKNOWN))
    discrete = _discrete(names, closed.jaxpr.invars)
    return ModelGraph(tuple(params), tuple(batch), (), nodes, output, discrete, traced)


def _function_graph(closed: Any, source: Source, traced: str) -> ModelGraph:
    """Make a graph of an inner function, whose arguments are called by their places."""
    names = tuple(str(place) for place in range(len(closed.jaxpr.invars)))
    walk = _Walk(len(names), traced)
    places = [Reference(place) for place in range(len(names))]
    nodes, outputs = walk.used(walk.take_in(closed, places, source))
    discrete = _discrete(names, closed.jaxpr.invars)
    return ModelGraph(names, (), (), nodes, outputs, discrete, traced)


def _discrete(names: Sequence[str], variables: Sequence[Any]) -> frozenset[str]:
    return frozenset(
        name for name, each in zip(names, variables, strict=True) if not is_float(str(each.aval.dtype))
    )


def is_float(dtype: str) -> bool:
    """Tell whether a dtype, by its name, is one of floating-point numbers.

    >>> is_float("bfloat16"), is_float("float8_e4m3fn"), is_float("int32"), is_float("key<fry>")
    (True, True, False, False)
    """
    return "float" in dtype


class _Walk:
    """One pass through a jaxpr, which gathers nodes."""

    def __init__(self, first: int, traced: str) -> None:
        self._traced = traced
        self.nodes: list[ModelNode] = []
        self._first = first

    def take_in(self, closed: Any, arguments: Sequence[Any], source: Source) -> list[Any]:
        """Gather the nodes of a function that is called with values; give what it returns."""
        jaxpr, constants = (closed.jaxpr, closed.consts) if hasattr(closed, "consts") else (closed, ())
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(_literal, constants), strict=True))
        known.update(zip(jaxpr.invars, arguments, strict=True))
        is_foreign = _is_installed(jaxpr)
        for equation in jaxpr.eqns:
            at = source if is_foreign and source is not UNKNOWN else _source_of(equation, source)
            results = self._results(equation, [_value(each, known) for each in equation.invars], at)
            known.update(zip(equation.outvars, results, strict=True))
        return [_value(each, known) for each in jaxpr.outvars]

    def used(self, outputs: Sequence[Any]) -> tuple[tuple[ModelNode, ...], tuple[Any, ...]]:
        """Give the nodes that a part of what is returned is computed from, and what is returned."""
        wanted = {each.place for each in references(tuple(outputs))}
        for place in reversed(range(self._first, self._first + len(self.nodes))):
            if place in wanted:
                wanted |= {each.place for each in references(self.nodes[place - self._first].inputs)}
        kept = [place for place in range(self._first, self._first + len(self.nodes)) if place in wanted]
        new = {place: self._first + number for number, place in enumerate(kept)}

        def moved(value: Any) -> Any:
            is_node = isinstance(value, Reference) and value.place in new
            return value._replace(place=new[value.place]) if is_node else value

        nodes = (self.nodes[place - self._first] for place in kept)
        return (
            tuple(replace(node, inputs=tuple(map(moved, node.inputs))) for node in nodes),
            tuple(map(moved, outputs)),
        )

    def _results(self, equation: Any, inputs: list[Any], source: Source) -> Sequence[Any]:
        name = equation.primitive.name
        _refuse_derivative(equation, source)
        inner = TAKEN_IN.get(name)
        if inner is not None and inner in equation.params:
            return self.take_in(equation.params[inner], inputs, _within(equation, source))
        if name == "custom_linear_solve":
            return self._solution(equation, inputs, source)
        options = dict(equation.params)
        for each in INNER.get(name, ()):
            options[each] = _graphs(options[each], source, self._traced)
        return self._recorded(equation, inputs, options, source)

    def _solution(self, equation: Any, inputs: list[Any], source: Source) -> Sequence[Any]:
        """Gather the solution of a linear equation, whose own way to solve it is not looked at."""
        lengths = equation.params["const_lengths"]
        options = {
            "matvec": _function_graph(equation.params["jaxprs"].matvec, source, self._traced),
            "count": lengths.matvec,
        }
        return self._recorded(equation, [*inputs[: lengths.matvec], *inputs[sum(lengths) :]], options, source)

    def _recorded(
        self, equation: Any, inputs: Sequence[Any], options: Mapping[str, Any], source: Source
    ) -> Sequence[Any]:
        name = equation.primitive.name
        forms = tuple(ResultForm(tuple(each.aval.shape), _dtype(equation, each)) for each in equation.outvars)
        PRIMITIVES[name] = equation.primitive
        place = self._first + len(self.nodes)
        self.nodes.append(ModelNode(name, tuple(inputs), options, source, forms, name == "stop_gradient"))
        if equation.primitive.multiple_results:
            return [Reference(place, result) for result in range(len(forms))]
        return [Reference(place)]


PRIMITIVES: dict[str, Any] = {}
"""By name, the primitives of all graphs of this process, for what JAX computes itself."""


def _graphs(functions: Any, source: Source, traced: str) -> Any:
    """Make graphs of the functions in a parameter, laid out as they are."""
    if isinstance(functions, tuple):
        made = tuple(_graphs(each, source, traced) for each in functions)
        return type(functions)(*made) if hasattr(functions, "_fields") else made
    return functions if functions is None else _function_graph(functions, source, traced)


def _dtype(equation: Any, result: Any) -> str:
    """The dtype of a result: the one that its digits are of, where they are cut off."""
    bits = equation.params.get("mantissa_bits")
    return str(result.aval.dtype) if bits is None else BITS.get(bits, "bfloat16")


def _value(atom: Any, known: Mapping[Any, Any]) -> Any:
    return _literal(atom.val) if hasattr(atom, "val") else known[atom]


def _literal(value: Any) -> Any:
    """Give a constant as NumPy has it; one of a dtype that NumPy lacks as the float32 that it is."""
    if "key<" in str(getattr(value, "dtype", "")):
        return value
    array = np.array(value)
    array = array.astype(np.float32) if array.dtype.kind == "V" else array
    return array[()] if array.ndim == 0 else array


def _refuse_derivative(equation: Any, source: Source) -> None:
    """Refuse what JAX computes by its own rules for derivatives: they would be taken for the truth.

    Raises:
        UnsupportedError: the operation comes from a derivative inside the function.
    """
    stack = equation.source_info.name_stack.stack
    transforms = {each.name for each in stack if type(each).__name__ == "Transform"}
    if transforms & DERIVATIVES or equation.primitive.name == "custom_lin":
        raise UnsupportedError(
            f"The function differentiates inside itself at {source} (by jax.grad, jax.jvp or the like), so "
            "that JAX's own rules for derivatives would be a part of what is taken for true. Write the inner "
            "derivative out as a formula."
        )


# -------------------------------------------------------------------- where in the user's code


def _source_of(equation: Any, enclosing: Source) -> Source:
    """Give the user's own line that an equation comes from, with the named scopes that it is in."""
    scopes = [each.name for each in equation.source_info.name_stack.stack if type(each).__name__ == "Scope"]
    module = ".".join([enclosing.module] * bool(enclosing.module) + scopes)
    found = next(_users_lines(equation.source_info.traceback), enclosing)
    return found if found is UNKNOWN else ModelSource.of(found.file, found.line, module, enclosing.backward)


def _users_lines(traceback: Any) -> Iterator[Source]:
    """Give the lines of the user's code in a traceback of JAX's, the innermost first."""
    for frame in traceback.frames if traceback else ():
        if _is_users(frame.file_name):
            yield Source(frame.file_name, frame.line_num)


def _is_users(file: str) -> bool:
    return not file.startswith((OURS, "<frozen")) and not INSTALLED & set(Path(file).parts)


def _is_installed(jaxpr: Any) -> bool:
    """Whether a function is an installed package's, which keeps the lines of its first caller."""
    file = jaxpr.debug_info.func_filename if jaxpr.debug_info is not None else None
    return file is not None and not _is_users(file)


def _within(equation: Any, source: Source) -> Source:
    """Give the place of a function that is called, with that of a derivative of the user's own."""
    rule = next((equation.params[name].debug_info for name in RULES if name in equation.params), None)
    if rule is None or source is UNKNOWN or rule.func_filename is None or not _is_users(rule.func_filename):
        return source
    name = equation.params["call_jaxpr"].jaxpr.debug_info.func_name
    backward = f"{rule.func_name} of {name} at {Source(rule.func_filename, rule.func_lineno or 0)}"
    return ModelSource.of(source.file, source.line, source.module, backward)

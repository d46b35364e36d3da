"""The line that steps of a program have in common."""

import ast
import linecache
from collections.abc import Sequence
from functools import cache

from gradproof.reference.lifted import Step
from gradproof.reference.lifted.trace import Call
from gradproof.reference.source import Source


def common_call(steps: Sequence[Step]) -> int | None:
    """Give how deep the innermost call is that all steps are computed in; None if there is none."""
    first, *others = [step.calls for step in steps]
    depth = 0
    while depth < len(first) and all(_same(each, first, depth) for each in others):
        depth += 1
    return depth - 1 if depth else None


def _same(calls: Sequence[Call], others: Sequence[Call], depth: int) -> bool:
    return depth < len(calls) and calls[depth][0] == others[depth][0]


def line_of(steps: Sequence[Step], depth: int) -> Source | None:
    """Give the line that a call of all steps was at, if it is one statement for all of them."""
    sources = {step.calls[depth][1] for step in steps}
    statements = {(each.file, statement(each)) for each in sources}
    if len(statements) > 1:
        return None
    [(file, line)] = statements
    return sources.pop() if len(sources) == 1 else Source(file, line)


def names_of(source: Source) -> frozenset[str]:
    """Give the names that the statement of a line reads, but for those in indices."""
    found = set[str]()
    waiting: list[ast.AST] = [each for each in _statements(source.file) if _holds(each, source)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        waiting += [node.value] if isinstance(node, ast.Subscript) else ast.iter_child_nodes(node)
    return frozenset(found)


def statement(source: Source) -> int:
    """Give the line at which the statement begins that a line is a part of."""
    inside = [each.lineno for each in _statements(source.file) if _holds(each, source)]
    return max(inside, default=source.line)


def _holds(statement: ast.stmt, source: Source) -> bool:
    return statement.lineno <= source.line <= (statement.end_lineno or statement.lineno)


@cache
def _statements(file: str) -> tuple[ast.stmt, ...]:
    """Give the statements of a file that hold no other ones."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # a notebook's cell with commands of its own
        return ()
    found = (node for node in ast.walk(tree) if isinstance(node, ast.stmt))
    return tuple(node for node in found if not hasattr(node, "body"))

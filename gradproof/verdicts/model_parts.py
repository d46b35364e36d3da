"""Of a line that a cause names: the module that it belongs to, and where its own derivative is written."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from gradproof.reference.numbers import Plain
from gradproof.reference.source import Source
from gradproof.reference.tape import Loss, differentiate
from gradproof.verdicts.judging.claimed import Place

MOST = 3
"""Of so many lines the modules are told, at most."""


class Parts(NamedTuple):
    """What is known of the lines that a text names.

    Attributes:
        text: a clause to follow it; empty where nothing is known.
        backward: where the derivative is written, if all lines have the same.
    """

    text: str
    backward: str


def parts_of_model(loss: Loss, place: Place, text: str) -> Parts:
    """Tell of the lines of a model that a text names what part of it they are.

    Args:
        loss: called as `loss(xp, params, batch)` on flat mappings.
        place: where.
        text: what was found.
    """
    named = _named(_sources(loss, place.params, place.batch), text)
    clauses = []
    for line, sources in list(named.items())[:MOST]:
        modules = list(dict.fromkeys(source.module for source in sources if source.module))
        more = f" and {len(modules) - MOST} more" if len(modules) > MOST else ""
        within = f"is in {', '.join(modules[:MOST])}{more}" if modules else ""
        backward = next((source.backward for source in sources if source.backward), "")
        derived = f"has its derivative from {backward}" if backward else ""
        if told := " and ".join(filter(None, (within, derived))):
            clauses.append(f"{line} {told}")
    backwards = {source.backward for sources in named.values() for source in sources}
    return Parts("".join(f"; {clause}" for clause in clauses), backwards.pop() if len(backwards) == 1 else "")


def _sources(
    loss: Loss, params: Mapping[str, NDArray[Any]], batch: Mapping[str, NDArray[Any]]
) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for node in differentiate(loss, params, batch, Plain()).tape.nodes:
        if node.source.module or node.source.backward:
            found.setdefault(str(node.source), []).append(node.source)
    return found


def _named(sources: Mapping[str, list[Source]], text: str) -> dict[str, list[Source]]:
    found = {line: re.search(re.escape(line) + r"(?!\d)", text) for line in sources}
    named = [line for line, match in found.items() if match]
    # What has a derivative of the user's own comes first, then what the text names first.
    named.sort(key=lambda line: (not any(each.backward for each in sources[line]), text.index(line)))
    return {line: sources[line] for line in named}

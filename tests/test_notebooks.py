"""What a notebook shows of each result: its text, with nothing of a name read as markup."""

import ast
import json
import linecache
from pathlib import Path
from typing import Any

import lxml.html
import numpy as np
import planted_reports
import pytest

import gradproof as gp
from gradproof.texts import preformatted

HOSTILE = "</pre><script>alert(1)</script>"


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum((batch["x"] * params[HOSTILE]) ** 2)


GIVEN = (loss, {HOSTILE: np.ones(2)}, {"x": np.array([1.0, 2.0])})


def wrong(params: Any, batch: Any) -> Any:
    return {HOSTILE: batch["x"] ** 2 * params[HOSTILE]}


RESULTS = {
    "check": lambda: gp.check(loss, wrong, *GIVEN[1:], points=0),
    "judge": lambda: gp.judge(*GIVEN, {HOSTILE: np.ones(2)}),
    "true_gradient": lambda: gp.true_gradient(*GIVEN),
    "rounding_noise": lambda: gp.rounding_noise(*GIVEN),
    "verify": lambda: planted_reports.report_of("everything", name=HOSTILE),
    "compare": lambda: gp.compare(
        planted_reports.report_of("gradient", name=HOSTILE), planted_reports.report_of("failed", name=HOSTILE)
    ),
    "audit": lambda: gp.audit(["neuron_chain"]),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_shown_as_its_text(name: str) -> None:
    result = RESULTS[name]()
    shown = lxml.html.fragment_fromstring(result._repr_html_(), create_parent=True)
    assert shown.xpath(".//script") == []
    assert shown.xpath(".//pre")
    if name not in {"verify", "audit"}:
        assert shown.text_content() == str(result)
    else:
        assert "WRONG" in shown.text_content() or "CONFIRMED" in shown.text_content()


def test_the_first_word_is_strong_and_control_characters_are_escapes() -> None:
    shown = lxml.html.fragment_fromstring(preformatted("EQUAL \x1b[31m\nb"))
    assert [each.text for each in shown.xpath("./b")] == ["EQUAL"]
    assert shown.text_content() == "EQUAL \\x1b[31m\nb"


# The notebook among the examples, cell by cell, as its kernel runs it.

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


def test_the_notebook_runs_and_shows_each_result() -> None:
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in codes), (
        "clear its outputs"
    )
    space: dict[str, Any] = {}
    shown = [_run("".join(cell["source"]), number, space) for number, cell in enumerate(codes)]
    assert shown[0] is None
    assert all("<pre" in each for each in shown[1:])
    assert (str(space["wrong"].verdict), str(space["right"].verdict)) == ("WRONG", "EQUAL")
    assert space["report"].ok


def _run(source: str, number: int, space: dict[str, Any]) -> str | None:
    """Run a cell, and give what is shown of its last line, where that is an expression."""
    name = f"cell {number}"
    # The lines are found by the tape, as a kernel lets them be found.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), space)  # noqa: S102 - our own file
    if last is None:
        return None
    result = eval(compile(ast.Expression(last.value), name, "eval"), space)  # noqa: S307 - our own file
    return str(result._repr_html_())

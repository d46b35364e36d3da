"""What is printed of changes: short where nothing changed, the worse first, never wider than the terminal."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gradproof.reporting.comparison.changes import CHANGES, Changes
from gradproof.reporting.formats.markdown import changes_section
from gradproof.reporting.formats.terminal import print_changes

LINE = {"scenario": "bce_network_rate_0.01", "backend": "torch", "variant": "eager", "dtype": "float32"}


def changes(**rows: list[dict[str, Any]]) -> Changes:
    """Changes with these rows and nothing else, of 70 runs."""
    frames = {}
    for name, columns in CHANGES.items():
        frame = pd.DataFrame(rows.get(name, []), columns=list(columns))
        frames[name] = frame.astype(columns)
    return Changes(
        **frames,
        scenarios={},
        counts={"run": 70, "run as before": 70 - len(rows.get("verdicts", [])), "ran twice": 70},
    )


def verdict(change: str, before: str, after: str, **values: Any) -> dict[str, Any]:
    return {
        "kind": "run",
        **LINE,
        "name": "",
        "before": before,
        "after": after,
        "change": change,
        "spreads_before": 1.25,
        "spreads_after": 9.5e16,
        "scenario_changed": False,
        "cause": "the gradient of w_jk is the true one with the derivative of sigmoid (mine.py:5) left out",
        "reason": "the error is proven to be more than rounding explains",
        "repeat": "gradproof verify bce_network_rate_0.01 --backends torch --dtypes float32",
        **values,
    }


def error(ratio: float, parameter: str = "w_jk") -> dict[str, Any]:
    return {
        **LINE,
        "quantity": "gradients",
        "parameter": parameter,
        "spreads_before": 3.0,
        "spreads_after": 3.0 * ratio,
        "ratio": ratio,
        "ulps_before": 1.0,
        "ulps_after": 1.0,
        "step_before": 9_999,
        "step_after": 10_000,
        "verdict_before": "AGREES",
        "verdict_after": "AGREES",
        "scenario_changed": False,
    }


def total(variant: str) -> dict[str, Any]:
    seconds = {
        f"{name}_{which}": 123.456
        for name in ("compiling", "training", "judging")
        for which in ("before", "after")
    }
    ratios = {f"{name}_ratio": 1.0 for name in ("compiling", "training", "judging")}
    return {"backend": "reference", "variant": variant, "runs": 14, **seconds, **ratios}


def bits(*, nondeterministic: bool) -> dict[str, Any]:
    return {
        **LINE,
        "first_step": 3,
        "differing": 9_997,
        "compared": 10_000,
        "steps_before": 10_000,
        "steps_after": 10_000,
        "nondeterministic": nondeterministic,
        "explanation": "nondeterminism of torch/eager" if nondeterministic else "the environment changed: so",
    }


Print = Callable[[Changes], list[str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Print:
    monkeypatch.setenv("COLUMNS", "80")

    def lines(made: Changes) -> list[str]:
        print_changes(made)
        return capsys.readouterr().out.splitlines()

    return lines


def test_nothing_changed_is_told_in_some_lines(printed: Print) -> None:
    assert printed(changes(totals=[total("numpy")])) == [
        "Nothing got worse: the verdicts of all 70 runs are as before.",
        "Bits are equal in all 70 runs.",
        "All errors are exactly as before.",
        "The environment is the same.",
        "Seconds of training, after / before: reference/numpy 1.00. These are facts and",
        "no verdicts: machines are noisy.",
    ]


def test_the_worse_come_first_and_in_full(printed: Print) -> None:
    made = changes(
        verdicts=[
            verdict("worse", "AGREES", "DISAGREES"),
            verdict("worse", "AGREES", "NOT RUN", spreads_after=np.nan, cause="", reason="no torch"),
            verdict("better", "WRONG", "AGREES"),
            verdict("other", "AGREES", "KINK"),
        ],
        totals=[total("numpy")],
    )
    lines = printed(made)
    assert lines[:13] == [
        "2 verdicts got worse; the verdicts of 66 of 70 runs are as before.",
        "  worse  bce_network_rate_0.01 torch/eager float32: AGREES → DISAGREES",
        "    spreads 1.25 → 9.5e+16",
        "    cause   the gradient of w_jk is the true one with the derivative of sigmoid",
        "        (mine.py:5) left out",
        "    why     the error is proven to be more than rounding explains",
        "    repeat  gradproof verify bce_network_rate_0.01 --backends torch --dtypes float32",
        "  worse  bce_network_rate_0.01 torch/eager float32: AGREES → NOT RUN",
        "    spreads 1.25",
        "    why     no torch",
        "    repeat  gradproof verify bce_network_rate_0.01 --backends torch --dtypes float32",
        "  better  bce_network_rate_0.01 torch/eager float32: WRONG → AGREES",
        "1 verdict got better.",
    ]
    assert lines[-2].split() == [
        "implementation",
        "runs",
        "compiling",
        "training",
        "judging",
        "training,",
        "s",
    ]
    assert lines[-1].split() == [
        *("reference/numpy", "14", "1.00", "1.00", "1.00", "123.46", "→", "123.46"),
    ]


def test_only_the_largest_changes_of_errors_are_listed(printed: Print) -> None:
    ratios = [1.5, 3.0, 0.01, *np.linspace(4.0, 5.0, 11), np.inf]
    rows = [error(ratio, f"p{number}") for number, ratio in enumerate(ratios)]
    text = "\n".join(printed(changes(errors=rows)))
    assert "The worst error of 14 parameters changed by more than a factor of 2" in text
    assert "has all 15 that are" in " ".join(text.split())
    listed = [line.split(" of p")[1].split()[0] for line in text.splitlines() if " of p" in line]
    assert listed == ["14", "2", *(str(number) for number in range(13, 5, -1))]
    assert "  and 4 more, by smaller factors" in text
    assert "3 → inf spreads (inf times), gradients of p14 in" in text


def test_nothing_but_a_command_is_wider_than_the_terminal(printed: Print) -> None:
    environment = [{"key": f"packages.name{n}", "before": "1.0.0", "after": "1.0.1"} for n in range(30)]
    made = changes(
        verdicts=[verdict("worse", "AGREES", "DISAGREES", scenario_changed=True)] * 3,
        errors=[error(100.0)] * 12,
        bits=[bits(nondeterministic=True)] * 12,
        totals=[total("numpy"), total("a_long_variant")],
        environment=environment,
    )
    lines = printed(made)
    assert max(len(line) for line in lines if not line.startswith("    repeat")) <= 80
    text = " ".join(" ".join(lines).split())
    assert "Nondeterminism of torch/eager: bce_network_rate_0.01 torch/eager float32 differs" in text
    assert "; and 7 more runs (the frame bits has all)." in text
    assert "name9 1.0.0 → 1.0.1 and 20 more entries." in text
    assert "; the scenario changed" in text


def test_nondeterminism_is_told_before_what_the_environment_explains() -> None:
    made = changes(bits=[bits(nondeterministic=False), bits(nondeterministic=True)])
    lines = str(made).splitlines()
    assert lines[1] == "Bits are equal in 68 of 70 runs."
    assert lines[2].startswith("Nondeterminism of torch/eager: ")
    assert lines[3].startswith("The environment changed: so: ")


def test_many_worse_verdicts_are_counted_in_sentences() -> None:
    lines = str(changes(verdicts=[verdict("worse", "AGREES", "WRONG")] * 12)).splitlines()
    assert lines[0].startswith("12 verdicts got worse; ")
    assert lines[1] == "Worse: bce_network_rate_0.01 torch/eager float32: AGREES → WRONG."
    assert lines[11] == "Worse: 2 more."


def test_markup_in_names_is_printed_as_it_stands(printed: Print) -> None:
    row = verdict("worse", "AGREES", "WRONG", scenario="[red]odd[/]", cause="w[0,1] [bold]", repeat="")
    lines = printed(changes(verdicts=[row]))
    assert "  worse  [red]odd[/] torch/eager float32: AGREES → WRONG" in lines
    assert "    cause   w[0,1] [bold]" in lines


def test_names_can_neither_steer_a_terminal_nor_be_markdown(printed: Print) -> None:
    name = "\x1b[31modd\n<b>`x`"
    made = changes(
        verdicts=[verdict("worse", "AGREES", "WRONG", scenario=name, repeat=name)],
        environment=[{"key": "variables.OMP_X", "before": "(absent)", "after": "\x1b]0;\u202e"}],
        totals=[{**total("numpy"), "backend": "\x1b[1m"}],
        bits=[{**bits(nondeterministic=False), "scenario": name}],
    )
    for text in ("\n".join(printed(made)), str(made)):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\\x1b[31modd\\n<b>`x`" in text
    assert len(str(made).splitlines()) == len(made.sentences())
    listed = [line for line in changes_section(made) if line.startswith("- ")]
    assert len(listed) == len(made.sentences())
    assert not any("<b>" in line for line in changes_section(made))

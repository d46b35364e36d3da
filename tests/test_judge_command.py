"""The command `judge`, and the method of the fixture: gradients that were computed elsewhere."""

import textwrap

import numpy as np
import pytest

import gradproof as gp
from gradproof.cli import main, perform
from gradproof.streams import told_status

pytest_plugins = ["pytester"]

MODULE = """
import numpy as np
import gradproof as gp

r = np.random.default_rng(0)
params = {"w": r.normal(size=3).astype(np.float32), "layer": [r.normal(size=2).astype(np.float32)]}
batch = {"x": r.normal(size=(4, 3)).astype(np.float32)}


def loss(xp, p, b):
    return xp.mean((b["x"] @ p["w"]) ** 2) + xp.sum(xp.tanh(p["layer"][0]))


def gradient(p, b):
    return {
        "w": 2 * b["x"].T @ (b["x"] @ p["w"]) / len(b["x"]),
        "layer": [1 - np.tanh(p["layer"][0]) ** 2],
    }


first = gp.Scenario(name="the first", loss=loss, params=params, batch=batch)
"""
RENAMED = {
    "params =": "own =",
    "params=params": "params=own",
    "def loss": "def _loss",
    "loss=loss": "loss=_loss",
}
SCENARIOS = MODULE + 'second = gp.Scenario(name="2", loss=loss, params=params, batch=batch)\n'
for old, new in RENAMED.items():
    SCENARIOS = SCENARIOS.replace(old, new)


def gradients():
    members = {}
    exec(MODULE, members)  # noqa: S102 - it stands above
    found = members["gradient"](members["params"], members["batch"])
    return {"w": found["w"], "layer.0": found["layer"][0]}


@pytest.fixture
def run(tmp_path, capfd):
    def judged(*options, source=MODULE, name="", arrays=None, file="grads.npz", apart=False):
        path = tmp_path / "mine.py"
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        if arrays is not None:
            np.savez(tmp_path / "grads.npz", **arrays)
        arguments = ["judge", f"{path}{'::' + name if name else ''}", str(tmp_path / file), *options]
        status = main(arguments) if apart else told_status(lambda: perform(arguments))
        out, err = capfd.readouterr()
        return status, " ".join(out.split()), " ".join(err.split())

    return judged


@pytest.mark.parametrize("apart", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_right_gradient_ends_with_status_0(run, apart):
    status, out, err = run(arrays=gradients(), apart=apart)
    assert (status, err) == (0, "")
    assert "in float32: AGREES" in out


def test_a_wrong_gradient_ends_with_status_1_and_the_cause(run):
    right = gradients()
    status, out, _ = run(arrays=right | {"w": right["w"] / 2})
    assert status == 1
    assert "DISAGREES" in out
    assert "cause your gradient of w is half the true one" in out or "0.5" in out


def test_the_dtype_decides_how_exact_it_must_be(run):
    coarse = {name: array.astype(np.float16) for name, array in gradients().items()}
    assert run("--dtype", "float16", arrays=coarse)[0] == 0
    assert run("--dtype", "float32", arrays=coarse)[0] == 1


HELD = {
    "float32": ("", np.float32, "float32"),
    "float16 gradients": ("", np.float16, "float16"),
    "float64 throughout": (".astype(np.float32)", np.float64, "float64"),
    "float64 gradients of float32 parameters": ("", np.float64, "float32"),
}


@pytest.mark.parametrize(("left_out", "dtype", "told"), HELD.values(), ids=HELD)
def test_what_the_arrays_are_held_in_is_what_they_are_judged_in(run, left_out, dtype, told):
    source = MODULE.replace(left_out, "") if left_out else MODULE
    members = {}
    exec(source, members)  # noqa: S102 - it stands above
    found = members["gradient"](members["params"], members["batch"])
    arrays = {"w": found["w"].astype(dtype), "layer.0": found["layer"][0].astype(dtype)}
    status, out, _ = run(source=source, arrays=arrays)
    assert status == 0, out
    assert f"in {told}: AGREES" in out


def test_numbers_of_float32_in_arrays_of_float64_are_judged_as_what_they_are(run):
    source = MODULE.replace(".astype(np.float32)", "")
    short = {name: array.astype(np.float64) for name, array in gradients().items()}
    status, out, _ = run(source=source, arrays=short)
    assert "in float32: AGREES" in out
    assert status == 0
    off = {name: array * (1 + 1e-9) for name, array in short.items()}
    assert "in float64: DISAGREES" in run(source=source, arrays=off)[1]


def test_a_scenario_is_chosen_by_its_name(run):
    assert run(source=SCENARIOS, name="first", arrays=gradients())[0] == 0
    status, _, err = run(source=SCENARIOS, arrays=gradients())
    assert status == 2
    assert "defines 2 Scenario objects to judge a gradient by. Define" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arrays": gradients(), "file": "none.npz"}, "There is no file"),
        ({"arrays": gradients(), "name": "third"}, "defines nothing called 'third'"),
        ({"arrays": {"w": np.ones(3)}}, "no entry for parameter 'layer.0'"),
        ({"arrays": gradients() | {"w": np.ones(2)}}, "has shape (2,), but the parameter has shape (3,)"),
        (
            {"arrays": gradients() | {"w": np.array(["a"])}},
            "which are no real numbers. Write numbers",
        ),
        ({"arrays": gradients(), "source": "x = 1"}, "defines no loss, params and batch"),
    ],
)
def test_bad_input_ends_with_status_2(run, options, message):
    status, _, err = run(**options)
    assert status == 2
    assert message in err


def test_an_unknown_dtype_ends_with_status_2(run):
    status, _, err = run("--dtype", "float31", arrays=gradients())
    assert status == 2
    assert "There is no dtype called 'float31' here" in err


TEST = (
    MODULE
    + """

def test_right(gradproof):
    assert gradproof.judge(loss, params, batch, gradient(params, batch)).verdict == "AGREES"


def test_wrong(gradproof):
    found = gradient(params, batch)
    gradproof.judge(loss, params, batch, found | {"w": 2 * found["w"]})
"""
)


def test_the_fixture_judges_and_the_report_tells_it(pytester):
    pytester.makepyfile(TEST)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*DISAGREES at the given point*"])
    report = gp.read_report(pytester.path / "reports" / "latest")
    assert sorted(report.checks["verdict"]) == ["AGREES", "DISAGREES"]
    assert not report.ok

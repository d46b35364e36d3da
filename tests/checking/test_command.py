"""`gradproof check FILE.py[::NAME]`: what it finds, its exit status, and how a file can fail."""

import re
import sys
import textwrap

import pytest

from gradproof.cli import main, perform
from gradproof.streams import told_status

MODULE = """
import numpy as np

r = np.random.default_rng(0)
params = {"w": r.normal(size=3)}
batch = {"x": r.normal(size=(4, 3)), "y": r.normal(size=4)}


def loss(xp, p, b):
    return xp.mean((b["x"] @ p["w"] - b["y"]) ** 2)


def gradient(p, b):
    error = b["x"] @ p["w"] - b["y"]
    return {"w": 2 * b["x"].T @ error / len(error)}


def wrong_gradient(p, b):
    return {"w": gradient(p, b)["w"] / 2}
"""


@pytest.fixture
def run(tmp_path, capfd):
    """Write a file, check it, and give the exit status with what was printed.

    Here, or where it matters in a process of the command's own.
    """

    def checked(source, *options, name="", file="mine.py", apart=False):
        path = tmp_path / file
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        arguments = ["check", f"{path}{'::' + name if name else ''}", *options]
        status = main(arguments) if apart else told_status(lambda: perform(arguments))
        out, err = capfd.readouterr()
        return status, out, err

    return checked


def test_a_right_gradient_ends_with_status_0(run):
    status, out, err = run(MODULE, apart=True)
    assert status == 0
    assert out.startswith("gradient: EQUAL to ")
    assert err == ""


def test_a_wrong_gradient_ends_with_status_1_and_the_worst_entries(run):
    status, out, _ = run(MODULE, name="wrong_gradient", apart=True)
    assert status == 1
    assert out.startswith("wrong_gradient: WRONG at the given point")
    assert "worst entries:" in out


def test_scenarios_of_a_file_are_checked_and_can_be_named(run):
    source = MODULE + textwrap.dedent(
        """
        import gradproof

        def scenario(name, gradient):
            return gradproof.Scenario(name=name, loss=loss, gradient=gradient, params=params, batch=batch)

        good, bad = scenario("the good one", gradient), scenario("the bad one", wrong_gradient)
        """
    )
    status, out, _ = run(source)
    assert status == 1
    assert [line.partition(":")[0] for line in out.splitlines() if line and line[0] != " "] == [
        "the good one",
        "the bad one",
    ]
    assert run(source, name="good")[0] == 0
    assert run(source, name="the good one")[0] == 0
    assert run(source, name="bad")[0] == 1


def test_a_function_make_gives_parameters_and_data(run):
    source = MODULE + "\ndef make(seed):\n    return given\n\ngiven = params, batch\ndel params, batch\n"
    assert run(source)[0] == 0


def test_a_file_finds_what_lies_beside_it(run, tmp_path):
    (tmp_path / "helper_beside_it.py").write_text(MODULE, encoding="utf-8")
    source = "from helper_beside_it import batch, gradient, loss, params"
    assert run(source, apart=True)[0] == 0
    wrong = "from helper_beside_it import batch, loss, params, wrong_gradient as gradient"
    assert run(wrong, apart=True)[0] == 1


def test_options_are_handed_on(run, tmp_path):
    hidden = MODULE.replace("** 2)", "** 2) + xp.sum(b['k'] * p['w'])").replace(
        "batch = {", 'batch = {"k": np.zeros(3), '
    )
    assert run(hidden, "--points", "0")[0] == 0
    saved = tmp_path / "point.npz"
    status, out, _ = run(hidden, "--seed", "5", "--save-point", str(saved))
    assert status == 1
    assert "seed=5" in out
    assert saved.is_file()
    status, out, _ = run(hidden, "--point", str(saved))
    assert status == 1
    status, out, _ = run(MODULE, "--dtype", "float32")
    assert status == 0
    assert run(MODULE, "--dtype", "float15")[0] == 2
    assert run(MODULE, "--time-limit", "-1", apart=True)[0] == 2


@pytest.mark.parametrize(
    ("source", "name", "texts"),
    [
        ("def loss(x: return", "", ["no valid Python", "line 1", "SyntaxError"]),
        ("1 / 0", "", ["raises when it is run", "line 1", "ZeroDivisionError"]),
        ("import sys\nsys.exit(0)", "", ["raises when it is run", "SystemExit"]),
        ("import os\nos._exit(0)", "", ["ended the process with status 0", "before there was a verdict"]),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "", ["ended by signal 11"]),
        ("a = 1", "", ["lacks loss, gradient, params, batch"]),
        ("def loss(xp, p, b): ...\ngradient = params = batch = 4", "", ["mine.py lacks gradient."]),
        ("import numpy as np\nR = np.ones(2)", "R", ["nothing called 'R'"]),
        ("from builtins import max", "max", ["nothing called 'max'"]),
        (MODULE.replace("batch = ", "data = "), "", ["but no batch"]),
        *(
            (
                MODULE.replace("batch = ", "data = ") + f"\ndef make(seed):\n    return {made}",
                "",
                ["The function make of ", f"gives an object of type {kind}, which is no pair"],
            )
            for made, kind in (("params", "dict"), ("None", "NoneType"), ("params, data, 3", "tuple"))
        ),
        (MODULE, "nobody", ["nothing called 'nobody'"]),
        (
            MODULE + "\ndef quits(p, b):\n    import sys; sys.exit(0)",
            "quits",
            ["ends the process", "SystemExit: 0"],
        ),
        (
            MODULE + "\ndef bad(p, b):\n    return {'w': b['z']}",
            "bad",
            ["gradient raises", "KeyError: 'z'", "in bad"],
        ),
        (MODULE + "\ndef loss(xp, p, b):\n    return p['z']", "", ["loss raises", "KeyError: 'z'"]),
        (MODULE + "\ndef loss(xp, p, b):\n    return xp.linalg.norm(p['w'])", "", ["xp.linalg"]),
        (
            MODULE + "\ndef loss(xp, p, b):\n    m = xp.zeros(2)\n    m[0] = p['w'][0]\n    return xp.sum(m)",
            "",
            ["mine.py:23", "xp.stack"],
        ),
        (MODULE + "\ndef asks(p, b):\n    return input()", "asks", ["EOFError"]),
    ],
)
def test_a_bad_file_ends_with_status_2_and_a_clear_message(run, source, name, texts):
    ends = re.search(r"exit|SIGSEGV|input", source) is not None
    status, out, err = run(source, name=name, apart=ends or name == "bad")
    assert status == 2
    assert err.startswith("gradproof: ")
    for text in texts:
        assert text in err
    # The user's own lines, and not gradproof's.
    assert "gradproof/checking.py" not in err
    assert "check_files.py" not in err
    assert "Take out what ends it" not in err or "before there was" in err
    assert "Traceback" not in out


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("def chosen(p, b):\n    pass", ["WRONG", "returns None"]),
        (
            "def chosen(p, b):\n    return {'w': gradient(p, b)['w'] * np.random.uniform(1, 2)}",
            ["UNDECIDED", "uses randomness"],
        ),
        (
            "def chosen(p, b):\n    g = gradient(p, b)\n    p['w'] *= 2\n    return g",
            ["changes params['w'] in place"],
        ),
    ],
)
def test_a_gradient_that_misbehaves_ends_with_status_1_and_a_clear_message(run, source, texts):
    status, out, _ = run(f"{MODULE}\n{source}", name="chosen")
    assert status == 1
    for text in texts:
        assert text in out


def test_what_the_file_prints_is_printed(run):
    lines = (
        "def loss(xp, p, b):",
        "    value = xp.mean((b['x'] @ p['w'] - b['y']) ** 2)",
        "    print(f'the loss is {value:.3f}')",
        "    return value",
    )
    status, out, _ = run("\n".join([MODULE, *lines]))
    assert status == 0
    assert "the loss is " in out
    assert "gradient: EQUAL" in out


@pytest.mark.parametrize("place", ["while the file is run", "in the gradient"])
def test_an_infinite_loop_is_ended_with_its_line(run, place):
    source = "while True:\n    pass"
    if place == "in the gradient":
        source = f"{MODULE}\ndef chosen(p, b):\n    while True:\n        pass"
    name = "chosen" if "gradient" in place else ""
    status, _, err = run(source, "--time-limit", "3", name=name, apart=True)
    assert status == 2
    assert "still running after the time limit of 3 s" in err
    assert "mine.py" in err
    assert f"line {source.count(chr(10)) + 1}" in err or f"line {source.count(chr(10))}" in err
    assert "--time-limit" in err


def test_a_missing_file_ends_with_status_2(tmp_path, capfd):
    assert main(["check", str(tmp_path / "nothing.py")]) == 2
    assert "There is no file" in capfd.readouterr().err


def test_a_file_called_as_a_module_of_python_breaks_nothing(run):
    assert run(MODULE, file="random.py", apart=True)[0] == 0
    assert "random" not in sys.modules or "tmp" not in str(sys.modules["random"].__file__)


@pytest.mark.parametrize("in_actions", [True, False])
def test_in_github_actions_a_wrong_gradient_is_annotated_at_the_line_of_the_cause(
    run, tmp_path, monkeypatch, in_actions
):
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("GITHUB_ACTIONS", "true" if in_actions else "false")
    assert run(MODULE)[1].count("::error") == 0
    status, out, _ = run(MODULE, name="wrong_gradient")
    assert status == 1
    annotations = [line for line in out.splitlines() if line.startswith("::error ")]
    assert len(annotations) == in_actions
    for line in annotations:
        assert line.startswith("::error file=mine.py,line=10,title=WRONG")
        assert "the factor 2 of the derivative of square" in line


def test_with_strict_a_gradient_that_is_right_on_a_condition_fails(run):
    source = """
    import numpy as np

    random = np.random.default_rng(0)
    a = random.normal(size=(4, 4))
    params, batch = {"v": random.normal(size=4)}, {"a": a + a.T}


    def loss(xp, p, b):
        return xp.sum(p["v"] * (b["a"] @ p["v"]))


    def gradient(p, b):
        return {"v": 2 * b["a"] @ p["v"]}
    """
    status, out, _ = run(source)
    assert status == 0
    assert "right wherever a is symmetric" in out
    status, out, _ = run(source, "--strict")
    assert status == 1
    assert "FAILS" in out

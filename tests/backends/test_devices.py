"""A run is made on the device that its variant names, or is told not to have been made.

No machine of ours has a graphics processor. PyTorch is tested with a second device that computes
(tests/helpers/elsewhere.py), and JAX with two devices of the CPU, each in a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gradproof as gp
from gradproof import cli
from gradproof.backends import Framework, chosen_variants, describe_backend, load_backend, variants_of
from gradproof.errors import BackendUnavailableError, InputError
from gradproof.reference.numbers.formats import Products

HELPERS = Path(__file__).parents[1] / "helpers"


def no_cuda(library: str) -> None:
    """Skip a test of what is told where there is no CUDA device, on a machine that has one."""
    module = pytest.importorskip(library)
    there = module.cuda.is_available() if library == "torch" else module.default_backend() != "cpu"
    if there:
        pytest.skip(f"{library} sees a device here")


def in_a_process(code: str, **variables: str) -> str:
    """Run code in a process of its own, and give what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": str(HELPERS), **variables},
        cwd=HELPERS.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# -------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("entries", "chosen"),
    [
        (["torch@cuda"], {"torch": ("*@cuda",)}),
        (["torch/func@cuda:1", "torch/func"], {"torch": ("func@cuda:1", "func")}),
        (["torch", "torch/func@cuda"], {"torch": ("*", "func@cuda")}),
        (["torch/func@cuda", "torch@cuda"], {"torch": ("func@cuda", "*@cuda")}),
        (["torch/func", "torch"], {"torch": ("func", "*")}),
    ],
)
def test_a_device_follows_a_backend_or_a_variant(entries: list[str], chosen: dict[str, Any]) -> None:
    assert chosen_variants(entries) == chosen


def test_all_variants_are_meant_on_a_device() -> None:
    torch = describe_backend("torch")
    assert variants_of(torch, ("*@cuda:1", "func")) == ("eager@cuda:1", "func@cuda:1", "func")
    assert variants_of(torch, ("*@cuda",), model=True) == ("module@cuda", "eager@cuda", "func@cuda")


@pytest.mark.parametrize(
    ("backends", "device", "message"),
    [
        ("reference@cuda", None, "'reference' computes where its library does, and cannot be told a device"),
        ("torch@cdua", None, "no device called 'cdua'. Did you mean 'cuda'"),
        ("torch/eager@cuda:x", None, "no device called 'cuda:x'"),
        ("torch/egaer@cuda", None, "no variant called 'egaer'"),
        (None, "cdua", "no device called 'cdua'. Did you mean 'cuda'"),
        ("reference", "cuda", "none of the backends that can be used here is told a device"),
    ],
)
def test_a_device_that_there_cannot_be_is_a_bad_call(backends: Any, device: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gp.verify("line_fit", backends, "float64", device=device, limits=None)


def test_backends_that_cannot_be_told_run_as_ever() -> None:
    pytest.importorskip("torch")
    report = gp.verify("line_fit", ["reference", "torch/eager"], "float64", device="cpu", limits=None)
    assert [*report.runs["variant"]] == ["numpy", "eager@cpu"]
    assert report.ok


def test_a_device_that_is_named_with_a_variant_stays() -> None:
    pytest.importorskip("torch")
    report = gp.verify("line_fit", ["torch/eager@cpu:0"], "float64", device="cuda", limits=None)
    assert [*report.runs["variant"]] == ["eager@cpu:0"]


# -------------------------------------------------------------------- devices that are not there


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        ("torch", r"PyTorch sees no CUDA device here: torch\.cuda\.is_available\(\) is False"),
        ("jax", "JAX sees no cuda device here: "),
    ],
)
def test_a_missing_device_is_told_with_its_reason(library: str, reason: str) -> None:
    no_cuda(library)
    for device in ("cuda", "cuda:1"):
        with pytest.raises(BackendUnavailableError, match=reason):
            load_backend(library).framework.on(device)  # type: ignore[attr-defined]
    report = gp.verify("line_fit", f"{library}@cuda", "float64", limits=None)
    assert {*report.runs["status"]} == {"failed"}  # as a missing backend that was asked for by name
    assert report.runs["reason"].str.contains(reason).all()
    assert not report.ok


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_a_device_of_a_number_that_there_is_not(library: str) -> None:
    pytest.importorskip(library)
    with pytest.raises(BackendUnavailableError, match=r"sees cpu.* here, and no cpu:7\. Name one of these"):
        load_backend(library).framework.on("cpu:7")  # type: ignore[attr-defined]


def test_where_one_backend_has_the_device_the_others_were_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where no backend is named and one is not installed."""
    no_cuda("jax")
    torch = load_backend("torch")
    from contextlib import nullcontext

    monkeypatch.setattr(type(torch.framework), "on", lambda *_: nullcontext())  # type: ignore[attr-defined]
    monkeypatch.setattr(type(torch.framework), "products", lambda *_: Products())  # type: ignore[attr-defined]
    runs = gp.verify("line_fit", None, "float64", device="cuda", limits=None)
    table = runs.runs.set_index(["backend", "variant"])["status"]
    assert table["torch", "eager@cuda"] == "run"
    assert table["jax", "jit@cuda"] == "not run"
    assert runs.ok


def test_where_none_has_it_that_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    no_cuda("torch")
    no_cuda("jax")
    options = (
        "--dtypes",
        "float64",
        "--in-process",
        "--report",
        str(tmp_path / "report"),
        "--formats",
        "csv",
    )
    assert cli.main(["verify", "line_fit", "--device", "cuda", *options]) == 1
    assert "sees no" in capsys.readouterr().out
    assert cli.main(["verify", "line_fit", "--device", "cpu", *options]) == 0
    assert cli.main(["verify", "line_fit", "--device", "gpu", *options]) == 2


def test_a_plain_framework_computes_where_it_does() -> None:
    with pytest.raises(BackendUnavailableError, match="numpy computes on cpu here, and cannot be told"):
        Framework().on("cuda")


# -------------------------------------------------------------------- devices that are there

ON_ANOTHER_DEVICE = """
from dataclasses import replace
import numpy as np, torch, elsewhere
import gradproof as gp
from gradproof.running.slate import Slate
from gradproof.scenarios import CATALOGUE, scenario

backend = elsewhere.ElsewhereBackend()
def compare(scenario, variant, dtype):
    elsewhere.CALLS.clear()
    slate = Slate.before(backend, scenario)
    there = backend.run(scenario, dtype=dtype, variant=variant + "@elsewhere")
    assert sum(elsewhere.CALLS.values()) > 10, (scenario.name, elsewhere.CALLS)
    assert slate.restored() == []
    assert there.variant == variant + "@elsewhere"
    here = backend.run(scenario, dtype=dtype, variant=variant)
    for name in here.gradients:
        for one, other in ((there.gradients, here.gradients), (there.weights, here.weights)):
            if variant == "module":  # of which the second device computes some operations in two
                np.testing.assert_allclose(one[name], other[name], rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_array_equal(one[name], other[name])

for name in CATALOGUE:
    found = scenario(name)
    if found.training is not None:
        found = replace(found, training=replace(found.training, steps=2))
    for variant in ("eager", "func"):
        for dtype in ("float64", "float32"):
            compare(found, variant, dtype)

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 4)
        self.register_buffer("scale", torch.rand(4))
        self.held = torch.rand(4)  # no buffer: it stays where it is when a module is moved
    def forward(self, x):
        return torch.tanh(self.layer(x)) * self.scale + self.held * torch.ones(4)

torch.manual_seed(0)
model, target = Model(), torch.rand(5, 4)
made = gp.from_torch(model, (torch.randn(5, 3),), loss=lambda y: ((y - target) ** 2).sum())
for dtype in ("float64", "float32"):
    compare(made, "module", dtype)
assert {str(each.device) for each in (*model.state_dict().values(), model.held)} == {"cpu"}

far = type("Far", (elsewhere.ElsewhereBackend,), {"name": "far"})()
report = gp.verify("line_fit", [far], device="elsewhere", limits=None)
assert report.ok and {*report.runs["variant"]} == {"eager@elsewhere", "func@elsewhere"}, report.runs
print("done")
"""


def test_pytorch_computes_on_another_device() -> None:
    """The documents' gradients and weights bit for bit, and a module's, and nothing on two devices."""
    pytest.importorskip("torch")
    assert in_a_process(ON_ANOTHER_DEVICE).endswith("done\n")


STRAYS = """
import warnings; warnings.simplefilter("ignore")
import hypothesis, elsewhere
from benchmarks.random_losses import programs

backend, met = elsewhere.ElsewhereBackend(), set()
@hypothesis.settings(max_examples=200, database=None, deadline=None, derandomize=True,
    phases=[hypothesis.Phase.generate], suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(programs())
def run(program):
    scenario = program.scenario()
    if scenario is None:
        return
    try:
        backend.run(scenario, dtype="float64", variant="eager@elsewhere")
    except elsewhere.StrayError:
        raise
    except Exception:  # what the second device cannot do is not what is looked for
        return
    met.update(program.operations)
run()
assert len(met) > 50, len(met)
print("done")
"""


@pytest.mark.slow
def test_no_operation_mixes_devices_in_pytorch() -> None:
    pytest.importorskip("torch")
    assert in_a_process(STRAYS).endswith("done\n")


ON_THE_SECOND = """
import jax, numpy as np
import gradproof as gp
from gradproof.backends import load_backend

def loss(xp, params, batch):
    return xp.sum((batch["x"] @ params["w"] - xp.ones(4)) ** 2)

made = gp.Scenario(name="mine", loss=loss, params={"w": np.ones((3,))}, batch={"x": np.ones((4, 3))})
backend = load_backend("jax")
kept = []
def noting(function):
    return lambda array: (kept.append(array), function(array))[1]

jax.block_until_ready = noting(jax.block_until_ready)
backend.framework.to_numpy = noting(backend.framework.to_numpy)
for variant in ("jit", "eager"):
    kept.clear()
    run = backend.run(made, dtype="float32", variant=variant + "@cpu:1")
    assert len(kept) > 1 and {each.id for array in kept for each in array.devices()} == {1}, kept
    assert run.variant == variant + "@cpu:1"
report = gp.verify([made], ["jax@cpu:1", "jax"], limits=None)
assert report.ok, report.runs
print("done")
"""


@pytest.mark.slow
def test_jax_computes_on_another_device() -> None:
    pytest.importorskip("jax")
    devices = "--xla_force_host_platform_device_count=2"
    assert in_a_process(ON_THE_SECOND, XLA_FLAGS=devices).endswith("done\n")


def test_the_second_device_is_not_registered_with_this_process() -> None:
    torch = pytest.importorskip("torch")
    assert not hasattr(torch, "elsewhere"), "it changes what PyTorch's checkpoints do; see tests/conftest.py"

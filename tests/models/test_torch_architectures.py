"""Architectures that nobody here wrote, taken as they are: no float32 gradient of PyTorch's is accused."""

import sys
from pathlib import Path

import pytest

import gradproof as gp

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.slow

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks import architectures  # noqa: E402 - beside the package


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", architectures.ARCHITECTURES)
def test_an_architecture_is_taken_as_it_is_and_its_gradient_passes(name: str) -> None:
    check = gp.check(architectures.scenario_of(name), points=0, dtype="float32")
    assert check.ok, check
    assert "DISAGREES" not in set(check.entries["verdict"])

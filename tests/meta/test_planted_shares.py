"""Faults of data-parallel programs, planted into the program that jax/sharded compiles, are found.

The program runs on virtual devices, which a process has from its start: so all are run in one process.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jax")
pytest.importorskip("optax")

PROGRAM = Path(__file__).parent.parent / "helpers" / "planted_shares.py"

RIGHT = ["mean", "sum", "mini-batches"]
WRONG = {
    "psum of means": ["gradient"],
    "pmean of sums": ["gradient"],
    "a shorter share weighted as a full one": ["gradient"],
    "a share left out": ["gradient"],
    "a gradient that is not put together": ["gradient", "Device 1 and device 0 hold different"],
    "a gradient that is not put together, of mini-batches": ["gradient"],
    "a state that is left behind on one device": ["Device 1 and device 0 hold different"],
    "a state that is left behind on all": ["state"],
    "weights that are left behind on one device": ["Device 2 and device 0 hold different"],
    "weights that are left behind on all": ["update"],
}
"""What is planted, and what is said: what is not accepted, or why a record is refused."""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, PROGRAM],
        env={**os.environ, **flags},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.slow
@pytest.mark.parametrize("case", RIGHT)
def test_right_shares_pass(found: dict[str, Any], case: str) -> None:
    assert found[case] == []


@pytest.mark.slow
@pytest.mark.parametrize("case", WRONG)
def test_a_planted_fault_of_shares_is_found(found: dict[str, Any], case: str) -> None:
    for said in WRONG[case]:
        assert any(said in each for each in found[case]), found[case]


def test_all_that_is_planted_is_looked_for() -> None:
    text = PROGRAM.read_text(encoding="utf-8")
    assert all(f'"{case}":' in text for case in [*RIGHT, *WRONG])

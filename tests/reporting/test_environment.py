"""What is recorded of the environment, so that other bits are not taken for nondeterminism."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from altered_reports import base, bits, only

from gradproof.backends import load_backend
from gradproof.reporting import environment as recorded
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.environment import environment, thread_pools
from gradproof.reporting.report import Report

# Each changes threads, instructions or devices, and with them the bits of a result.
FLAGS = (
    *("ATEN_CPU_CAPABILITY", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "PYTORCH_NVFUSER_DISABLE"),
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "XLA_FLAGS", "JAX_ENABLE_X64", "NPY_DISABLE_CPU_FEATURES"),
    *("OMP_NUM_THREADS", "KMP_AFFINITY", "GOMP_CPU_AFFINITY", "MKL_CBWR", "MKL_DYNAMIC"),
    *("OPENBLAS_CORETYPE", "GOTO_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "CUDA_VISIBLE_DEVICES"),
    *("TF_XLA_FLAGS", "TF_ENABLE_ONEDNN_OPTS", "TF_DETERMINISTIC_OPS", "TF_NUM_INTRAOP_THREADS"),
)


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_that_can_change_bits_is_recorded_and_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = base(), bits(base(), 1)
    monkeypatch.setenv(name, "planted")
    assert environment()["variables"][name] == "planted"
    # The machine that the tests run on may have the flag set itself.
    others = {each: value for each, value in before.environment["variables"].items() if each != name}
    before.environment["variables"] = others
    after.environment["variables"] = {**others, name: "planted"}
    row = only(compare(before, after).bits)
    assert not row["nondeterministic"]
    assert row["explanation"] == f"the environment changed: {name} (absent) → planted"


@pytest.mark.parametrize(
    "name",
    ["MY_SECRET", "GITHUB_TOKEN", "TF_VAR_password", "TF_TOKEN_app_terraform_io", "TF_CLI_CONFIG_FILE"],
)
def test_nothing_else_is_recorded(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "planted")
    assert "planted" not in json.dumps(environment())


def in_a_process(code: str, **variables: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={**os.environ, **variables}
    )
    return json.loads(done.stdout)


def test_the_instructions_that_numpy_uses_are_recorded() -> None:
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    assert environment()["processor"]["numpy_simd"].split() == found
    if not found:
        pytest.skip("this processor has none that NumPy could do without")
    code = (
        "import json; from gradproof.reporting.environment import environment; "
        "print(json.dumps(environment()))"
    )
    without = in_a_process(code, NPY_DISABLE_CPU_FEATURES=found[-1])
    assert without["processor"]["numpy_simd"].split() == found[:-1]
    assert without["variables"]["NPY_DISABLE_CPU_FEATURES"] == found[-1]


def test_the_instructions_that_pytorch_uses_are_recorded() -> None:
    torch = pytest.importorskip("torch")
    code = (
        "import json, sys; from gradproof.backends import load_backend; "
        "print(json.dumps(dict(load_backend('torch').versions())))"
    )
    assert in_a_process(code, ATEN_CPU_CAPABILITY="default")["torch CPU capability"] == "DEFAULT"
    versions = load_backend("torch").versions()
    assert versions["torch CPU capability"] == torch.backends.cpu.get_cpu_capability()


def test_libraries_with_threads_of_their_own_are_recorded() -> None:
    from threadpoolctl import threadpool_info, threadpool_limits

    pools = thread_pools()
    assert {name.partition(" ")[0] for name in pools} == {pool["prefix"] for pool in threadpool_info()}
    assert environment()["threads"] == pools
    if pools:
        with threadpool_limits(1):
            assert all(text.endswith(", 1 threads") for text in thread_pools().values())


def test_two_libraries_of_one_kind_are_told_apart_and_no_path_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pool(**more: Any) -> dict[str, Any]:
        return {"prefix": "libopenblas", "internal_api": "openblas", "filepath": "/home/me/lib.so", **more}

    found = [
        pool(version="0.3.30", num_threads=2, architecture="Haswell", threading_layer="pthreads"),
        pool(version="0.3.30", num_threads=2, architecture="Haswell", threading_layer="pthreads"),
        pool(version=None, num_threads=1),
    ]
    monkeypatch.setattr(recorded, "threadpool_info", lambda: found)
    assert thread_pools() == {
        "libopenblas": "openblas 0.3.30 Haswell pthreads, 2 threads",
        "libopenblas 2": "openblas, 1 threads",
    }


def test_the_threads_are_those_of_the_process_that_ran() -> None:
    """The command's own process has loaded no framework."""
    made = environment(threads=[{"libgomp": "openmp, 1 threads"}, {"libopenblas": "openblas, 2 threads"}])
    assert made["threads"] == {"libgomp": "openmp, 1 threads", "libopenblas": "openblas, 2 threads"}
    assert base().environment["threads"] == thread_pools()


def test_another_number_of_threads_explains_other_bits() -> None:
    before, after = base(), bits(base(), 1)
    for report, threads in ((before, 2), (after, 4)):
        report.environment["threads"] = {"libgomp": f"openmp, {threads} threads"}
    row = only(compare(before, after).bits)
    assert not row["nondeterministic"]
    assert row["explanation"] == "the environment changed: libgomp openmp, 2 threads → openmp, 4 threads"
    assert Report(after.frames, after.environment).ok

"""What a result may depend on beside the code: versions, platform, processor, threads and flags."""

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from gradproof.inputs import COUNT, MAPPING, TEXT, YES_OR_NO, Wanted
from gradproof.reporting.shard import SHARD
from gradproof.texts import encodable

_PACKAGES = ("gradproof", "numpy", "pandas", "python-flint", "optree", "torch", "jax", "jaxlib", "pytest")
# Variables that change threads, devices or arithmetic; all others are left out, they may hold secrets.
_PREFIXES = (
    *("ATEN_", "TORCH_", "PYTORCH_", "ONEDNN_", "DNNL_", "XLA_", "JAX_", "NPY_", "MLX_", "KERAS_"),
    # TensorFlow's own, one by one: Terraform's begin with TF_, too, and hold paths and secrets.
    *(
        "TF_XLA_",
        "TF_ENABLE_",
        "TF_DISABLE_",
        "TF_DETERMINISTIC",
        "TF_CUDNN_",
        "TF_NUM_",
        "TF_FORCE_",
        "TF_GPU_",
    ),
    *("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_"),
    *("CUBLAS_", "CUDNN_", "NVIDIA_TF32", "CUDA_VISIBLE"),
)


def environment(
    backends: Iterable[Mapping[str, str]] = (),
    threads: Iterable[Mapping[str, str]] = (),
    *,
    processes: int = 1,
    strict: bool = False,
) -> dict[str, object]:
    """Collect versions, platform, processor, threads and flags, as JSON can hold them.

    Args:
        backends: what `Backend.versions()` tells of each backend that was used.
        threads: what `thread_pools` tells of each process that ran something.
        processes: how many processes ran side by side, which the times depend on.
        strict: whether a right formula that gives wrong digits was refused, which what passes depends on.

    >>> sorted({**environment()}.keys() - {"backends", "packages", "python", "variables"})
    ['platform', 'processes', 'processor', 'strict', 'threads', 'time']
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processes": processes,
        "strict": strict,
        **machine(),
        "threads": _merged(threads) or thread_pools(),
        "backends": _merged(backends),
    }


def machine() -> dict[str, Any]:
    """Collect what is the same for all processes of a machine: platform, processor, packages and flags."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": {
            "architecture": platform.machine(),
            "model": _processor_model(),
            "cores": os.cpu_count(),
            "numpy_simd": " ".join(np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])),
        },
        "packages": {name: _version(name) for name in _PACKAGES},
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(_PREFIXES)},
    }


def thread_pools() -> dict[str, str]:
    """Tell which libraries of this process compute with threads of their own: by name what is known of each.

    `{"libscipy_openblas": "openblas 0.3.31 SkylakeX pthreads, 2 threads"}`, say.
    """
    pools: dict[str, str] = {}
    for pool in threadpool_info():
        known = [pool.get(key) for key in ("internal_api", "version", "architecture", "threading_layer")]
        text = f"{' '.join(str(each) for each in known if each)}, {pool['num_threads']} threads"
        same = [name for name in pools if name.partition(" ")[0] == pool["prefix"]]
        if text not in (pools[name] for name in same):
            pools[f"{pool['prefix']} {len(same) + 1}" if same else pool["prefix"]] = text
    return pools


def _merged(entries: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {key: value for entry in entries for key, value in entry.items()}


_DEPTH = 4
_GROUPS = ("processor", "threads", "packages", "backends", "variables")
_KNOWN: dict[str, Wanted] = {
    **dict.fromkeys(("python", "platform"), TEXT),
    **dict.fromkeys(_GROUPS, MAPPING),
    "processes": COUNT,
    "strict": YES_OR_NO,
    "time": Wanted(lambda value: isinstance(value, str) and _is_time(value), "a time in ISO 8601"),
}


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_environment(described: Any) -> bool:
    """Tell whether something could be an environment: what is known is as it should be, and nothing is deep.

    >>> is_environment({"python": "3.12", "mine": [1]}), is_environment({"python": 3.12})
    (True, False)
    """
    return (
        isinstance(described, dict)
        and all(wanted.holds(described[name]) for name, wanted in _KNOWN.items() if name in described)
        and _is_plain(described, _DEPTH)
    )


def _is_plain(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth > 0 and all(_is_plain(name, 0) and _is_plain(v, depth - 1) for name, v in value.items())
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(each, depth - 1) for each in value)
    return not isinstance(value, str) or encodable(value) == value


def flattened(environment: Mapping[str, Any], separator: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give each entry that results may depend on with its name, the nested ones joined by a separator.

    >>> list(flattened({"python": "3.12", "packages": {"numpy": "2.4"}}, "."))
    [('python', '3.12'), ('packages.numpy', '2.4')]
    """
    for name, value in environment.items():
        if not prefix and name == SHARD:
            continue  # which runs there are is told elsewhere, and changes no result
        if isinstance(value, Mapping):
            yield from flattened(value, separator, f"{prefix}{name}{separator}")
        else:
            yield f"{prefix}{name}", value


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"

"""What a result may depend on beside the code: versions, platform, processor, threads and flags."""

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_PACKAGES = ("gradproof", "numpy", "pandas", "python-flint", "optree", "torch", "jax", "jaxlib", "pytest")
# Variables that change threads, devices or arithmetic; all others are left out, they may hold secrets.
_PREFIXES = ("OMP_", "MKL_", "OPENBLAS_", "XLA_", "JAX_", "TORCH_", "PYTORCH_", "CUDA_VISIBLE", "NPY_")


def environment(backends: Iterable[Mapping[str, str]] = (), *, processes: int = 1) -> dict[str, object]:
    """Collect versions, platform, processor, threads and flags, as JSON can hold them.

    Args:
        backends: what `Backend.versions()` tells of each backend that was used.
        processes: how many processes ran side by side, which the times depend on.

    >>> sorted(environment())
    ['backends', 'packages', 'platform', 'processes', 'processor', 'python', 'time', 'variables']
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processes": processes,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "processor": {
            "architecture": platform.machine(),
            "model": _processor_model(),
            "cores": os.cpu_count(),
        },
        "packages": {name: _version(name) for name in _PACKAGES},
        "backends": {key: value for entry in backends for key, value in entry.items()},
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(_PREFIXES)},
    }


def flattened(environment: Mapping[str, Any], separator: str, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give each entry of an environment with its name, the names of nested ones joined by a separator.

    >>> list(flattened({"python": "3.12", "packages": {"numpy": "2.4"}}, "."))
    [('python', '3.12'), ('packages.numpy', '2.4')]
    """
    for name, value in environment.items():
        if isinstance(value, Mapping):
            yield from flattened(value, separator, f"{prefix}{name}{separator}")
        else:
            yield f"{prefix}{name}", value


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

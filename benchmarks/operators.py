"""PyTorch's own database of operators: of how many the gradient is known exactly, and PyTorch's agrees."""

import re
import signal
import sys
import time
import tomllib
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import gradproof as gp

SAMPLES = 3
_SECONDS = 30
EXPLAINED = Path(__file__).with_name("operators_explained.toml")


@dataclass(frozen=True)
class Result:
    """What came of an operator's samples.

    Attributes:
        name: the operator's, with its variant.
        kind: `exact`, or what kept it from being so.
        reason: the rest of it.
        seconds: for all samples.
    """

    name: str
    kind: str
    reason: str
    seconds: float


def differentiable() -> list[Any]:
    """Give the entries of the database that have a gradient in float64."""
    import torch  # noqa: PLC0415 - it is not needed by other measurements
    from torch.testing._internal.common_methods_invocations import op_db  # noqa: PLC0415 - slow to import

    return [each for each in op_db if each.supports_autograd and torch.float64 in each.dtypes]


def name_of(entry: Any) -> str:
    """Tell an operator's name, with its variant."""
    return entry.name + (f".{entry.variant_test_name}" if entry.variant_test_name else "")


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def measured(entry: Any) -> Result:
    """Compare an operator's gradient with the exact one on its first samples."""
    import torch  # noqa: PLC0415 - as above

    start, exact = time.perf_counter(), 0
    torch.manual_seed(0)
    try:
        with _at_most(_SECONDS):
            samples = entry.sample_inputs("cpu", torch.float64, requires_grad=True)
            for sample in islice(samples, SAMPLES):
                check = _checked(entry, sample)
                if check is None:
                    continue
                if not check.ok:
                    text = check.reason or str(check.findings)
                    return Result(name_of(entry), str(check.verdict), text, time.perf_counter() - start)
                exact += 1
    except (gp.GradproofError, TimeoutError) as error:
        return Result(name_of(entry), _kind(error), str(error), time.perf_counter() - start)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a result
        text = f"{type(error).__name__}: {error}"
        return Result(name_of(entry), "raises", text.replace("\n", " "), time.perf_counter() - start)
    kind = "exact" if exact else "nothing differentiated"
    return Result(name_of(entry), kind, "", time.perf_counter() - start)


def _checked(entry: Any, sample: Any) -> Any:
    """Check a sample; None where nothing is differentiated."""
    import torch  # noqa: PLC0415 - as above
    from torch.utils._pytree import tree_leaves  # noqa: PLC0415 - as above

    def function(input: Any, args: Any, kwargs: Any) -> Any:  # noqa: A002 - the database's name
        output = entry.op(input, *args, **kwargs)
        return sample.output_process_fn_grad(output)

    def loss(output: Any) -> Any:
        random = np.random.default_rng(0)
        total = torch.zeros((), dtype=torch.float64)
        for each in tree_leaves(output):
            if isinstance(each, torch.Tensor) and each.is_complex():
                raise gp.UnsupportedError("The output is complex. Take its parts.")
            if isinstance(each, torch.Tensor) and each.is_floating_point():
                total = total + (torch.from_numpy(random.uniform(0.5, 2, tuple(each.shape))) * each).sum()
        return total

    given = {"input": sample.input, "args": list(sample.args), "kwargs": dict(sample.kwargs)}
    tensors = [each for each in tree_leaves(given) if isinstance(each, torch.Tensor)]
    if any(each.numel() == 0 for each in tensors) or not any(each.requires_grad for each in tensors):
        return None
    try:
        scenario = gp.from_torch(function, given, loss=loss, name=name_of(entry))
    except gp.InputError as error:
        if "There is nothing to differentiate" in str(error):
            return None
        raise
    return gp.check(scenario, points=0)


def _kind(error: BaseException) -> str:
    text = str(error)
    if found := re.search(r"PyTorch's (aten\S+|torch_nn\S+)", text):
        return f"lacks {found[1]}"
    for kind, words in _KINDS.items():
        if words in text:
            return kind
    return "too slow" if isinstance(error, TimeoutError) else "refused"


_KINDS = {
    "complex numbers": "complex",
    "random numbers": "draws random numbers",
    "too slow": "TimeoutError",
    "the value differs": "spreads of the rounding noise",
    "the numbers decide": "asks for the numbers in a tensor",
}

DISPUTED = ("DISAGREES", "INACCURATE", "UNDECIDED", "NOT_FINITE", "the value differs")
"""What has to be explained."""


def explained() -> dict[str, str]:
    """Give by operator why PyTorch's gradient is not the exact one."""
    return tomllib.loads(EXPLAINED.read_text("utf-8"))


def operators() -> None:
    """Print of how many of PyTorch's operators the gradient is exact, and why not of the others."""
    warnings.simplefilter("ignore")
    chosen, reasons = differentiable(), explained()
    results = []
    for entry in chosen:
        results.append(measured(entry))
        if "-v" in sys.argv:
            print(results[-1])
    counts = Counter(each.kind for each in results)
    print(f"operators: {counts['exact']} of {len(chosen)} have an exact gradient, and PyTorch's agrees")
    names = defaultdict(list)
    for each in results:
        names[each.kind].append(each.name)
    for kind, count in counts.most_common():
        if kind not in {"exact", *DISPUTED}:
            print(f"  {count:4d}  {kind}: {', '.join(names[kind])}")
    for each in results:
        if each.kind in DISPUTED:
            print(f"  {each.kind} {each.name}: {reasons.get(each.name, f'NOT EXPLAINED: {each.reason}')}")

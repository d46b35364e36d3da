"""PyTorch on several processes: DistributedDataParallel and fully_shard, a share of each batch a rank.

A rank is a process of its own, started with this file as its program. It trains as a single process does
(`torch_optimizers.trained_steps`), with a loss that is the engine's module called on the rank's share of the
examples. The engines average the ranks' gradients. So that the average is the gradient of the whole batch, a
rank's loss is weighted: of R ranks, with nᵣ of the n examples, by R · nᵣ / n where the loss is a mean over
examples, and by R where it is their sum: (1 / R) Σᵣ R (nᵣ / n) ∂Lᵣ/∂w = ∂L/∂w.
"""

import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from os import _exit
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.torch_modes import Backward
from gradproof.backends.torch_optimizers import trained_steps
from gradproof.errors import BackendError, UnsupportedError
from gradproof.reference.descent import Accumulation
from gradproof.reference.trajectory import DescentStep, micro_batches_of
from gradproof.scenarios.reduction import reduction_of
from gradproof.scenarios.scenario import Scenario

torch = Lazy("torch")
distributed = Lazy("torch.distributed")
fsdp = Lazy("torch.distributed.fsdp")
meshes = Lazy("torch.distributed.device_mesh")
parallel = Lazy("torch.nn.parallel")

Tensors = dict[str, Any]
Recorded = Mapping[str, NDArray[Any]]

RANKS = 2
"""How many processes share each batch."""

PROGRAM = (sys.executable, "-m", "gradproof.backends.torch_ranks")
"""What a rank's process runs."""


@dataclass(frozen=True)
class RankWork:
    """What a rank is to do.

    Attributes:
        scenario: what is trained.
        framework: PyTorch.
        engine: `ddp` or `fsdp`.
        dtype: of the weights.
        steps: how many are made.
        reduction: whether the loss is the `mean` of its examples' losses, or their `sum`.
        folder: where the ranks meet, and leave what they recorded.
    """

    scenario: Scenario
    framework: Framework
    engine: str
    dtype: str
    steps: int
    reduction: Any
    folder: Path


def ranked_steps(
    scenario: Scenario, framework: Framework, engine: str, dtype: str, steps: int
) -> Iterator[DescentStep]:
    """Train on several processes, and give the steps that all of them recorded alike.

    Raises:
        UnsupportedError: the loss cannot be shared out among ranks, or the engine does not take a parameter.
        BackendError: a rank ends with an error, or the ranks' records differ.
    """
    reduction = reduction_of(scenario)
    if engine == "fsdp" and any(array.ndim == 0 for array in scenario.flat_params.values()):
        raise UnsupportedError(
            f"fully_shard shards no scalar, and scenario {scenario.name!r} has one as a parameter. Give it "
            "as an array of one entry, or leave torch/fsdp out."
        )
    with tempfile.TemporaryDirectory(prefix="gradproof-ranks-") as folder:
        work = RankWork(scenario, framework, engine, dtype, steps, reduction, Path(folder))
        _run(work)
        records = [_read(work, rank) for rank in range(RANKS)]
    _check_alike(records)
    for step in range(len(records[0]["loss|"])):
        yield _step(records[0], step)


def _run(work: RankWork) -> None:
    """Run a process a rank, to their ends."""
    given = cloudpickle.dumps(work)
    started = [
        subprocess.Popen(  # noqa: S603 - our own program
            [*PROGRAM, str(rank)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for rank in range(RANKS)
    ]
    try:
        for process in started:
            assert process.stdin is not None  # noqa: S101 - it was asked for
            process.stdin.write(given)
            process.stdin.flush()
        for rank, process in enumerate(started):
            # Its input stays open until it ends: where this process is killed, the rank sees the end of it.
            assert process.stderr is not None  # noqa: S101 - it was asked for
            told = process.stderr.read().decode(errors="replace").strip()
            if process.wait() != 0:
                last = told.splitlines()[-1] if told else f"status {process.returncode}"
                raise BackendError(
                    f"Rank {rank} of torch/{work.engine} ended with: {last}. Run it alone to see more, or "
                    f"leave torch/{work.engine} out."
                )
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _read(work: RankWork, rank: int) -> Recorded:
    with np.load(work.folder / f"rank{rank}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def _check_alike(records: list[Recorded]) -> None:
    """Raise BackendError unless all ranks recorded the same, bit for bit: that is what synchronised means."""
    first, *others = records
    for rank, other in enumerate(others, 1):
        for name, array in first.items():
            differs = (array != other[name]) & ~(np.isnan(array) & np.isnan(other[name]))
            if np.any(differs):
                step = int(np.argwhere(differs)[0][0])
                what = name.replace("|", " of ")
                raise BackendError(
                    f"Rank {rank} has another {what} than rank 0 in step {step}: the ranks are not in step. "
                    "Let the engine synchronise every parameter and buffer, and begin from the same state."
                )


def _step(record: Recorded, step: int) -> DescentStep:
    parts: dict[str, dict[str, Any]] = {}
    for key, array in record.items():
        what, _, name = key.partition("|")
        parts.setdefault(what, {})[name] = torch.from_numpy(np.array(array[step]))
    loss, rate = parts.pop("loss")[""], parts.pop("learning_rate")[""]
    return DescentStep(loss, parts.pop("gradient"), parts.pop("weights"), parts, float(rate))


# -------------------------------------------------------------------- in a rank's process


def main(rank: int) -> None:
    """Train as one of the ranks, by what the standard input says."""
    work: RankWork = pickle.load(sys.stdin.buffer)  # noqa: S301 - the process that started this one wrote it
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    distributed.init_process_group(
        "gloo", init_method=f"file://{work.folder}/store", rank=rank, world_size=RANKS
    )
    with work.framework.mode(work.dtype):
        steps = _trained(work, rank)
        _write(work, rank, [_whole(step) for step in islice(steps, work.steps)])
    distributed.barrier()
    # fully_shard's threads do not always end with the interpreter.
    sys.stderr.flush()
    _exit(0)


def _end_with_the_starter() -> None:
    sys.stdin.buffer.read()
    _exit(1)


def _trained(work: RankWork, rank: int) -> Iterator[DescentStep]:
    """Make the steps of one rank."""
    scenario, framework = work.scenario, work.framework
    params, batch = (
        {name: framework.from_numpy(array) for name, array in arrays.items()}
        for arrays in scenario.arrays(work.dtype)
    )
    module = _module(scenario, framework, params)
    engine = _engine(work, module)
    shares = Accumulation(RANKS, work.reduction)

    def loss(_: Tensors, data: Mapping[str, Any]) -> Any:
        share, factor = micro_batches_of(data, shares)[rank]
        return RANKS * factor * engine(share)

    weights = dict(zip(params, module.parameters(), strict=True))
    return trained_steps(scenario, framework, Backward(loss), weights, batch)


def _module(scenario: Scenario, framework: Framework, params: Tensors) -> Any:
    """Give a loss as a module, whose parameters are those of the scenario, in its order."""

    class RankLoss(torch.nn.Module):  # type: ignore[misc,name-defined] # the library is imported lazily
        def __init__(self) -> None:
            super().__init__()
            self.held = torch.nn.ParameterList(params.values())

        def forward(self, data: Mapping[str, Any]) -> Any:
            weights = dict(zip(params, self.held, strict=True))
            return scenario.flat_loss(framework.namespace(), weights, data)

    return RankLoss()


def _engine(work: RankWork, module: Any) -> Callable[[Mapping[str, Any]], Any]:
    engine: Any
    if work.engine == "ddp":
        engine = parallel.DistributedDataParallel(module)
    else:
        engine = fsdp.fully_shard(module, mesh=meshes.init_device_mesh("cpu", (RANKS,)))
    return engine  # type: ignore[no-any-return] # a module


def _whole(step: DescentStep) -> DescentStep:
    """Give a step with the loss of all ranks, and with tensors that are not sharded."""
    loss = step.loss.clone()
    distributed.all_reduce(loss)

    def gathered(tensors: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _gathered(tensor) for name, tensor in tensors.items()}

    state = {entry: gathered(tensors) for entry, tensors in step.state.items()}
    return step._replace(
        loss=loss / RANKS, gradient=gathered(step.gradient), weights=gathered(step.weights), state=state
    )


def _gathered(tensor: Any) -> Any:
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def _write(work: RankWork, rank: int, steps: list[DescentStep]) -> None:
    arrays: dict[str, list[NDArray[Any]]] = {}
    for step in steps:
        parts = {"gradient": step.gradient, "weights": step.weights, **step.state}
        own = {
            f"{what}|{name}": tensor for what, tensors in parts.items() for name, tensor in tensors.items()
        }
        for key, tensor in {"loss|": step.loss, **own}.items():
            arrays.setdefault(key, []).append(work.framework.to_numpy(tensor))
        arrays.setdefault("learning_rate|", []).append(np.array(float(step.learning_rate)))
    stacked = {key: np.stack(each) for key, each in arrays.items()}
    np.savez(work.folder / f"rank{rank}.npz", **stacked)  # type: ignore[arg-type] # arrays by name


if __name__ == "__main__":
    main(int(sys.argv[1]))

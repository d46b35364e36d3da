"""Data-parallel training in JAX: each device has a replica of the weights, and a share of the examples."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Lazy
from gradproof.backends.jax_training import (
    Arrays,
    Data,
    JaxTraining,
    ValueAndGradient,
    compiled_call,
    layout_of,
    recorded,
    rows_of_steps,
)
from gradproof.backends.protocol import Timing
from gradproof.errors import BackendError, UnsupportedError
from gradproof.reference.descent import Accumulation, GradientDescent
from gradproof.reference.trajectory import Trajectory
from gradproof.scenarios.reduction import Reduction

jax = Lazy("jax")
jnp = Lazy("jax.numpy")
lax = Lazy("jax.lax")
sharding = Lazy("jax.sharding")

_AXIS = "devices"
"""The name of the mesh's one axis."""

_FLAG = "--xla_force_host_platform_device_count"
_VIRTUAL = 4
"""Virtual devices of a CPU: among so many at most, most numbers of examples have a share for each."""


def environment_with_devices(flags: str) -> Mapping[str, str]:
    """Give what must be in the environment before JAX starts, so that a CPU has several devices.

    Args:
        flags: XLA's, as they are.
    """
    return {} if _FLAG in flags else {"XLA_FLAGS": f"{flags} {_FLAG}={_VIRTUAL}".strip()}


def devices_for(examples: int, accumulation: Accumulation | None) -> list[Any]:
    """Give the devices that share out a step's examples: as many as JAX sees and have equal shares.

    Args:
        examples: of a step.
        accumulation: cuts each share into micro-batches of equal size.

    Raises:
        UnsupportedError: there is one device, or no number of them has equal shares.
    """
    (here,) = jnp.zeros(()).devices()
    devices = jax.devices(here.platform)
    if len(devices) < 2:
        raise UnsupportedError(
            f"JAX sees one device ({here.platform}) in this process, and jax/sharded shares examples out "
            f"among several. Name jax/sharded@cpu, with XLA_FLAGS={_FLAG}={_VIRTUAL} set before JAX starts."
        )
    parts = 1 if accumulation is None else accumulation.micro_batches
    count = next((count for count in range(len(devices), 1, -1) if examples % (count * parts) == 0), 0)
    if not count:
        each = f", each share in {parts} micro-batches," if accumulation is not None else ""
        raise UnsupportedError(
            f"The {examples} examples of a step cannot be shared out equally{each} among 2 to {len(devices)} "
            "devices. Give another number of examples, or leave jax/sharded out."
        )
    return list(devices[:count])


def shared_out(value_and_gradient: ValueAndGradient, reduction: Reduction) -> ValueAndGradient:
    """Put together what each device computes of its own share of the examples.

    Shares are equal, so that the mean over all examples is the mean of the shares' means.
    """
    together = lax.pmean if reduction == "mean" else lax.psum

    def of_share(params: Arrays, data: Data) -> tuple[Any, Arrays]:
        found: tuple[Any, Arrays] = together(value_and_gradient(params, data), _AXIS)
        return found

    return of_share


def train_sharded(
    descent: GradientDescent,
    training: JaxTraining,
    batch: Arrays,
    schedule: NDArray[np.intp] | None,
    planned: int,
    devices: list[Any],
) -> tuple[Trajectory, Timing]:
    """Make all steps on several devices, in one compiled program, and record them.

    Args:
        descent: what the training makes.
        training: makes the steps of a device, from what `shared_out` puts together of all shares.
        batch: the whole data.
        schedule: the examples of each step's mini-batch, of shape (planned, size); None for the whole data.
        planned: how many steps.
        devices: what the examples are shared out among.

    Raises:
        BackendError: the devices' replicas of what is trained differ after a step.
    """
    layout = layout_of(descent, training)
    spec = sharding.PartitionSpec
    # Examples of the whole data are shared out as they are, of mini-batches as they are drawn.
    shares = (spec(), spec(_AXIS), spec()) if schedule is None else (spec(), spec(), spec(None, _AXIS))
    program = jax.shard_map(
        partial(rows_of_steps, training, layout, planned),
        mesh=sharding.Mesh(np.array(devices), (_AXIS,)),
        in_specs=shares,
        out_specs=spec(_AXIS),  # what every device records, one below the other
        check_vma=False,  # so that a device's gradient is that of its own share, until they are put together
    )
    indices = None if schedule is None else jnp.asarray(schedule)
    rows, timing = compiled_call(program, training.first, batch, indices)
    replicas = rows.reshape(len(devices), planned, -1)
    check_replicas(replicas)
    return recorded(descent, training, replicas[0], layout), timing


def check_replicas(replicas: NDArray[Any]) -> None:
    """Refuse devices that hold different numbers after a step.

    Args:
        replicas: what each recorded, of shape (devices, steps, numbers).

    Raises:
        BackendError: they differ.
    """
    bits = np.ascontiguousarray(replicas).view(np.uint8).reshape(*replicas.shape, -1)
    differing = np.argwhere((bits != bits[:1]).any(axis=(2, 3)).T)
    if differing.size:
        step, device = differing[0]
        raise BackendError(
            f"Device {device} and device 0 hold different losses, gradients, weights or states after step "
            f"{step + 1}, though all are to be the same on every device. Put together what devices compute "
            "of their shares (jax.lax.pmean), before it is used."
        )

"""PyTorch's own training: torch.optim, its schedulers, clipping, accumulation and averages, step by step."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.protocol import batches, descent_of
from gradproof.backends.torch_modes import Backward
from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.advance import AVERAGE
from gradproof.reference.clipping import ClipByNorm, Clipping
from gradproof.reference.descent import GradientDescent
from gradproof.reference.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
)
from gradproof.reference.schedules import CosineDecay, Schedule, StepDecay, WarmUp
from gradproof.reference.trajectory import DescentStep, micro_batches_of
from gradproof.scenarios.scenario import Scenario

torch = Lazy("torch")
schedulers = Lazy("torch.optim.lr_scheduler")
swa_utils = Lazy("torch.optim.swa_utils")

Tensors = dict[str, Any]

CLIPPING_EPSILON = 1e-6
"""What `torch.nn.utils.clip_grad_norm_` adds to the norm."""


@dataclass(frozen=True)
class _Own:
    """What of torch.optim a rule is.

    Attributes:
        name: of the class.
        settings: gives its arguments for a rule.
        entries: by the entry of our state, what torch.optim calls it.
        lacks: tells which setting of a rule torch.optim has not; empty where it has all.
    """

    name: str
    settings: Callable[[Any], Mapping[str, Any]]
    entries: Mapping[str, str]
    lacks: Callable[[Any], str] = lambda _: ""


def _first_of(wanted: Mapping[str, bool]) -> str:
    """Give the first of some words that does not hold; empty where all do."""
    return next((words for words, holds in wanted.items() if not holds), "")


def _adams(rule: Any) -> dict[str, Any]:
    """Give what all of Adam's kin have."""
    return {
        "betas": (rule.beta1, rule.beta2),
        "eps": rule.epsilon,
        "weight_decay": rule.weight_decay,
    }


def _adam_lacks(rule: Adam) -> str:
    return _first_of(
        {
            f"epsilon {rule.epsilon_place} of the root": rule.epsilon_place == "outside",
            "the greatest of the corrected moments": rule.amsgrad != "corrected",
            "Nesterov's momentum (NAdam is another rule)": not rule.nesterov,
            "moments without their correction": rule.correct_first and rule.correct_second,
        }
    )


def _radam_lacks(rule: RAdam) -> str:
    return _first_of(
        {
            f"epsilon {rule.epsilon_place} of the root": rule.epsilon_place == "before correction",
            f"a threshold of {rule.threshold:g}": rule.threshold == _RADAM_THRESHOLD,
            "Nesterov's momentum": not rule.nesterov,
        }
    )


def _rmsprop_lacks(rule: RMSprop) -> str:
    return _first_of(
        {
            "epsilon inside of the root": rule.epsilon_place == "outside",
            "momentum of the step (its own is of the direction)": (
                not rule.momentum or rule.momentum_of == "direction"
            ),
            "Nesterov's momentum": not rule.nesterov,
            "an initial scale": rule.initial_scale == 0,
            "a correction of the moments": not rule.correct,
        }
    )


def _muon_lacks(rule: Muon) -> str:
    return _first_of(
        {
            'an iteration in other formats than bfloat16 (iterates_in="bfloat16" is its own)': (
                rule.iterates_in == "bfloat16"
            ),
            "a rule for what is no matrix (make two optimizers)": rule.others is None,
            "a correction of the momentum": not rule.correct,
            "an epsilon that is added to the norm": rule.epsilon_place == "least",
            "the scale of columns": rule.scale != "columns",
            f"a root mean square of {rule.root_mean_square:g}": (
                rule.scale != "side" or rule.root_mean_square == _MUON_ROOT_MEAN_SQUARE
            ),
        }
    )


_RADAM_THRESHOLD = 5.0
_MUON_ROOT_MEAN_SQUARE = 0.2
_MOMENTS = {"first_moment": "exp_avg", "second_moment": "exp_avg_sq"}

_ADAM = _Own(
    "Adam",
    lambda rule: _adams(rule) | {"amsgrad": bool(rule.amsgrad)},
    _MOMENTS | {"greatest_moment": "max_exp_avg_sq"},
    _adam_lacks,
)

OPTIMIZERS: Mapping[type, _Own] = {
    SGD: _Own("SGD", vars, {"momentum": "momentum_buffer"}),
    Adam: _ADAM,
    AdamW: replace(_ADAM, name="AdamW"),
    NAdam: _Own(
        "NAdam",
        lambda rule: (
            _adams(rule) | {"momentum_decay": rule.momentum_decay, "decoupled_weight_decay": rule.decoupled}
        ),
        _MOMENTS | {"momentum_product": "mu_product"},
    ),
    RAdam: _Own(
        "RAdam",
        lambda rule: _adams(rule) | {"decoupled_weight_decay": rule.decoupled},
        _MOMENTS,
        _radam_lacks,
    ),
    Adamax: _Own("Adamax", _adams, {"first_moment": "exp_avg", "greatest_gradient": "exp_inf"}),
    RMSprop: _Own(
        "RMSprop",
        lambda rule: {
            "alpha": rule.decay,
            "eps": rule.epsilon,
            "weight_decay": rule.weight_decay,
            "momentum": rule.momentum,
            "centered": rule.centered,
        },
        {"second_moment": "square_avg", "first_moment": "grad_avg", "momentum": "momentum_buffer"},
        _rmsprop_lacks,
    ),
    Adagrad: _Own(
        "Adagrad",
        lambda rule: {
            "lr_decay": rule.learning_rate_decay,
            "weight_decay": rule.weight_decay,
            "initial_accumulator_value": rule.initial_accumulator,
            "eps": rule.epsilon,
        },
        {"sum_of_squares": "sum"},
        lambda rule: "" if rule.epsilon_place == "outside" else "epsilon inside of the root",
    ),
    Adadelta: _Own(
        "Adadelta",
        lambda rule: {"rho": rule.decay, "eps": rule.epsilon, "weight_decay": rule.weight_decay},
        {"second_moment": "square_avg", "squared_step": "acc_delta"},
    ),
    Muon: _Own(
        "Muon",
        lambda rule: {
            "weight_decay": rule.weight_decay,
            "momentum": rule.momentum,
            "nesterov": rule.nesterov,
            "ns_coefficients": rule.coefficients,
            "eps": rule.epsilon,
            "ns_steps": rule.iterations,
            "adjust_lr_fn": "match_rms_adamw" if rule.scale == "side" else "original",
        },
        {"momentum": "momentum_buffer"},
        _muon_lacks,
    ),
}
"""By our rule, what torch.optim has of it."""


def optimizer_of(training: GradientDescent, weights: Tensors, **options: bool) -> Any:
    """Make torch.optim's optimizer for a training.

    Args:
        training: whose rule it is.
        weights: what it updates.
        **options: `foreach` or `fused`: how it computes.

    Raises:
        UnsupportedError: torch.optim has no such rule, no such setting of it, or no such way to compute it.
    """
    rule = training.optimizer
    own = OPTIMIZERS.get(type(rule))
    if own is None:
        raise _lacking(f"{type(rule).__name__}")
    if own.lacks(rule):
        raise _lacking(f"{type(rule).__name__} with {own.lacks(rule)}")
    made = getattr(torch.optim, own.name)
    for option in options:
        if option not in inspect.signature(made).parameters:
            raise _lacking(f"{option} form of {own.name}")
    try:
        return made(list(weights.values()), lr=training.learning_rate, **own.settings(rule), **options)
    except RuntimeError as error:
        if not options:
            raise
        raise _lacking(f"{', '.join(options)} form of {own.name} here ({error})") from error


def _lacking(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"torch.optim has no {what}. Leave torch out, or train by what the page Trainings says that it has."
    )


def scheduler_of(schedule: Schedule | None, optimizer: Any) -> Any:
    """Make torch's scheduler of a schedule; None where the learning rate is constant.

    Raises:
        UnsupportedError: torch has none for it.
    """
    group = optimizer.param_groups[0]
    # what a scheduler was made for before, as for a warm-up, has changed "lr", and left this
    rate = group.get("initial_lr", group["lr"])
    match schedule:
        case None:
            return None
        case StepDecay(every, factor):
            return schedulers.StepLR(optimizer, step_size=every, gamma=factor)
        case CosineDecay(steps, floor):
            return schedulers.CosineAnnealingLR(optimizer, T_max=steps, eta_min=floor * rate)
        case WarmUp(steps, then, start):
            # LinearLR begins with no 0, which a warm-up may.
            rising = (
                schedulers.LinearLR(optimizer, start_factor=start, end_factor=1.0, total_iters=steps)
                if start
                else schedulers.LambdaLR(optimizer, lambda step: min(step / steps, 1.0))
            )
            later = scheduler_of(then, optimizer) or schedulers.ConstantLR(optimizer, 1.0)
            return schedulers.SequentialLR(optimizer, [rising, later], milestones=[steps])
    raise _lacking(f"scheduler for {type(schedule).__name__}")


def clipper_of(clipping: Clipping | None) -> Callable[[list[Any]], Any] | None:
    """Give what clips the gradients of weights in place; None where they are not clipped.

    Raises:
        UnsupportedError: PyTorch clips by the norm with another epsilon.
    """
    if clipping is None:
        return None
    utils = torch.nn.utils
    if not isinstance(clipping, ClipByNorm):
        return partial(utils.clip_grad_value_, clip_value=clipping.maximum)  # type: ignore[attr-defined]
    if clipping.epsilon != CLIPPING_EPSILON:
        raise UnsupportedError(
            f"PyTorch clips by the norm with an epsilon of {CLIPPING_EPSILON}, and the training with "
            f"{clipping.epsilon}. Give ClipByNorm(..., epsilon={CLIPPING_EPSILON}), or leave torch out."
        )
    return partial(utils.clip_grad_norm_, max_norm=clipping.maximum)


class Average:
    """The average of weights as torch.optim.swa_utils computes it; nothing where a training keeps none."""

    def __init__(self, training: GradientDescent, weights: Tensors) -> None:
        """Begin with the first weights."""
        self.average = training.average
        if self.average is not None:
            self.names = tuple(weights)
            self.values = [weight.detach().clone() for weight in weights.values()]
            self.update = swa_utils.get_ema_multi_avg_fn(self.average.decay)

    def after(self, weights: Tensors) -> dict[str, Tensors]:
        """Give the entry of the state after a step that leads to these weights."""
        if self.average is None:
            return {}
        with torch.no_grad():
            self.update(self.values, [weight.detach() for weight in weights.values()], 1)
        return {AVERAGE: {n: each.clone() for n, each in zip(self.names, self.values, strict=True)}}


def trained_steps(
    scenario: Scenario,
    framework: Framework,
    backward: Backward,
    params: Tensors,
    batch: Tensors,
    **options: bool,
) -> Iterator[DescentStep]:
    """Train as PyTorch's tutorials do: `backward()`, or another way to the gradient, and torch.optim's step.

    Args:
        scenario: whose training it is.
        framework: PyTorch.
        backward: adds the gradient of the loss to the weights' `.grad`.
        params: the first weights, which are changed.
        batch: the whole data.
        **options: as for `optimizer_of`.
    """
    for weight in params.values():
        weight.requires_grad_()
    training = descent_of(scenario)
    optimizer = optimizer_of(training, params, **options)
    scheduler, clip = scheduler_of(training.schedule, optimizer), clipper_of(training.clipping)
    average = Average(training, params)
    entries = OPTIMIZERS[type(training.optimizer)].entries
    weights = list(params.values())
    for data in batches(scenario, batch, framework):
        is_made = False
        while not is_made:
            optimizer.zero_grad()
            value = _of_parts(training, backward, params, data)
            _check_used(scenario, params)
            backward.finish_gradient(optimizer)
            # zero_grad drops the gradient instead of clearing it, so each step's tensor may be kept as it is.
            gradient = {name: weight.grad for name, weight in params.items()}
            if clip is not None:
                gradient = {name: each.clone() for name, each in gradient.items()}
                clip(weights)
            rate = optimizer.param_groups[0]["lr"]
            is_made = backward.make_step(optimizer)
        if scheduler is not None:
            scheduler.step()
        after = {name: weight.detach().clone() for name, weight in params.items()}
        state = _copied(optimizer, entries, params)
        yield DescentStep(value, gradient, after, {**state, **average.after(params)}, rate)


def _copied(optimizer: Any, entries: Mapping[str, str], params: Tensors) -> dict[str, Tensors]:
    """Copy what an optimizer keeps, in the weight's dtype: NAdam's product is in PyTorch's default one."""
    found: dict[str, Tensors] = {}
    for name, weight in params.items():
        kept = optimizer.state[weight]
        for entry, own in entries.items():
            if own in kept:
                found.setdefault(entry, {})[name] = kept[own].to(weight.dtype, copy=True)
    return found


def _of_parts(training: GradientDescent, backward: Backward, params: Tensors, data: Mapping[str, Any]) -> Any:
    """Add the gradient of the loss to the weights', of one micro-batch after the other; give the loss."""
    if training.accumulation is None:
        return backward.add_gradient(params, data)
    total: Any = 0.0
    for micro_batch, factor in micro_batches_of(data, training.accumulation):
        total = total + backward.add_gradient(params, micro_batch, factor)
    return total


def _check_used(scenario: Scenario, params: Tensors) -> None:
    unused = [name for name, weight in params.items() if weight.grad is None]
    if unused:
        raise InputError(
            f"The loss of scenario {scenario.name!r} does not use parameter {unused[0]!r}. Use it or leave "
            "it out."
        )

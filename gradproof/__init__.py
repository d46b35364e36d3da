"""gradproof says whether implementations of gradient descent and backpropagation are right.

Public names are imported when they are first used, so `import gradproof` loads no framework and no pandas.
"""

TYPE_CHECKING = False  # importing it from `typing` takes as long as all that `gradproof --help` does
if TYPE_CHECKING:
    from typing import Any

    from gradproof.auditing import Audit, audit
    from gradproof.checking import Check, CheckFinding, Point, check, load_point
    from gradproof.equivalence import Equivalence, equivalent
    from gradproof.errors import (
        BackendUnavailableError,
        DisagreementError,
        GradproofError,
        InputError,
        UnsupportedError,
    )
    from gradproof.kernels import FunctionCheck, check_function, judge_output
    from gradproof.models.functions_of_jax import from_jax
    from gradproof.models.pytorch import from_torch
    from gradproof.optimizer_checks import OptimizerCheck, check_optimizer
    from gradproof.reference.averaging import ExponentialAverage
    from gradproof.reference.clipping import ClipByNorm, ClipByValue
    from gradproof.reference.descent import Accumulation, GradientDescent, MiniBatches, StoppingRule
    from gradproof.reference.optimizers import (
        LAMB,
        SGD,
        Adadelta,
        Adagrad,
        Adam,
        Adamax,
        AdamW,
        Lion,
        Muon,
        NAdam,
        RAdam,
        RMSprop,
    )
    from gradproof.reference.schedules import CosineDecay, StepDecay, WarmUp
    from gradproof.reporting.comparison.changes import Changes
    from gradproof.reporting.comparison.history import history
    from gradproof.reporting.comparison.joining import compare
    from gradproof.reporting.merging import merge
    from gradproof.reporting.reading import read_report
    from gradproof.reporting.report import Report
    from gradproof.running.limits import Limits
    from gradproof.scenarios.claim import Claim, ClaimVerdict, Finding
    from gradproof.scenarios.claims_of import gradient_claim, update_claim, value_claim
    from gradproof.scenarios.dense_network import dense_network
    from gradproof.scenarios.scenario import Provenance, Scenario
    from gradproof.single import judge, rounding_noise, true_gradient
    from gradproof.verdicts.verdict import Verdict
    from gradproof.verification import verify

_HOMES = {
    name: f"gradproof.{module}"
    for module, names in {
        "auditing": ("Audit", "audit"),
        "checking": ("Check", "CheckFinding", "Point", "check", "load_point"),
        "errors": (
            "BackendUnavailableError",
            "DisagreementError",
            "GradproofError",
            "InputError",
            "UnsupportedError",
        ),
        "equivalence": ("Equivalence", "equivalent"),
        "kernels": ("FunctionCheck", "check_function", "judge_output"),
        "models.functions_of_jax": ("from_jax",),
        "models.pytorch": ("from_torch",),
        "optimizer_checks": ("OptimizerCheck", "check_optimizer"),
        "reference.averaging": ("ExponentialAverage",),
        "reference.clipping": ("ClipByNorm", "ClipByValue"),
        "reference.descent": ("Accumulation", "GradientDescent", "MiniBatches", "StoppingRule"),
        "reference.optimizers": (
            "LAMB",
            "SGD",
            "Adadelta",
            "Adagrad",
            "Adam",
            "AdamW",
            "Adamax",
            "Lion",
            "Muon",
            "NAdam",
            "RAdam",
            "RMSprop",
        ),
        "reference.schedules": ("CosineDecay", "StepDecay", "WarmUp"),
        "reporting.comparison.changes": ("Changes",),
        "reporting.comparison.history": ("history",),
        "reporting.comparison.joining": ("compare",),
        "reporting.merging": ("merge",),
        "reporting.reading": ("read_report",),
        "reporting.report": ("Report",),
        "running.limits": ("Limits",),
        "scenarios.claim": ("Claim", "ClaimVerdict", "Finding"),
        "scenarios.claims_of": ("gradient_claim", "update_claim", "value_claim"),
        "scenarios.dense_network": ("dense_network",),
        "scenarios.scenario": ("Provenance", "Scenario"),
        "single": ("judge", "rounding_noise", "true_gradient"),
        "verdicts.verdict": ("Verdict",),
        "verification": ("verify",),
    }.items()
    for name in names
}
"""Where each public name is defined: what type checkers read above, once more for who runs it."""

__all__ = [
    "LAMB",
    "SGD",
    "Accumulation",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Audit",
    "BackendUnavailableError",
    "Changes",
    "Check",
    "CheckFinding",
    "Claim",
    "ClaimVerdict",
    "ClipByNorm",
    "ClipByValue",
    "CosineDecay",
    "DisagreementError",
    "Equivalence",
    "ExponentialAverage",
    "Finding",
    "FunctionCheck",
    "GradientDescent",
    "GradproofError",
    "InputError",
    "Limits",
    "Lion",
    "MiniBatches",
    "Muon",
    "NAdam",
    "OptimizerCheck",
    "Point",
    "Provenance",
    "RAdam",
    "RMSprop",
    "Report",
    "Scenario",
    "StepDecay",
    "StoppingRule",
    "UnsupportedError",
    "Verdict",
    "WarmUp",
    "audit",
    "check",
    "check_function",
    "check_optimizer",
    "compare",
    "dense_network",
    "equivalent",
    "from_jax",
    "from_torch",
    "gradient_claim",
    "history",
    "judge",
    "judge_output",
    "load_point",
    "merge",
    "read_report",
    "rounding_noise",
    "true_gradient",
    "update_claim",
    "value_claim",
    "verify",
]


def __getattr__(name: str) -> "Any":
    """Import a public name when it is first used (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        return version("gradproof")
    if name not in _HOMES:
        raise AttributeError(f"module 'gradproof' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - spares `gradproof --help` the import

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Show the public names before they are imported, too."""
    return sorted({*globals(), *__all__})

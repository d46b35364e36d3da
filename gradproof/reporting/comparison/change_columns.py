"""The columns of the frames of `Changes` and their dtypes."""

from gradproof.reporting.columns import SUBJECT

_TIMED = {
    f"{what}_{which}": "float64"
    for what in ("compiling", "per_step", "judging")
    for which in ("before", "after", "ratio")
}

CHANGES: dict[str, dict[str, str]] = {
    "verdicts": {
        "kind": "category",
        **SUBJECT,
        "name": "object",
        "before": "category",
        "after": "category",
        "change": "category",
        "spreads_before": "float64",
        "spreads_after": "float64",
        "scenario_changed": "bool",
        "cause": "object",
        "reason": "object",
        "repeat": "object",
    },
    "errors": {
        **SUBJECT,
        "quantity": "category",
        "parameter": "category",
        "spreads_before": "float64",
        "spreads_after": "float64",
        "ratio": "float64",
        "ulps_before": "float64",
        "ulps_after": "float64",
        "step_before": "int64",
        "step_after": "int64",
        "verdict_before": "category",
        "verdict_after": "category",
        "scenario_changed": "bool",
    },
    "bits": {
        **SUBJECT,
        "first_step": "int64",
        "differing": "int64",
        "compared": "int64",
        "steps_before": "int64",
        "steps_after": "int64",
        "nondeterministic": "bool",
        "explanation": "object",
    },
    "timings": {
        **SUBJECT,
        "steps_before": "int64",
        "steps_after": "int64",
        **_TIMED,
        "scenario_changed": "bool",
    },
    "totals": {
        "backend": "category",
        "variant": "category",
        "runs": "int64",
        **{name.replace("per_step", "training"): dtype for name, dtype in _TIMED.items()},
    },
    "environment": {"key": "object", "before": "object", "after": "object"},
}
"""Per frame its columns and their dtypes, in order."""

KINDS = ("run", "formula", "claim", "check")
"""What may have a verdict."""

WORSE, BETTER, OTHER, NEW, GONE, NOT_COMPARED = "worse", "better", "other", "new", "gone", "not compared"

ABSENT = ""
"""What stands in the place of a verdict where something is in one report only."""

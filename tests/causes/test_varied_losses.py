"""Losses of many fields, each with a right gradient and one slip in it: what the search says of it."""

import pytest
from varied_losses import CASES

import gradproof as gp

NAMED = {
    "causal_attention_forgets_its_scale": (
        "constant-factor",
        "the division by 2 of the derivative of divide",
    ),
    "batch_norm_divides_by_one_less": ("constant-factor", "5 instead of 6 in the derivative of var"),
    "group_norm_over_the_wrong_groups": (
        "sum-over-all-axes",
        "the mean of g taken over axis 1 too in the derivative of standardize",
    ),
    "gru_forgets_the_reset_gate_in_what_it_carries": (
        "derivative-left-out",
        "the other factor of each of 3 operations multiply",
    ),
    "convolution_with_an_unflipped_kernel": ("another-step", "the values of the steps in the reverse order"),
    "crf_with_transposed_marginals": ("transposed", "hands back transposed"),
    "kalman_filter_with_a_frozen_gain": ("path-not-carried-back", "each of 5 operations multiply"),
    "cox_risk_set_without_the_failing": ("derivative-incomplete", "left out of its own running sum"),
    "mixture_of_gaussians_with_its_dimension_forgotten": ("constant-factor", "the factor 2"),
    "negative_binomial_without_the_mean_in_the_dispersion": (
        "path-not-carried-back",
        "left out of the sum in add `r + mean`",
    ),
    "leapfrog_with_the_old_position": ("another-step", "the value of the step after at every step"),
    "lennard_jones_without_the_chain_of_the_root": ("derivative-incomplete", "1/b instead of 1/b^2"),
    "runge_kutta_without_the_inner_stages": ("path-not-carried-back", "each of 3 operations multiply"),
    "burgers_with_a_wrong_adjoint_of_the_difference": ("sign", "negated"),
    "contrastive_loss_without_the_norms_slope": ("path-not-carried-back", "each of 2 operations square"),
    "dropout_mask_without_its_scale": ("constant-factor", "the division by 0.7"),
    "linear_scan_with_the_decay_of_the_wrong_step": ("wrong-operand", "each of 7 operations multiply"),
    "label_smoothing_forgotten": ("wrong-operand", "the operand of multiply ("),
    "gaussian_likelihood_with_half_the_log_determinant": ("constant-factor", "multiplied by 1/2"),
    "distillation_without_the_temperature": ("constant-factor", "the division by 3"),
    "vae_with_the_standard_deviation_for_the_variance": ("constant-factor", "the factor 1/2"),
    "factorisation_regularised_once_per_rating": (
        "slice-counted-wrongly",
        "counted once for each time that gather",
    ),
}
"""What the search names: the kind, and words of its text."""

LOCATED = {
    "strided_convolution_with_stride_one": "If it is a single fault",
    "hinge_counts_every_violated_margin_once": "If it is a single fault",
}
"""What it gives a place: words of its text."""


def test_every_case_is_expected_somewhere():
    assert CASES.keys() == NAMED.keys() | LOCATED.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_right_gradient_passes(name):
    each = CASES[name]
    check = gp.check(each.loss, lambda p, b: each.gradient(p, b, False), each.params, each.batch, points=1)
    assert check.verdict is gp.Verdict.EQUAL, check.reason


@pytest.mark.parametrize("name", CASES)
def test_the_slip_is_named_or_has_a_place(name):
    each = CASES[name]
    check = gp.check(each.loss, lambda p, b: each.gradient(p, b, True), each.params, each.batch, points=0)
    assert check.verdict is gp.Verdict.WRONG
    if name in NAMED:
        kind, words = NAMED[name]
        assert check.cause is not None, check.reason
        assert check.cause.kind == kind, check.cause.text
        assert words in check.cause.text
    else:
        told = check.cause.text if check.cause is not None else check.unexplained
        assert LOCATED[name] in told

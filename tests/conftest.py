"""What all tests share: the plugin for testing plugins, no time limit for Hypothesis, few collections."""

import gc
import os
import re
import signal
import sys
from collections import Counter

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

# Importing it registers a device with the process for good, and what is collected is imported.
collect_ignore = ["helpers/elsewhere.py"]

# What a shell runs in the background ignores Ctrl-C, and commands that tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A first call compiles or imports; how long an example takes says nothing about what is tested.
settings.register_profile("gradproof", deadline=None, max_examples=25)
settings.register_profile("wide", deadline=None, max_examples=200)  # `make test-all`
settings.register_profile("thorough", deadline=None, max_examples=3000)  # --hypothesis-profile=thorough
settings.load_profile("gradproof")


# 10 000 steps, or the same system at another learning rate, in the slower of a backend's two ways or in a
# second dtype: `make test-all` and `gradproof verify` run these too.
_LONG_DOCUMENTS = re.compile(
    r"(sigmoid_network|bce_network\S*)-(torch-func|jax-eager|autograd-\S+)-"
    r"|bce_network_rate_\S+-torch-eager-|(sigmoid|bce)_network\S*-(torch-eager|jax-jit)-float32"
)


# Long families whose cases are alike: `make test` runs every so manyth, and `make test-all` all of them.
_EVERY = {
    "test_a_bad_file_ends_with_status_2_and_a_clear_message": 2,
    "test_a_file_that_was_changed_is_named": 3,
    "test_a_flag_that_can_change_bits_is_recorded_and_told": 3,
    "test_a_frameworks_function_is_numpys_to_rounding": 8,
    "test_a_function_is_jaxs": 3,
    "test_a_jax_function_of_mixed_precision_is_judged_by_its_casts": 2,
    "test_a_mistake_is_told_apart_and_the_same_on_balls": 3,
    "test_a_model_as_it_is_has_the_gradient_that_pytorch_gives": 2,
    "test_a_planted_mistake_has_a_cause": 4,
    "test_a_planted_mistake_is_found_and_named": 4,
    "test_a_planted_mistake_is_named": 3,
    "test_a_reader_that_has_seen_enough_changes_nothing": 3,
    "test_a_right_float32_gradient_is_not_accused_and_a_wrong_one_is": 4,
    "test_a_right_function_passes": 2,
    "test_a_right_gradient_that_rests_on_what_its_data_is_is_equal_and_what_it_rests_on_is_told": 2,
    "test_a_right_model_passes_at_the_given_point_and_at_its_own": 3,
    "test_a_right_training_is_told_nothing": 3,
    "test_a_saturated_binary_cross_entropy_is_decided": 3,
    "test_a_transformer_passes": 2,
    "test_a_writer_that_is_killed_at_any_line_leaves_one_folder_whole": 2,
    "test_a_wrong_program_is_caught": 2,
    "test_an_adam_of_ones_own_passes": 3,
    "test_an_error_in_all_entries_is_caught": 2,
    "test_an_error_under_autocast_is_found": 2,
    "test_an_operation_has_jaxs_value_and_gradient": 6,
    "test_an_output_that_cannot_be_written_is_told_in_one_message": 3,
    "test_another_setting_of_an_optimizer_is_told": 5,
    "test_another_setting_of_any_rule_is_told": 3,
    "test_changes_that_are_run_together_give_what_each_gives_alone": 3,
    "test_data_of_float32_is_what_it_is_to_the_digits_that_float32_has": 6,
    "test_each_change_of_a_verdict_is_worse_better_or_neither": 4,
    "test_every_operation_keeps_the_digits_of_its_operands": 4,
    "test_jaxs_gradient_agrees_and_one_that_is_off_does_not": 2,
    "test_law_1_the_first_weights_are_the_parameters_rounded_to_the_dtype": 3,
    "test_no_file_is_called_by_what_a_scenario_is_called": 3,
    "test_no_step_of_optaxs_is_accused": 3,
    "test_numbers_from_nowhere_are_no_mistake_of_one_parameter": 3,
    "test_right_gradients_are_right": 3,
    "test_right_programs_pass": 4,
    "test_right_steps_are_right": 14,
    "test_several_processes_give_the_same_report": 2,
    "test_the_optimizers_of_pytorch_pass_as_classes_and_as_objects": 4,
    "test_the_reference_agrees": 3,
    "test_the_slip_is_named_or_has_a_place": 3,
    "test_the_statuses_of_compare_and_of_a_baseline": 3,
    "test_what_an_executor_loses_is_a_row": 2,
    "test_what_is_no_manifest_is_told": 3,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the longest runs of the documents' systems as slow, and most of the long families."""
    seen: Counter[str] = Counter()
    for item in items:
        name = getattr(item, "originalname", None) or item.name
        is_one_of_many = seen[name] % _EVERY.get(name, 1) > 0
        seen[name] += 1
        is_long = item.path.name == "test_documents_agree.py" and _LONG_DOCUMENTS.search(item.name)
        if is_long or is_one_of_many:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported and collected lives as long as the tests; the garbage collector leaves it alone."""
    _keep_what_jax_compiles(session.config)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _keep_what_jax_compiles(config: pytest.Config) -> None:
    """JAX finds what this process compiled in an earlier session, for which it takes a fifth of the time.

    Each worker of pytest-xdist has a folder of its own, since JAX does not write its files as a whole. For
    the same reason processes that tests start, and end at any moment, keep nothing.
    """
    if "jax" not in sys.modules or not config.pluginmanager.has_plugin("cacheprovider"):
        return
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    jax.config.update("jax_compilation_cache_dir", str(config.cache.mkdir(f"jax-{worker}")))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    compilation_cache.reset_cache()  # it may have looked for a folder while tests were collected

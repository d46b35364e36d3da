"""What all tests share: the plugin for testing plugins, no time limit for Hypothesis, few collections."""

import gc
import re
import signal

import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the longest runs of the documents' systems as slow."""
    for item in items:
        if item.path.name == "test_documents_agree.py" and _LONG_DOCUMENTS.search(item.name):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What was imported and collected lives as long as the tests; the garbage collector leaves it alone."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

"""What all tests share: the plugin for testing plugins, no time limit for Hypothesis, few collections."""

import gc

from hypothesis import settings

pytest_plugins = ["pytester"]

# A first call compiles or imports; how long an example takes says nothing about what is tested.
settings.register_profile("gradproof", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=3000)  # --hypothesis-profile=thorough
settings.load_profile("gradproof")


def pytest_collection_finish() -> None:
    """What was imported and collected lives as long as the tests; the garbage collector leaves it alone."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

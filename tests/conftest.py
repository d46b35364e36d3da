"""What all tests share: pytest's own plugin for testing plugins, and Hypothesis without a time limit."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# A first call compiles or imports; how long an example takes says nothing about what is tested.
settings.register_profile("gradproof", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=3000)  # --hypothesis-profile=thorough
settings.load_profile("gradproof")

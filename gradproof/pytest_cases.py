"""What tests import: `from gradproof.pytest_cases import assert_agrees`."""

from gradproof.plugin.run_cases import assert_agrees

__all__ = ["assert_agrees"]

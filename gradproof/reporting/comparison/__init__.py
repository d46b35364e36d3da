"""What changed between two reports: verdicts, errors, bits, times and the environment."""

from gradproof.reporting.comparison.changes import Changes
from gradproof.reporting.comparison.compare import compare

__all__ = ["Changes", "compare"]

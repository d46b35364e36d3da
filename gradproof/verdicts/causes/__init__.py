"""Why a gradient is wrong: mutants of the true gradient, one of which equals the claimed one."""

from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.difference import describe_difference
from gradproof.verdicts.causes.search import Search, find_cause, search_cause

__all__ = ["Cause", "Search", "describe_difference", "find_cause", "search_cause"]

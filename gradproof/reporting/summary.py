"""What a report says in words; each function is documented where it lives."""

from gradproof.reporting.failures import describe_failure, failing_rows
from gradproof.reporting.formats.markdown import claims_section, markdown_summary, markdown_table
from gradproof.reporting.overview import count_verdicts, finding_text, remarks, verdict_matrix

__all__ = [
    "claims_section",
    "count_verdicts",
    "describe_failure",
    "failing_rows",
    "finding_text",
    "markdown_summary",
    "markdown_table",
    "remarks",
    "verdict_matrix",
]

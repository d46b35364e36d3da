"""The page: one HTML file that shows whether everything agrees, who is off, where, by how much and why.

The file holds its styles, its scripts and its data, and asks for nothing over a network. It needs what the
extra `report` installs: Jinja2 for the templates, and the scripts that plotly and itables bring along.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradproof.reporting.report import Report


def build_page(report: "Report") -> str:
    """Build the page of a report.

    Args:
        report: what to show; with its `changes`, if it has any.

    Returns:
        the HTML text; the same for the same report.

    Raises:
        ModuleNotFoundError: Jinja2, plotly or itables is not installed.
    """
    from gradproof.reporting.page.build import render  # noqa: PLC0415 - the extra is needed only here

    return render(report)

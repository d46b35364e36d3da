"""The page: one HTML file that shows whether everything agrees, who is off, where, by how much and why.

The file holds its styles, its scripts and its data, and asks for nothing over a network.
"""

from gradproof.reporting.page.build import build_page
from gradproof.reporting.report import Report

name = "html"
files = ("index.html",)
needs = ("jinja2",)


def render(report: Report) -> str:
    """Build the page of a report; with its `changes`, if it has any."""
    return build_page(report)

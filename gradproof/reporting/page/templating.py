"""What makes a page of a template: escapes, own files, and what a browser may do with the page."""

import base64
import hashlib
import json
import re
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gradproof.reporting.page.cells import tone

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def template_environment() -> Environment:
    """Make what reads templates: all that is put into them is escaped."""
    environment = Environment(
        loader=PackageLoader("gradproof.reporting.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"script_json": script_json, "tone": tone, "breakable": breakable}
    return environment


_BREAKS = re.compile(r"(?<=[\w.][_/])(?<![A-Z]_)(?=\w)|(?<=::)(?=\w)|(?<=[\w\])][.])(?=[A-Za-z_])(?!py\b)")


def breakable(text: str) -> Markup:
    """Let a line end within names and paths, where a reader would divide them; all else is escaped.

    >>> print(breakable("tests/test_mine.py::test_it <b> NOT_FINITE 0.5"))
    tests/<wbr>test_<wbr>mine.py::<wbr>test_<wbr>it &lt;b&gt; NOT_FINITE 0.5
    """
    return Markup("<wbr>").join(_BREAKS.split(text))


def own_file(name: str) -> str:
    """Read a file that stands beside the templates."""
    return resources.files("gradproof.reporting.page").joinpath("templates", name).read_text(encoding="utf-8")


def content_security_policy(script: str) -> str:
    """Say what a browser may do with the page: run this very script, and ask for nothing.

    A script that a name in the data would smuggle in has another hash, so that it never runs.

    >>> content_security_policy("1")[:80]
    "default-src 'none'; script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW"
    """
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(value: Any) -> Markup:
    r"""Write a value as JSON that may stand in a script element: nothing in it can end the element.

    >>> print(script_json({"name": "</script>", "digits": 0.1}))
    {"name":"\u003c/script\u003e","digits":0.1}
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - escaped on the line itself

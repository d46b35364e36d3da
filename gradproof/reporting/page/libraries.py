"""What the page holds beside its data: scripts, styles, and which scripts a browser may run."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def own_file(name: str) -> str:
    """Read a file that stands beside the templates."""
    return files("gradproof.reporting.page").joinpath("templates", name).read_text(encoding="utf-8")


@cache
def plotly_script() -> str:
    """Give plotly's script, which draws the plots."""
    return _in_a_page(_package_file("plotly", "package_data", "plotly.min.js"))


@cache
def tables_script() -> str:
    """Give the script of the tables: DataTables, as itables brings it, and then our own use of it.

    The bundle is a module that exports DataTables; an inline module cannot be imported, so the export is
    turned into a constant, which our own script reads in the same module.
    """
    bundle = _package_file("itables", "html", "dt_bundle.js")
    exported = re.search(r"export\{[^}]*\b(\w+) as default\b[^}]*\}", bundle)
    if exported is None:
        raise RuntimeError("itables' bundle exports no DataTables. Install the itables of constraints.txt.")
    constant = f"const DataTable = {exported[1]}"
    whole = bundle[: exported.start()] + constant + bundle[exported.end() :]
    return _in_a_page(f"{whole}\n{own_file('tables.js')}")


@cache
def tables_style() -> str:
    """Give the styles of the tables, as itables brings them."""
    return _package_file("itables", "html", "dt_bundle.css").replace("</", "<\\/")


@cache
def own_script() -> str:
    """Give our own script, which makes plots of the data."""
    return _in_a_page("\n".join(own_file(name) for name in ("figures.js", "page.js")))


def content_security_policy(scripts: Sequence[str]) -> str:
    """Say what a browser may do with the page: run these very scripts, and ask for nothing.

    A script that a name in the data would smuggle in has another hash, so that it never runs.

    >>> content_security_policy(["1"])[:80]
    "default-src 'none'; script-src 'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW"
    """
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(value: Any) -> Markup:
    r"""Write a value as JSON that may stand in a script element: nothing in it can end the element.

    >>> print(script_json({"name": "</script>", "digits": 0.1}))
    {"name":"\u003c/script\u003e","digits":0.1}
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.translate(_ESCAPES))  # noqa: S704 - escaped on the line itself


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _package_file(package: str, *path: str) -> str:
    return files(package).joinpath(*path).read_text(encoding="utf-8")


def _in_a_page(script: str) -> str:
    """Give a script as it may stand between script tags, with the line ends that its hash is taken of."""
    script = script.replace("\r\n", "\n").replace("\r", "\n")
    if re.search(r"</script", script, re.IGNORECASE):
        raise RuntimeError(
            "A script of the page would end its own element. Install the versions of constraints.txt."
        )
    # In a script element these signs open a comment; in a string or a pattern the escape means the same.
    return script.replace("<!--", "\\x3c!--")

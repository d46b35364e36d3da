"""The parts of the reference that are read from the package: options, functions, public names.

A page has a comment that names a part, and one that ends it. What stands in between is written here, by
`python docs/reference_parts.py`; tests/test_reference_pages.py compares.
"""

import argparse
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import gradproof
from gradproof.cli import build_parser
from gradproof.commands import HELP
from gradproof.plugin.hooks import pytest_addoption
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import Tape
from gradproof.reference.tape.namespace import Namespace
from gradproof.reference.tape.operations import IN_NAMESPACE, Operation
from gradproof.reporting.columns import COLUMNS

PAGES = Path(__file__).parent / "reference"

_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)
_XP = Namespace(Tape(Plain()))
_OTHER_SPACES = {"nn", "special", "linalg"}
_UNWRITTEN = {"all reals", "none"}


def filled(page: str) -> str:
    """Give a page with all of its parts as they are now."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n{found[3]}", page)


def commands() -> str:
    """Tell what each command takes, with its options."""
    return "\n\n".join("\n\n".join(_command(name)) for name in HELP)


def _command(name: str) -> Iterator[str]:
    # argparse has no public way to the parsers of commands and to their arguments.
    parser = build_parser()._subparsers._group_actions[0].choices[name]  # noqa: SLF001
    actions = [each for each in parser._actions if each.dest != "help"]  # noqa: SLF001
    places = [each for each in actions if not each.option_strings]
    options = [each for each in actions if each.option_strings]
    yield f"## `gradproof {name}`"
    yield parser.description or f"{HELP[name].capitalize()}."
    words = ["gradproof", name, *(["[OPTION ...]"] if options else []), *map(_place, places)]
    yield f"```text\n{' '.join(words)}\n```"
    if actions:
        rows = [(_code(_flags(each)), _meaning(each)) for each in (*places, *options)]
        yield table(("argument", "what it is"), rows)
    if parser.epilog:
        yield parser.epilog


def _place(action: argparse.Action) -> str:
    every = {"*": f"[{action.metavar} ...]", "+": f"{action.metavar} [{action.metavar} ...]"}
    return every.get(str(action.nargs), str(action.metavar))


def _flags(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return f"{', '.join(action.option_strings)}{value}".strip()


def _meaning(action: argparse.Action) -> str:
    return _sentence(str(action.help) % vars(action))


def plugin_options() -> str:
    """Tell what pytest takes."""
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    options = parser.getgroup("gradproof").options
    rows = []
    for option in options:
        known = option.attrs()
        flag = f"{' '.join(option.names())} {known.get('metavar') or ''}".strip()
        rows.append((_code(flag), _sentence(known["help"])))
    return table(("option", "what it is"), rows)


def names() -> str:
    """List the public names, with what each is and a link to where it is explained."""
    found = {
        name: page.name
        for page in sorted(PAGES.glob("*.md"))
        for name in re.findall(r"^::: gradproof\.(\w+)$", page.read_text("utf-8"), re.MULTILINE)
    }
    rows = [
        (f"[`{name}`]({page}#gradproof.{name})", _summary(getattr(gradproof, name)))
        for name, page in sorted(found.items(), key=lambda each: each[0].lower())
    ]
    return table(("name", "what it is"), rows)


def frames() -> str:
    """List the tables of a report."""
    sentences = {name: vars(gradproof.Report).get(name).__doc__ for name in COLUMNS}
    rows = [(f"[`{name}`](formats.md#{name})", sentence) for name, sentence in sentences.items()]
    return table(("frame", "its rows"), rows)


def functions() -> str:
    """Tell what `xp` and `xp.linalg` have, without `xp.nn` and `xp.special`."""
    differentiated = {each.name: each for each in (*IN_NAMESPACE[""], *IN_NAMESPACE["linalg"])}
    return "\n\n".join(
        part
        for space, prefix in ((_XP, ""), (_XP.linalg, "linalg."))
        for part in _functions(space, prefix, differentiated)
    )


def _functions(space: object, prefix: str, differentiated: dict[str, Operation]) -> Iterator[str]:
    known = {
        name: getattr(space, name) for name in dir(space) if name[0] != "_" and name not in _OTHER_SPACES
    }
    callables = {name: each for name, each in known.items() if inspect.ismethod(each)}
    ruled = [
        (_called(prefix + name, each), *_rule(differentiated[name]))
        for name, each in callables.items()
        if name in differentiated
    ]
    others = [
        (_called(prefix + name, each), _summary(each))
        for name, each in callables.items()
        if name not in differentiated
    ]
    title = f"`xp.{prefix.strip('.')}`" if prefix else "`xp`"
    yield f"## {title}: functions with a derivative rule of their own"
    yield table(("function", "what it computes", "source of its rule"), ruled)
    yield f"## {title}: functions made of others, or without a derivative"
    yield table(("function", "what it computes"), others)


def _called(name: str, function: object) -> str:
    parameters = inspect.signature(function).parameters.values()
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return _code(f"{name}{inspect.Signature(bare)}")


def _rule(operation: Operation) -> tuple[str, str]:
    told = [operation.summary]
    told += [f"Domain: {operation.domain}."] if operation.domain not in _UNWRITTEN else []
    told += [f"Kinks: {operation.kinks}."] if operation.kinks not in _UNWRITTEN else []
    return " ".join(told), operation.source


def _summary(named: object) -> str:
    return (inspect.getdoc(named) or "").partition("\n\n")[0].replace("\n", " ")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _code(text: str) -> str:
    # A line in code, in a cell: the site shows a backslash before it, and GitHub needs one.
    return f"<code>{text.replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    r"""Write a table, in which lines that are parts of cells do not part them.

    >>> print(table(["a"], [["|x|"]]))
    | a |
    |---|
    | \|x\| |
    """
    head = list(head)
    lines = [head, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    told = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([told[0], f"|{'---|' * len(head)}", *told[1:]])


PARTS = {
    "commands": commands,
    "frames": frames,
    "functions": functions,
    "names": names,
    "plugin_options": plugin_options,
}
"""The parts by the names that comments give them."""


def main() -> None:
    """Write all pages anew."""
    for page in sorted(PAGES.glob("*.md")):
        page.write_text(filled(page.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

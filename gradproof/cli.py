"""The command `gradproof`.

Only argparse is imported at the top: `gradproof --help` loads neither a framework nor NumPy nor pandas, and
none of the subcommands, which `gradproof.commands` holds.
"""

import argparse
import os
import sys

from gradproof.commands import CONFIGURED, HELP

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

_MOST_TOLD = 2_000
_FILES = {"judge": "judge_command"}
"""The files of commands whose names others have."""

_EPILOG = """\
exit status:
  0  everything that was checked agrees
  1  something disagrees, or could not be run; of `audit --strict`: a claim is
     refuted; of `compare` and of `verify --baseline`: a verdict got worse
  2  the call or an input was bad

examples:
  gradproof verify                                  all documents' systems
  gradproof verify sigmoid_network --backends torch one system on one backend
  gradproof verify line_fit --backends jax/eager    one variant of a backend
  gradproof verify my_scenarios.py                  the Scenarios of a file
  gradproof verify my_scenarios.py::first           the one that `first` holds
  gradproof verify --baseline reports/main          and what changed since
  gradproof verify --shard 2/5 --report reports/2      the second of five parts
  gradproof merge reports/*                         one report of all parts
  gradproof compare reports/main reports/latest     what changed in between
  gradproof check my_gradient.py                    a gradient of your own
  gradproof judge my_loss.py gradients.npz          one computed elsewhere
  gradproof audit                                   what the documents claim
  gradproof audit --strict my_scenarios.py          what a file claims
"""


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, found without `shutil`, whose import takes a fifth of all the time."""

    def __init__(self, prog: str) -> None:
        try:
            width = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns or 80
        except (ValueError, OSError):  # no number; no terminal, or closed
            width = 80
        super().__init__(prog, width=width - 2)


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong with a call so that showing it does no harm."""

    def error(self, message: str) -> "NoReturn":
        from gradproof.texts import shortened, visible  # noqa: PLC0415 - see the module's docstring

        super().error(visible(shortened(message, _MOST_TOLD), lines=True))


def build_parser(arguments: "Sequence[str] | None" = None) -> argparse.ArgumentParser:
    """Build the parser of the command line.

    Args:
        arguments: what will be parsed: the commands that occur there get their options. None for all.
    """
    parser = _Parser(
        prog="gradproof",
        description="Says whether implementations of gradient descent and backpropagation are right.",
        epilog=_EPILOG,
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="store_true", help="print gradproof's version and exit")
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="with --version: the versions of all that is used, the platform and the configuration, too",
    )
    wanted = HELP.keys() & (HELP if arguments is None else arguments)

    def made(prog: str, **options: "Any") -> argparse.ArgumentParser | None:
        # Five parsers that nothing is parsed with would take a tenth of the time of `gradproof --help`.
        is_wanted = prog.rpartition(" ")[2] in wanted
        return _Parser(prog, **options) if is_wanted else None

    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=made)  # type: ignore[call-overload] # all that it is asked for
    for name, line in HELP.items():
        command = commands.add_parser(name, help=line)
        if name in wanted:
            module = _command(name)
            command.description = module.DESCRIPTION
            command.epilog = getattr(module, "EPILOG", None)
            module.add_options(command)
            if name in CONFIGURED:
                _configure(command)
    return parser


def _configure(command: argparse.ArgumentParser) -> None:
    """Let the project's defaults stand where an option is not given."""
    from pathlib import Path  # noqa: PLC0415 - see the module's docstring

    from gradproof.configuration import configuration  # noqa: PLC0415

    values = {key.replace("-", "_"): value for key, value in configuration(Path.cwd()).values.items()}
    there = {action.dest for action in command._actions}  # noqa: SLF001 - argparse tells them nowhere else
    command.set_defaults(**{name: value for name, value in values.items() if name in there})


def _command(name: str) -> "ModuleType":
    from importlib import import_module  # noqa: PLC0415 - see the module's docstring

    return import_module(f"gradproof.commands.{_FILES.get(name, name)}")


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command and give its exit status.

    Args:
        arguments: those after the command's name. None for those that the process was started with: then
            the process is the command's own, and what runs a user's code does so in another, so that nothing
            that this code does looks like success.

    >>> main(["verify", "line_fti"])
    2
    """
    from gradproof.streams import told_status  # noqa: PLC0415 - see the module's docstring

    return told_status(lambda: _supervised(arguments))


def _supervised(arguments: "Sequence[str] | None") -> int:
    from gradproof.streams import prepare_streams  # noqa: PLC0415 - see the module's docstring

    given = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        prepare_streams()
    try:
        options = build_parser(given).parse_args(given)
    except SystemExit as error:  # how argparse ends, after --help or with a message
        return int(error.code or 0)
    of_one_file = options.command in {"check", "judge"}
    if not (of_one_file or (options.command in {"verify", "audit"} and arguments is None)):
        return perform(given)
    from gradproof.supervision import Work, supervise  # noqa: PLC0415 - see the module's docstring

    if of_one_file:
        return supervise(Work(given, options.target, "a verdict", options.time_limit), perform)
    return supervise(Work(given, "The code that was run", "a report"), perform)


def perform(arguments: "Sequence[str]") -> int:
    """Run the command in this process and give its exit status.

    Raises:
        GradproofError: the call or an input is bad, and the message tells it.
    """
    parser = build_parser(arguments)
    options = parser.parse_args(arguments)
    if options.version:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        print(f"gradproof {version('gradproof')}")
        if options.verbose:
            from pathlib import Path  # noqa: PLC0415 - as above

            from gradproof.installation import installation  # noqa: PLC0415

            print(*installation(Path.cwd()), sep="\n")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    run: Callable[[argparse.Namespace], int] = _command(options.command).run
    if not options.json:
        return run(options)
    from gradproof.commands.json_output import alone_on_standard_output  # noqa: PLC0415 - as above

    with alone_on_standard_output():
        return run(options)


if __name__ == "__main__":
    sys.exit(main())

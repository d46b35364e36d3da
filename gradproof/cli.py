"""The command `gradproof`.

Only argparse is imported at the top: `gradproof --help` loads neither a framework nor NumPy nor pandas.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradproof.running.limits import Limits

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
  gradproof compare reports/main reports/latest     what changed in between
  gradproof check my_gradient.py                    a gradient of your own
  gradproof audit                                   what the documents claim
  gradproof audit --strict my_scenarios.py          what a file claims
"""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    from gradproof.reporting.formats import report_formats  # noqa: PLC0415 - looks into a folder

    parser = argparse.ArgumentParser(
        prog="gradproof",
        description="Says whether implementations of gradient descent and backpropagation are right.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print gradproof's version and exit")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    verify = commands.add_parser(
        "verify",
        help="run scenarios on backends and compare every gradient and every updated weight",
        description="Run scenarios on backends, judge every gradient and every updated weight, and write "
        "the comparison reports.",
    )
    _add_scenarios(verify, "all")
    verify.add_argument(
        "--backends",
        type=_names,
        metavar="A,B/C",
        help="backends, or variants of them (jax/eager, say), to run (default: all that are installed)",
    )
    verify.add_argument(
        "--dtypes",
        type=_names,
        metavar="A,B",
        default=["float64", "float32"],
        help="dtypes to run (default: float64,float32)",
    )
    verify.add_argument(
        "--out", metavar="FOLDER", default="reports/latest", help="where to write (default: reports/latest)"
    )
    verify.add_argument(
        "--formats",
        type=_names,
        metavar="A,B",
        help=f"what to write: {', '.join(report_formats())} (default: all that what is installed can write, "
        "and of the tables that are large only Parquet)",
    )
    verify.add_argument(
        "--jobs",
        type=_count,
        metavar="N",
        default=0,
        help="processes to run in; 0 (the default) for one a processor core",
    )
    _add_limits(verify)
    verify.add_argument(
        "--baseline",
        metavar="FOLDER",
        help="an earlier report: tell what changed since, and exit with 1 only if a verdict got worse. What "
        "did not pass in the baseline either is told and does not count; it may be the folder of --out",
    )
    verify.add_argument(
        "--strict", action="store_true", help="let INACCURATE, a right formula that gives wrong digits, fail"
    )
    _add_compare(commands)
    _add_check(commands)
    _add_audit(commands)
    commands.add_parser("list", help="show the scenarios and the backends")
    return parser


def _add_limits(verify: argparse.ArgumentParser) -> None:
    verify.add_argument(
        "--time-limit",
        type=_seconds,
        default=3600.0,
        metavar="SECONDS",
        help="stop a run after so long, and go on with the others (default: 3600; 0 for no limit)",
    )
    verify.add_argument(
        "--memory-limit",
        type=_amount,
        default=0.0,
        metavar="GIB",
        help="stop a run that needs more memory, on Linux (default: what the machine has)",
    )
    verify.add_argument(
        "--in-process",
        action="store_true",
        help="make the runs in one process, one after the other, without limits: for a debugger",
    )


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    compare = commands.add_parser(
        "compare",
        help="tell what changed from one report to another: verdicts, errors, bits, times, environment",
        description="Compare two reports that `verify` wrote, and tell what changed.",
        epilog="The exit status is 1 only if a verdict got worse: it passed and no longer does; it does not "
        "pass and is more severe than before; a run raised or was not made that was made before; a new run "
        "or formula does not pass. Changes between verdicts that pass alike, of bits, errors, times and the "
        "environment are told and do not change the exit status.",
    )
    compare.add_argument("before", metavar="BEFORE", help="the folder of the earlier report")
    compare.add_argument("after", metavar="AFTER", help="the folder of the later report")


def _add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = commands.add_parser(
        "check",
        help="check a gradient of your own: is the formula right, which entry is wrong, and why",
        description="Check the gradient that a file defines, as a formula in certified arithmetic, in "
        "floating point, and at points of the check's own. The file is run in a process of its own.",
    )
    check.add_argument(
        "target",
        metavar="FILE.py[::NAME]",
        help="a file that defines loss, gradient, params and batch, or Scenario objects; NAME chooses one "
        "Scenario, or another gradient function beside loss, params and batch",
    )
    check.add_argument(
        "--dtype", default="float64", help="what to judge in: float64 (the default), float32, float16"
    )
    check.add_argument(
        "--points", type=_count, default=12, metavar="N", help="points of its own (default: 12; 0 for none)"
    )
    check.add_argument(
        "--seed", type=_count, default=0, metavar="N", help="what they are drawn with (default: 0)"
    )
    check.add_argument(
        "--strict", action="store_true", help="let a gradient fail that is right only of data like the file's"
    )
    check.add_argument("--point", default="", metavar="FILE.npz", help="check at this saved point alone")
    check.add_argument("--save-point", default="", metavar="FILE.npz", help="where to save a failing point")
    check.add_argument(
        "--learning-rate", type=float, metavar="R", help="a number to expect in the cause of a wrong gradient"
    )
    check.add_argument(
        "--time-limit",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="stop the file after so long (default: 60; 0 for no limit)",
    )


def _add_audit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    audit = commands.add_parser(
        "audit",
        help="check what documents claim: values, derivatives, updates",
        description="Check the claims that scenarios carry in certified arithmetic, and print a table per "
        "document: CONFIRMED, REFUTED with its cause, or NOT CHECKABLE (only in a picture, or an opinion).",
        epilog="A refuted claim is a finding about a document, so the exit status is 0; with --strict it is "
        "1, for documents of your own in CI. Where there is no claim, nothing was checked, and it is 1, too.",
    )
    _add_scenarios(audit, "the three documents'")
    audit.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if a claim is refuted, or undecided although it can be computed",
    )


def _add_scenarios(command: argparse.ArgumentParser, default: str) -> None:
    command.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO|FILE.py[::NAME]",
        help="names that `gradproof list` shows, or Python files that define Scenario objects, of which NAME "
        f"chooses one; {default} if none is given",
    )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    if text.strip().isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds. Give 0 for no limit, or more")
    return seconds


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 < amount < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory. Give GiB, 4 or 0.5, say")
    return amount


def main(arguments: Sequence[str] | None = None) -> int:
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


def _supervised(arguments: Sequence[str] | None) -> int:
    from gradproof.streams import prepare_streams  # noqa: PLC0415 - see the module's docstring

    given = sys.argv[1:] if arguments is None else arguments
    if arguments is None:
        prepare_streams()
    try:
        options = build_parser().parse_args(given)
    except SystemExit as error:  # how argparse ends, after --help or with a message
        return int(error.code or 0)
    if not (options.command == "check" or (options.command in {"verify", "audit"} and arguments is None)):
        return perform(given)
    from gradproof.supervision import Work, supervise  # noqa: PLC0415 - see the module's docstring

    if options.command == "check":
        return supervise(Work(given, options.target, "a verdict", options.time_limit), perform)
    return supervise(Work(given, "The code that was run", "a report"), perform)


def perform(arguments: Sequence[str]) -> int:
    """Run the command in this process and give its exit status.

    Raises:
        GradproofError: the call or an input is bad, and the message tells it.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.version:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        print(f"gradproof {version('gradproof')}")
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    run = {"verify": _verify, "compare": _compare, "check": _check, "audit": _audit, "list": _list}
    return run[options.command](options)


def _verify(options: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415 - see the module's docstring

    from gradproof.reporting.folders import check_writable  # noqa: PLC0415
    from gradproof.reporting.formats import check_formats  # noqa: PLC0415
    from gradproof.reporting.formats.github import annotations, append_summary  # noqa: PLC0415
    from gradproof.reporting.formats.terminal import (  # noqa: PLC0415
        make_progress,
        print_changes,
        print_report,
    )
    from gradproof.reporting.reading import read_report  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415
    from gradproof.scenarios.finding import find_scenarios  # noqa: PLC0415
    from gradproof.verification import verify  # noqa: PLC0415

    scenarios = find_scenarios(options.scenarios or CATALOGUE)
    folder = Path(options.out)
    # Read before the runs, so that a wrong folder is told at once and the new report may replace it.
    baseline = read_report(Path(options.baseline)) if options.baseline is not None else None
    check_formats(options.formats)
    check_writable(folder)
    with make_progress() as progress:
        report = verify(
            scenarios,
            options.backends,
            options.dtypes,
            jobs=options.jobs,
            progress=progress,
            baseline=baseline,
            strict=options.strict,
            limits=None if options.in_process else _limits(options),
        )
    report.write(folder, options.formats)
    print_report(report, folder)
    for annotation in annotations(report.findings):
        print(annotation)
    warning = append_summary(report)
    if warning:
        print(f"gradproof: warning: {warning}", file=sys.stderr)
    if report.changes is None:
        return 0 if report.ok else 1
    print_changes(report.changes)
    tried = (report.runs["status"] != "not run").any()
    return 1 if report.changes.worse or not tried else 0


def _limits(options: argparse.Namespace) -> "Limits":
    from gradproof.running.limits import Limits  # noqa: PLC0415 - see the module's docstring

    return Limits(options.time_limit, int(options.memory_limit * 2**30))


def _compare(options: argparse.Namespace) -> int:
    from pathlib import Path  # noqa: PLC0415 - see the module's docstring

    from gradproof.errors import InputError  # noqa: PLC0415
    from gradproof.reporting.comparison.joining import compare  # noqa: PLC0415
    from gradproof.reporting.formats.terminal import print_changes  # noqa: PLC0415
    from gradproof.reporting.reading import read_report  # noqa: PLC0415

    # A report may be named by its manifest, too.
    folders = {
        path.parent if path.name == "report.json" else path
        for path in (Path(options.before).resolve(), Path(options.after).resolve())
    }
    if len(folders) == 1:
        raise InputError(
            f"{options.before} and {options.after} are the same report. Give the folders of two reports."
        )
    changes = compare(read_report(options.before), read_report(options.after))
    print_changes(changes)
    return 1 if changes.worse else 0


def _audit(options: argparse.Namespace) -> int:
    from gradproof.auditing import audit  # noqa: PLC0415 - see the module's docstring
    from gradproof.reporting.formats.terminal import print_claims  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415
    from gradproof.scenarios.finding import find_scenarios  # noqa: PLC0415

    found = audit(find_scenarios(options.scenarios or CATALOGUE))
    print_claims(found.claims)
    nothing = not found.records  # was checked
    return 1 if nothing or (options.strict and not found.ok) else 0


def _check(options: argparse.Namespace) -> int:
    from gradproof.check_files import check_all  # noqa: PLC0415 - see the module's docstring

    return check_all(options)


def _list(_options: argparse.Namespace) -> int:
    from gradproof.backends import describe_backends  # noqa: PLC0415 - see the module's docstring
    from gradproof.reporting.console import make_console, say  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415

    console = make_console()
    say(console, "Scenarios:")
    for name, build in CATALOGUE.items():
        scenario = build()
        told = f"{name:22}{scenario.steps:>6} steps   {scenario.source}"
        say(console, told, indent=2, hanging=24)
    say(console, "Backends:")
    for name, told in describe_backends():
        say(console, f"{name:22}{told}", indent=2, hanging=24)
    return 0


if __name__ == "__main__":
    sys.exit(main())

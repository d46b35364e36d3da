"""`gradproof verify`: scenarios run on backends, judged and reported."""

import argparse

from gradproof.commands.json_output import add_json
from gradproof.commands.option_values import (
    add_baseline,
    add_report,
    add_scenarios,
    amount,
    names,
    seconds,
    whole_number,
)
from gradproof.commands.showing import write_and_show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from gradproof.running.limits import Limits

DESCRIPTION = (
    "Run scenarios on backends, judge every gradient and every updated weight, and write "
    "the comparison reports."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_scenarios(parser, "all")
    parser.add_argument(
        "--backends",
        type=names,
        metavar="A,B/C",
        help="backends, or variants of them (jax/eager, torch@cuda, say), to run (default: all that are "
        "installed)",
    )
    parser.add_argument(
        "--dtypes",
        type=names,
        metavar="A,B",
        default=["float64", "float32"],
        help="dtypes to run (default: float64,float32); own: each array's own",
    )
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="where PyTorch and JAX compute: cpu, cuda, or one of several as cuda:1 (default: wherever they "
        "do by themselves)",
    )
    parser.add_argument(
        "--gallery",
        action="store_true",
        help="run the gallery of trainings: two small systems with every optimizer, as `list` shows them",
    )
    add_report(parser)
    _add_where(parser)
    add_baseline(parser)
    add_json(parser)
    parser.add_argument(
        "--strict",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="let INACCURATE, a right formula that gives wrong digits, fail",
    )


def _add_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=whole_number,
        metavar="N",
        help="processes to run in; 0 (the default) for as many as are worth it, one a core at most",
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="make the runs on the workers of dask's scheduler at this address (tcp://HOST:8786, say)",
    )
    parser.add_argument(
        "--time-limit",
        type=seconds,
        default=3600.0,
        metavar="SECONDS",
        help="stop a run after so long, and go on with the others (default: 3600; 0 for no limit)",
    )
    parser.add_argument(
        "--memory-limit",
        type=amount,
        default=0.0,
        metavar="GIB",
        help="stop a run that needs more memory, on Linux (default: what the machine has)",
    )
    parser.add_argument(
        "--shard",
        metavar="N/M",
        help="make only the Nth of M parts; `gradproof merge` makes one report of all",
    )
    parser.add_argument(
        "--in-process",
        action="store_true",
        help="make the runs in one process, one after the other, without limits: for a debugger",
    )


def run(options: argparse.Namespace) -> int:
    """Verify, write the report, print, and give the exit status."""
    from pathlib import Path  # noqa: PLC0415 - see the room's docstring

    from gradproof.reporting.folders import check_writable  # noqa: PLC0415
    from gradproof.reporting.formats import check_formats  # noqa: PLC0415
    from gradproof.reporting.progress import make_progress  # noqa: PLC0415
    from gradproof.reporting.reading import read_report  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415
    from gradproof.scenarios.finding import find_scenarios  # noqa: PLC0415
    from gradproof.scenarios.gallery import GALLERY  # noqa: PLC0415
    from gradproof.verification import verify  # noqa: PLC0415

    _check_where(options)
    named = [*options.scenarios, *(GALLERY if options.gallery else ())]
    scenarios = find_scenarios(named or CATALOGUE)
    folder = Path(options.report)
    # Read before the runs, so that a wrong folder is told at once and the new report may replace it.
    baseline = read_report(Path(options.baseline)) if options.baseline is not None else None
    check_formats(options.formats)
    check_writable(folder)
    with _executor(options) as executor, make_progress() as progress:
        report = verify(
            scenarios,
            options.backends,
            options.dtypes,
            device=options.device,
            jobs=options.jobs or 0,
            progress=progress,
            baseline=baseline,
            strict=options.strict,
            limits=None if options.in_process else _limits(options),
            executor=executor,
            shard=options.shard,
        )
    return write_and_show("verify", report, options)


def _check_where(options: argparse.Namespace) -> None:
    """Refuse to make the runs in two places.

    Raises:
        InputError: a cluster is named, and another place, too.
    """
    from gradproof.errors import InputError  # noqa: PLC0415 - see the room's docstring

    other = "--in-process" if options.in_process else "--jobs" if options.jobs is not None else ""
    if options.cluster is not None and other:
        raise InputError(
            f"--cluster says where the runs are made, and so does {other}. Leave one of them out: a cluster "
            "makes as many runs side by side as it has threads."
        )


def _executor(options: argparse.Namespace) -> "AbstractContextManager[Executor | None]":
    from contextlib import nullcontext  # noqa: PLC0415 - see the room's docstring

    if options.cluster is None:
        return nullcontext()
    from gradproof.running.cluster import cluster  # noqa: PLC0415 - see the room's docstring

    return cluster(options.cluster)


def _limits(options: argparse.Namespace) -> "Limits":
    from gradproof.running.limits import Limits  # noqa: PLC0415 - see the room's docstring

    return Limits(options.time_limit, int(options.memory_limit * 2**30))

"""pytest hooks: runs as parameters of tests, and the report at the end of the session.

A test checks a gradient of its own with the fixture `gradproof`.
A test that asks for the fixture `gradproof_outcome` is run for every scenario × backend × variant × dtype;
the marker `gradproof_scenarios` names the scenarios, else they are the documents' own. This file holds
hooks alone and imports nothing of gradproof's at its top, so it costs a session that does not use it nothing.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradproof.plugin.checks import Checker
    from gradproof.verdicts.records import Outcome


_SETTINGS = {
    "backends": (
        "A,B/C",
        "backends, or variants of them (jax/eager, say), to run (default: gradproof's and third parties')",
    ),
    "device": (
        "DEVICE",
        "where PyTorch and JAX compute: cpu, cuda, cuda:1 (default: their choice); where it is not, a skip",
    ),
    "dtypes": ("A,B", "dtypes to run (default: float64,float32)"),
    "require": ("A,B", "backends that must be installed: their absence is a failure instead of a skip"),
    "report": ("FOLDER", "where the report is written, from the root folder (default: reports/latest)"),
    "formats": ("A,B", "what to write of the report (default: all that what is installed can write)"),
    "baseline": (
        "FOLDER",
        "an earlier report, from the root folder: the terminal summary tells what changed since",
    ),
    "time-limit": (
        "SECONDS",
        "stop a run after so long, and go on with the others (default: 3600; 0 for no limit)",
    ),
    "memory-limit": (
        "GIB",
        "stop a run that needs more memory, on Linux (default: what the machine has)",
    ),
}
"""What a session may choose, as an option, in pytest's ini file or in `[tool.gradproof]`: what stands for its
value, and what it does."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options `--gradproof-…`, and an entry of pytest's ini file for each that is a setting."""
    group = parser.getgroup("gradproof", "gradient verification")
    for name, (metavar, words) in _SETTINGS.items():
        group.addoption(f"--gradproof-{name}", metavar=metavar, help=words)
        parser.addini(f"gradproof_{name.replace('-', '_')}", f"--gradproof-{name}, where that is not given")
    group.addoption(
        "--gradproof-in-process",
        action="store_true",
        help="make the runs in pytest's own process, without limits: for a debugger",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, and read the baseline: a wrong folder is told before the tests."""
    from gradproof.plugin.parts import setting  # noqa: PLC0415 - imports nothing that costs time

    if setting(config, "baseline") and not hasattr(config, "workerinput"):
        from gradproof.plugin.session_report import read_baseline  # noqa: PLC0415 - only for those who use it

        read_baseline(config)
    config.addinivalue_line(
        "markers",
        "gradproof_scenarios(*scenarios): the Scenario objects, or names of the documents' scenarios, that a "
        "test with the fixture gradproof_outcome is run for",
    )
    config.addinivalue_line(
        "markers",
        "gradproof(points=12, seed=0, seeds=None, dtype='float64', learning_rate=None, conditions='tell', "
        "fixed=(), batches=None): how the fixture gradproof checks gradients in this test",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests with the fixture `gradproof_outcome` for every scenario × backend × variant × dtype."""
    if "gradproof_outcome" in metafunc.fixturenames:
        from gradproof.plugin.run_cases import parametrise  # noqa: PLC0415 - only for those who use it

        parametrise(metafunc)


@pytest.fixture(scope="session")
def gradproof_outcome(request: pytest.FixtureRequest) -> "Outcome":
    """What was judged of one scenario on one backend, variant and dtype.

    Assert on it with `gradproof.pytest_cases.assert_agrees`.
    """
    from gradproof.plugin.run_cases import obtain  # noqa: PLC0415 - only for those who use it

    return obtain(request.param, request.config)


@pytest.fixture
def gradproof(request: pytest.FixtureRequest) -> "Checker":
    """Checks gradients of your own.

    `gradproof.check(loss, gradient, params, batch)` fails the test if one is wrong. The marker `gradproof`
    chooses seeds and points.
    """
    from gradproof.plugin.checks import Checker  # noqa: PLC0415 - only for those who use it

    return Checker(request)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a test that is expected to fail that what it checked counts for nothing."""
    report = yield
    if hasattr(report, "wasxfail"):
        from gradproof.plugin.parts import expect_to_fail  # noqa: PLC0415 - only for those who use it

        expect_to_fail(item)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker where to leave its outcomes."""
    from gradproof.plugin.parts import parts_folder  # noqa: PLC0415 - only under xdist

    node.workerinput["gradproof_parts"] = str(parts_folder(node.config))


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Write the report of all outcomes, once, in the process that started the session."""
    yield
    config = session.config
    if hasattr(config, "workerinput") or not hasattr(config, "gradproof_parts"):
        return
    from gradproof.plugin.parts import removed_if_empty  # noqa: PLC0415 - only for those who use it

    if not removed_if_empty(config):
        from gradproof.errors import InputError  # noqa: PLC0415 - only where something was judged
        from gradproof.plugin.session_report import write_report  # noqa: PLC0415

        try:
            write_report(config)
        except InputError as error:
            # A report that is missing must not look like one that says that all is well.
            config.gradproof_told = [f"gradproof report: not written. {error}"]  # type: ignore[attr-defined]
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process that runs were made in."""
    if hasattr(config, "gradproof_executor"):
        config.gradproof_executor.shutdown(cancel_futures=True)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the report is, and what checks of tests' own gave."""
    for line in getattr(config, "gradproof_told", ()):
        terminalreporter.write_line(line)

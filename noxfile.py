"""The tests on each Python, with the oldest and the newest versions of what gradproof needs; their coverage.

`nox` runs what is at hand of it; `nox -s lowest` or `nox -s "tests-3.12"` one session. `make test` is what a
change must pass: this is the matrix around it.
"""

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PYTEST = ["pytest", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]

nox.options.default_venv_backend = "uv|venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lowest", "newest"]


def _install(session: nox.Session, *arguments: str) -> None:
    project = nox.project.load_toml("pyproject.toml")
    groups = nox.project.dependency_groups(project, "dev", "docs")
    session.install(*arguments, "-e", ".[all]", *groups)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests with the pinned versions."""
    _install(session, "--constraint", "constraints.txt")
    session.run(*PYTEST, *session.posargs)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """Run with the oldest versions that pyproject.toml allows; the test installs them."""
    _install(session, "--constraint", "constraints.txt")
    session.run("pytest", "-m", "slow", "tests/test_packaging.py", *session.posargs)


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """Run with the newest versions that there are."""
    _install(session, "--upgrade")
    session.run(*PYTEST, *session.posargs)


@nox.session(python=PYTHONS[0])
def coverage(session: nox.Session) -> None:
    """Measure which lines and branches the tests run; coverage/index.html shows those that they do not."""
    _install(session, "--constraint", "constraints.txt")
    session.install("pytest-cov")
    reports = ("--cov-report=html:coverage", "--cov-report=term:skip-covered")
    session.run(*PYTEST, "--cov", *reports, *session.posargs)  # pyproject.toml says of what, and how

"""Whatever ends a writer (a kill, a full disk), the report that was there or the new one is there, whole."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from whole_reports import whole

import gradproof as gp
from gradproof.errors import InputError
from gradproof.reporting import folders, writing

needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")

# Without the page, which takes the longest to make and is written as every other text.
HELPERS = Path(__file__).parents[1] / "helpers"
FORMATS = ("csv", "parquet", "markdown", "junit", "jsonl")

MAKING = f"""\
FORMATS = {FORMATS}
"""
MAKING += """\
import sys
sys.path.insert(0, sys.argv[3])
from gradproof.reporting import folders
from whole_reports import whole

if sys.argv[2] == "renamed":
    folders._exchange = lambda *_: False
"""

# Tells how long a write takes. Then, for each line that it reads, starts a process that writes two reports in
# turn, for ever, and tells its number. Forked, because starting Python each time would take most of the time.
WRITING = (
    MAKING
    + """\
import os, time

both = whole("A"), whole("B")
for report in both:  # the first imports what it needs
    begin = time.monotonic()
    report.write(sys.argv[1], FORMATS)
print(time.monotonic() - begin, flush=True)
for _ in sys.stdin:
    process = os.fork()
    if process:
        print(process, flush=True)
        os.waitpid(process, 0)
        print("ended", flush=True)
    while not process:
        for report in both:
            report.write(sys.argv[1], FORMATS)
"""
)

# For each line of folders.py that is passed: writes A into a folder, then starts a process that replaces it
# by B and is killed at this line. Prints, as JSON, per line what is in the folder and what is beside it.
KILLED_AT_EVERY_LINE = """\
import json, os, signal, sys
from pathlib import Path
from gradproof.reporting import folders

if sys.argv[2] == "renamed":
    folders._exchange = lambda *_: False
os.fsync = lambda _: None  # a kill takes nothing from the system's memory
target = Path(sys.argv[1])


def write(text):
    with folders.replacing(target) as temporary:
        for name in ("runs.csv", "summary.md"):
            (temporary / name).write_text(text)


def killed_at(last):
    passed = 0

    def trace(frame, event, argument):
        nonlocal passed
        if frame.f_code.co_filename != folders.__file__:
            return None
        passed += event == "line"
        if passed == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    process = os.fork()
    if process == 0:
        sys.settrace(trace)
        write("B")
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


killed, line = True, 0
while killed:
    line += 1
    write("A")
    assert list(target.parent.iterdir()) == [target]
    killed = killed_at(line)
    beside = [path.suffix for path in target.parent.iterdir() if path != target]
    gone = not target.exists()
    folders.put_back(target)
    texts = [path.read_text() for path in target.iterdir()]
    print(json.dumps({"killed": killed, "texts": texts, "beside": beside, "gone": gone}), flush=True)
"""


def start(script: str, target: Path, way: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, target, way, str(HELPERS)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def assert_whole(folder: Path) -> str:
    """Every file is the one that the manifest tells of, and there is no other; gives the report's mark."""
    report = gp.read_report(folder)  # puts back what may have been left aside
    described = json.loads((folder / "report.json").read_text("utf-8"))["files"]
    assert {path.name for path in folder.iterdir()} == {*described, "report.json"}
    for name, record in described.items():
        data = (folder / name).read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (record["bytes"], record["sha256"]), name
    mark = report.environment["mark"]
    for name, column in (("gradients", "scenario"), ("runs", "reason"), ("claims", "text")):
        assert set(report.frames[name][column]) == {mark}
    return str(mark)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    ("way", "kills"),
    [("exchanged", 40), ("renamed", 20)],
)
def test_a_writer_that_is_killed_at_any_moment_leaves_one_report_whole(
    way: str, kills: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "renamed":
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    moments = random.Random(20)  # noqa: S311 - no secret
    target, cut_short, marks = tmp_path / "latest", 0, []
    writing_process = start(WRITING, target, way)
    commands, told = writing_process.stdin, writing_process.stdout
    assert commands is not None
    assert told is not None
    seconds = float(told.readline())
    for kill in range(kills):
        commands.write("write\n")
        commands.flush()
        process = int(told.readline())
        # Spread over the time that a write takes, from its first moment to after its last.
        time.sleep((kill + moments.random()) / kills * 1.1 * seconds)
        os.kill(process, signal.SIGKILL)
        assert told.readline() == "ended\n"
        cut_short += any(path != target for path in tmp_path.iterdir())
        marks.append(assert_whole(target))
        whole("C").write(target, FORMATS)
        assert assert_whole(target) == "C"
        assert list(tmp_path.iterdir()) == [target]
    writing_process.communicate()
    assert cut_short, "no kill has hit a write"
    assert "C" in marks, "no kill was before the end of a write"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("way", ["exchanged", "renamed"])
def test_a_writer_that_is_killed_at_any_line_leaves_one_folder_whole(way: str, tmp_path: Path) -> None:
    target = tmp_path / "latest"
    process = start(KILLED_AT_EVERY_LINE, target, way)
    output, _ = process.communicate()
    assert process.returncode == 0
    lines = [json.loads(line) for line in output.splitlines()]
    assert len(lines) > 50
    assert [line["killed"] for line in lines] == [True] * (len(lines) - 1) + [False]
    # Up to some line all is old, and from then on all is new.
    turn = [line["texts"] for line in lines].index(["B", "B"])
    assert [line["texts"] for line in lines] == [["A", "A"]] * turn + [["B", "B"]] * (len(lines) - turn)
    assert turn > 0
    assert any(".tmp" in line["beside"] for line in lines)
    # Only between the two renames is there no folder at all.
    assert any(line["gone"] for line in lines) is (way == "renamed")
    assert all(".old" in line["beside"] for line in lines if line["gone"])
    assert list(tmp_path.iterdir()) == [target]


VERIFY = ("verify", "line_fit", "--backends", "reference", "--jobs", "1", "--report")


def processes_with(variable: str) -> list[int]:
    """Which processes have an environment variable, by which those of this test are known."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is somebody else's
            if variable.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


@pytest.mark.slow
@needs_signals
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="tells processes from /proc")
def test_the_command_killed_at_any_moment_leaves_the_older_report_or_its_own_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, moments, kills = tmp_path / "latest", random.Random(4), 100  # noqa: S311 - no secret
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    mark = f"GRADPROOF_TEST={tmp_path}"
    monkeypatch.setenv(*mark.split("=", 1))
    command = [sys.executable, "-m", "gradproof", *VERIFY, target]
    begin = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    seconds = time.monotonic() - begin
    for kill in range(kills):
        whole("C").write(target)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep((kill + moments.random()) / kills * seconds)
        process.kill()
        process.communicate()
        report = gp.read_report(target)
        if "mark" in report.environment:
            assert assert_whole(target) == "C"
        else:
            assert set(report.runs["scenario"]) == {"line_fit"}
        end = time.monotonic() + 5
        while (left := [*set(processes_with(mark)) - {os.getpid()}, *temporary.iterdir()]) and (
            time.monotonic() < end
        ):
            time.sleep(0.1)
        assert not left
    whole("C").write(target)
    assert {*tmp_path.iterdir()} == {target, temporary}


# Full disks.

LIMITED = """\
import resource, sys
from gradproof import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(cli.main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_runs_whose_output_has_no_room_are_told_in_one_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, "0", *VERIFY, tmp_path / "latest"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "There is no folder for what runs print" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
@pytest.mark.parametrize("limit", [0, 1_000, 10_000])
def test_the_command_on_a_disk_that_takes_no_more(limit: int, tmp_path: Path) -> None:
    """The system itself refuses to make a file larger, in the first, a middle and one of the last files."""
    target = tmp_path / "latest"
    whole("C").write(target)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *VERIFY[:-1], "--in-process", "--report", target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        f"gradproof: {target} cannot be written: file too large. Give another folder, or free this one."
    )
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert assert_whole(target) == "C"
    assert list(tmp_path.iterdir()) == [target]


def after(calls: int, real: Callable[..., Any], number: int) -> Callable[..., Any]:
    """A function that works a few times, and then the system refuses."""
    left = iter(range(calls))

    def failing(*arguments: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    return failing


@pytest.mark.parametrize(
    ("calls", "number"),
    [
        *((calls, errno.ENOSPC) for calls in (0, 7)),
        *(pytest.param(calls, errno.ENOSPC, marks=pytest.mark.slow) for calls in (1, 20)),
        *(pytest.param(7, number, marks=pytest.mark.slow) for number in (errno.EIO, errno.EDQUOT)),
    ],
)
@pytest.mark.parametrize("place", [(writing.os, "fsync"), (Path, "open")], ids=["fsync", "open"])
def test_a_disk_that_fails_somewhere(
    place: tuple[Any, str], calls: int, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "latest"
    whole("A").write(target, FORMATS)
    new = whole("B")
    with monkeypatch.context() as patched:
        patched.setattr(*place, after(calls, getattr(*place), number))
        with pytest.raises(InputError, match=os.strerror(number)[1:]):
            new.write(target, FORMATS)
    assert assert_whole(target) == "A"
    assert list(tmp_path.iterdir()) == [target]
    whole("B").write(target, FORMATS)
    assert assert_whole(target) == "B"

"""What is left of a folder where replacing it fails, is killed, or is done by many at once."""

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from written_folders import NEW, OLD, cannot_exchange, everything_below, fill, replace, texts, with_a_note

from gradproof.errors import InputError
from gradproof.reporting import folders
from gradproof.reporting.folders import put_back, replacing


def disk_full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupted(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(("failing", "raised"), [(disk_full, InputError), (interrupted, KeyboardInterrupt)])
@pytest.mark.parametrize("there", [True, False], ids=["replaced", "new"])
@pytest.mark.parametrize(
    "place",
    [
        (folders.os, "fsync"),
        (folders.secrets, "token_hex"),
        (folders, "_take_place"),
        (Path, "mkdir"),
    ],
    ids=lambda place: place[1],
)
def test_a_failure_halfway_leaves_what_was_there_and_nothing_beside_it(
    place: tuple[Any, str],
    there: bool,
    failing: Callable[..., Any],
    raised: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "latest"
    if there:
        fill(target)
    before = everything_below(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(*place, failing)
        with pytest.raises(raised):
            replace(target)
    assert everything_below(tmp_path) == before
    replace(target)
    assert texts(target) == {NEW}


@pytest.mark.parametrize("fails_at", [0, 1])
def test_a_rename_that_fails_leaves_the_old_folder_in_its_place(
    fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = fill(tmp_path / "latest")
    before = everything_below(tmp_path)
    rename, calls = Path.rename, iter(range(100))

    def failing(self: Path, other: Path) -> Path:
        return disk_full() if next(calls) == fails_at else rename(self, other)

    with monkeypatch.context() as patched:
        patched.setattr(folders, "_exchange", cannot_exchange)
        patched.setattr(Path, "rename", failing)
        with pytest.raises(InputError, match="no space left"):
            replace(target)
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
@pytest.mark.skipif(sys.platform != "linux", reason="the call is Linux's")
def test_where_names_cannot_be_exchanged_they_are_renamed(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Library:
        @staticmethod
        def renameat2(*_: Any) -> int:
            return -1

    monkeypatch.setattr(folders.ctypes, "CDLL", lambda *_, **__: Library)
    monkeypatch.setattr(folders.ctypes, "get_errno", lambda: number)
    assert folders._exchange(tmp_path, tmp_path) is False
    replace(fill(tmp_path / "latest"))
    assert texts(tmp_path / "latest") == {NEW}
    monkeypatch.setattr(folders.ctypes, "get_errno", lambda: errno.EACCES)
    with pytest.raises(InputError, match="permission denied"):
        replace(tmp_path / "latest", OLD)


# What killed processes leave.


def test_a_folder_that_was_left_aside_is_put_back(tmp_path: Path) -> None:
    fill(tmp_path / ".latest.01234567.old")
    assert put_back(tmp_path / "latest") == tmp_path / "latest"
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]
    assert texts(tmp_path / "latest") == {OLD}


def test_the_newest_is_put_back_and_the_others_are_removed_by_the_next_writer(tmp_path: Path) -> None:
    for name, age in (("01234567", 100), ("12345678", 10), ("23456789", 1000)):
        folder = fill(tmp_path / f".latest.{name}.old", name)
        os.utime(folder, (folder.stat().st_mtime - age,) * 2)
    put_back(tmp_path / "latest")
    assert texts(tmp_path / "latest") == {"12345678"}
    replace(tmp_path / "latest")
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


def test_nothing_is_put_in_the_place_of_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path / ".latest.01234567.old", "older")
    fill(tmp_path / "latest")
    put_back(tmp_path / "latest")
    assert texts(tmp_path / "latest") == {OLD}


@pytest.mark.parametrize(
    "name", [".latest.x.01234567.old", ".latest.old", "latest.01234567.old", ".other.01234567.old"]
)
def test_another_folders_are_not_put_back(name: str, tmp_path: Path) -> None:
    fill(tmp_path / name)
    put_back(tmp_path / "latest")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_was_abandoned_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    fill(tmp_path / ".latest.01234567.tmp")
    fill(tmp_path / ".latest.01234567.old")
    (tmp_path / ".latest.12345678.tmp").mkdir()
    replace(tmp_path / "latest")
    assert [path.name for path in tmp_path.iterdir()] == ["latest"]


@pytest.mark.parametrize(
    "name", [".latest.x.01234567.tmp", ".latest.tmp", "latest.01234567.tmp", ".latest.0123456z.tmp"]
)
def test_what_is_not_called_so_is_kept(name: str, tmp_path: Path) -> None:
    fill(tmp_path / name)
    replace(tmp_path / "latest")
    assert texts(tmp_path / name) == {OLD}


def test_what_somebody_put_into_an_abandoned_folder_is_kept(tmp_path: Path) -> None:
    folder = fill(tmp_path / ".latest.01234567.tmp")
    with_a_note(folder)
    before = everything_below(folder)
    replace(tmp_path / "latest")
    assert everything_below(folder) == before


def test_what_is_being_written_is_not_taken_for_abandoned(tmp_path: Path) -> None:
    target = tmp_path / "latest"
    with replacing(target) as first:
        fill(first, "first")
        with replacing(target) as second:
            fill(second, "second")
        assert texts(target) == {"second"}
        assert texts(first) == {"first"}
    assert texts(target) == {"first"}
    assert list(tmp_path.iterdir()) == [target]


@contextmanager
def without_locks(_: Path) -> Iterator[None]:
    yield None


@pytest.mark.parametrize(("age", "kept"), [(0, True), (3000, True), (4000, False)])
def test_without_locks_an_hour_decides(
    age: float, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_lock", without_locks)
    folder = fill(tmp_path / ".latest.01234567.tmp")
    os.utime(folder, (folder.stat().st_mtime - age,) * 2)
    replace(tmp_path / "latest")
    assert folder.exists() is kept


@pytest.mark.usefixtures("way")
def test_what_appears_in_the_old_folder_while_the_new_one_is_made_is_kept(tmp_path: Path) -> None:
    target = fill(tmp_path / "latest")
    with replacing(target) as temporary:
        fill(temporary, NEW)
        with_a_note(target)
    assert (target / "notes.txt").read_text("utf-8") == "mine"
    assert (target / "runs.csv").read_text("utf-8") == NEW
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("way")
def test_many_writers_and_readers_at_once(tmp_path: Path) -> None:
    """Each reader finds a folder that one writer has written whole; the last one stays, alone."""
    target, failures = tmp_path / "latest", []

    def write(number: int) -> None:
        for turn in range(10):
            try:
                replace(target, f"{number} {turn}")
            except InputError as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(texts(target)) == 1
    replace(target)
    assert list(tmp_path.iterdir()) == [target]

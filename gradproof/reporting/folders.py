"""Replacing a folder as a whole: who looks at it finds all of the old files or all of the new ones.

The new files go into a folder of their own beside the target (`.NAME.XXXXXXXX.tmp`). When all of them are on
the disk, the two folders change places in one step: Linux and macOS can exchange two names atomically. The
old folder, which then has the temporary name, is removed. A target that is not there is made by a rename.

Where names cannot be exchanged (other systems, some network file systems), the old folder is renamed aside
(`.NAME.XXXXXXXX.old`) and the new one takes its place. A process that is killed between these two renames
leaves the target missing and the old folder aside; the next one that reads or writes the target puts it back.

A writer holds a lock on its temporary folder. The system releases it when the process ends, however it ends,
so the next writer can tell a folder that was left behind from one that is being written, and removes it.
"""

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from gradproof.errors import InputError
from gradproof.files import check_file, read_bytes
from gradproof.reporting.columns import MOST_BYTES
from gradproof.reporting.manifest import MANIFEST, FileRecord, Manifest, known_files, read_manifest, record_of

if sys.platform != "win32":
    import fcntl

_TRIES = 100
_ABANDONED_SECONDS = 3600.0


def check_writable(folder: Path) -> None:
    """Raise InputError unless a report can be written to a folder, as far as that can be known beforehand.

    Called before a long run, so that it does not end in a report that cannot be written. It makes the
    folder's parents, and changes nothing in the folder.

    Raises:
        InputError: the folder holds files that no report wrote, is the current folder or a mount point, or it
            or the folder around it cannot be written.
    """
    target = check_replaceable(folder)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked_sibling(target) as temporary:
            temporary.rmdir()
    except OSError as error:
        raise _cannot_write(folder, error) from error


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write files into, which takes the place of `folder` if all goes well.

    If the block raises, or the process ends, `folder` stays as it was. Folders that killed processes left are
    removed.

    Raises:
        InputError: as `check_writable`; or the files cannot be written, for a full disk, say.
    """
    check_writable(folder)
    target = put_back(folder)
    _remove_abandoned(target)
    try:
        with _locked_sibling(target) as temporary:
            try:
                yield temporary
                _synchronise(temporary)
                old = _take_place(temporary, target)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
            _synchronise(target.parent)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if old is not None:
        _retire(old, target)


def put_back(folder: Path) -> Path:
    """Give the real path of a folder, and put it back if a killed process left it aside."""
    try:
        target = Path(os.path.realpath(folder))
    except ValueError as error:  # a NUL in it
        raise InputError(f"{str(folder)!r} cannot be the name of a folder. Give another folder.") from error
    if not os.path.lexists(target):
        # The newest first, should there be several.
        for aside in sorted(_siblings(target, "old"), key=_age):
            with contextlib.suppress(OSError):  # somebody else was faster
                aside.rename(target)
                break
    return target


def foreign_entries(folder: Path) -> list[str]:
    """List what a folder holds that no report wrote: subfolders, links, and files that its manifest lacks.

    A manifest may name what it likes: a file of another name than a report's files have is a report's (that
    another version of gradproof wrote) only if it is called after one of them, and is what the manifest says.
    Without a manifest (older versions wrote none) a file is taken for a report's by its name.

    Raises:
        OSError: the folder cannot be read.
    """
    own = known_files()
    with contextlib.suppress(InputError):
        own = _own(folder, read_manifest(folder))
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.name not in own or not e.is_file(follow_symlinks=False))


def _own(folder: Path, manifest: Manifest) -> set[str]:
    known = known_files()
    stems = {Path(name).stem for name in known}
    other = {name for name in manifest.files.keys() - known if Path(name).stem in stems}
    kept = {name for name in other if _is_written(folder / name, manifest.files[name])}
    return (known & {*manifest.files, MANIFEST}) | kept


def _is_written(path: Path, record: FileRecord) -> bool:
    try:
        return (
            check_file(path, MOST_BYTES) == record.bytes and record_of(read_bytes(path, MOST_BYTES)) == record
        )
    except (OSError, InputError):
        return False


def check_replaceable(folder: Path) -> Path:
    """Raise InputError if something stands in the place of a report that a report may not replace.

    Returns:
        the real path of the folder.

    Raises:
        InputError: as `check_writable`.
    """
    target = put_back(folder)
    try:
        found = target.stat()
        in_the_way = _place(found, target) or _foreign(target)
        is_locked = not os.access(target, os.W_OK | os.X_OK)  # also true of what was just moved away
        replaced_meanwhile = not os.path.samestat(found, target.stat())
        if is_locked and not replaced_meanwhile:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (FileNotFoundError, NotADirectoryError):
        return target  # nothing is there, or another writer is just replacing it
    except OSError as error:
        raise _cannot_write(folder, error) from error
    if in_the_way and not replaced_meanwhile:
        raise InputError(f"{folder} {in_the_way}")
    return target


def _place(found: os.stat_result, target: Path) -> str:
    if not stat.S_ISDIR(found.st_mode):
        return "cannot be written: it is no folder. Give another folder, or free this one."
    if os.path.samestat(found, os.stat(os.curdir)):  # noqa: PTH116 - Path.cwd() fails in a removed folder
        return "is the current folder, which a report cannot replace. Give a folder inside it."
    if target.is_mount():
        return "is a mount point, which a report cannot replace. Give a folder inside it."
    return ""


def _foreign(target: Path) -> str:
    foreign = foreign_entries(target)
    if not foreign:
        return ""
    others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
    return (
        f"holds {foreign[0]!r}{others}, which no report wrote, and a report would replace the whole folder. "
        f"Give another folder, or move these files away."
    )


def _take_place(temporary: Path, target: Path) -> Path | None:
    """Put a folder in the place of another, and tell where the other one is; None if there was none."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError, FileExistsError):  # another writer was faster
            if not target.exists():
                with _told_as_existing():
                    temporary.rename(target)
                return None
            temporary.chmod(target.stat().st_mode & 0o7777)
            if _exchange(temporary, target):
                return temporary
            return _move_aside(temporary, target)
    raise FileExistsError(errno.EEXIST, "other processes write it again and again")


def _move_aside(temporary: Path, target: Path) -> Path:
    aside = _free_sibling(target, "old")
    target.rename(aside)
    try:
        with _told_as_existing():
            temporary.rename(target)
    except BaseException:
        with contextlib.suppress(OSError):  # another writer has put its own there
            aside.rename(target)
        raise
    return aside


@contextmanager
def _told_as_existing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        raise


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two names atomically; False where the system or the file system cannot."""
    paths = os.fsencode(one), os.fsencode(other)
    if sys.platform == "win32":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        at_current_folder, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        status = library.renameat2(at_current_folder, paths[0], at_current_folder, paths[1], exchange)
    elif sys.platform == "darwin" and hasattr(library, "renamex_np"):
        swap = 2  # RENAME_SWAP
        status = library.renamex_np(*paths, swap)
    else:
        return False
    number = ctypes.get_errno()
    if status == 0:
        return True
    if number in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}:
        return False
    raise OSError(number, os.strerror(number))


def _retire(old: Path, target: Path) -> None:
    """Remove the folder that was replaced; what somebody put there meanwhile is kept in the new one."""
    with contextlib.suppress(OSError):  # what is left here, the next writer removes
        for name in foreign_entries(old):
            if not os.path.lexists(target / name):
                (old / name).rename(target / name)
    _remove_report(old)


def _remove_report(folder: Path) -> None:
    """Remove a folder with what a report may hold, and leave it if it holds anything else."""
    with contextlib.suppress(OSError):  # another process may be removing it, too
        if not foreign_entries(folder):
            shutil.rmtree(folder)


def _remove_abandoned(target: Path) -> None:
    for folder in [*_siblings(target, "tmp"), *_siblings(target, "old")]:
        with contextlib.suppress(OSError), _lock(folder) as locked:
            if locked or (locked is None and _age(folder) > _ABANDONED_SECONDS):
                _remove_report(folder)


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@contextmanager
def _locked_sibling(target: Path) -> Iterator[Path]:
    for _ in range(_TRIES):
        folder = _free_sibling(target, "tmp")
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            try:
                locked = stack.enter_context(_lock(folder))
            except FileNotFoundError:
                continue  # before it was locked, another writer took it for abandoned
            if locked is not False and folder.exists():
                yield folder
                return
    raise FileExistsError(errno.EEXIST, "other processes write it again and again")


@contextmanager
def _lock(folder: Path) -> Iterator[bool | None]:
    """Lock a folder and tell whether that worked; False if another has the lock, None if none can be had."""
    if sys.platform == "win32":
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked: bool | None = True
        except BlockingIOError:
            locked = False
        except OSError:  # a file system without locks
            locked = None
        yield locked
    finally:
        os.close(descriptor)


def _synchronise(folder: Path) -> None:
    """Bring the names in a folder onto the disk; Windows has no such call."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stem(target: Path) -> str:
    name = target.name
    # A name may have 255 bytes, and the sibling's is longer.
    return name if len(os.fsencode(name)) <= 200 else sha256(os.fsencode(name)).hexdigest()


def _free_sibling(target: Path, ending: str) -> Path:
    return target.with_name(f".{_stem(target)}.{secrets.token_hex(4)}.{ending}")


def _cannot_write(folder: Path, error: OSError) -> InputError:
    reason = error.strerror or str(error)
    return InputError(
        f"{folder} cannot be written: {reason[:1].lower()}{reason[1:]}. "
        f"Give another folder, or free this one."
    )


def _siblings(target: Path, ending: str) -> list[Path]:
    pattern = re.compile(rf"\.{re.escape(_stem(target))}\.[0-9a-f]{{8}}\.{ending}")
    try:
        names = os.listdir(target.parent)  # noqa: PTH208 - names are what is compared
    except OSError:
        return []  # no folder, no siblings; writing tells what is wrong with it
    return [target.parent / name for name in names if pattern.fullmatch(name)]

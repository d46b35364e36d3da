"""A folder is replaced as a whole or not at all, and only if a report wrote all that it holds."""

import json
import os
import re
import stat
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from written_folders import NEW, OLD, everything_below, fill, replace, texts, with_a_note

from gradproof.errors import InputError
from gradproof.reporting import folders
from gradproof.reporting.columns import SCHEMA
from gradproof.reporting.folders import check_replaceable, check_writable, put_back


def test_this_system_exchanges_names(tmp_path: Path) -> None:
    """Else the tests of the one way would test the other."""
    fill(tmp_path / "a", OLD)
    fill(tmp_path / "b", NEW)
    assert folders._exchange(tmp_path / "a", tmp_path / "b") is (sys.platform in {"linux", "darwin"})
    assert texts(tmp_path / "a") == {NEW}
    assert texts(tmp_path / "b") == {OLD}


@pytest.mark.usefixtures("way")
def test_a_folder_is_made_with_its_parents_and_then_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "latest"
    for text in (OLD, NEW):
        replace(target, text)
        assert texts(target) == {text}
        assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("way")
def test_an_empty_folder_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    replace(tmp_path / "latest")
    assert texts(tmp_path / "latest") == {NEW}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.usefixtures("way")
def test_where_a_link_leads_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    fill(tmp_path / "elsewhere" / "real")
    (tmp_path / "latest").symlink_to("elsewhere/real")
    replace(tmp_path / "latest")
    assert (tmp_path / "latest").is_symlink()
    assert texts(tmp_path / "elsewhere" / "real") == {NEW}
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_the_permissions_are_the_usual_ones_or_those_that_were_there(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        replace(tmp_path / "latest")
        assert stat.S_IMODE((tmp_path / "latest").stat().st_mode) == 0o755
        assert stat.S_IMODE((tmp_path / "latest" / "runs.csv").stat().st_mode) == 0o644
        (tmp_path / "latest").chmod(0o2775)
        replace(tmp_path / "latest")
        assert stat.S_IMODE((tmp_path / "latest").stat().st_mode) == 0o2775
    finally:
        os.umask(previous)


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127, "n" * 201, ".latest", "la test\n", "[a-z]*", "a.tmp"])
@pytest.mark.usefixtures("way")
def test_a_folder_of_any_name_is_replaced(name: str, tmp_path: Path) -> None:
    for text in (OLD, NEW):
        replace(tmp_path / name, text)
    assert texts(tmp_path / name) == {NEW}
    assert [path.name for path in tmp_path.iterdir()] == [name]


# What is refused.


def with_a_folder(folder: Path) -> None:
    (folder / "updates.csv").mkdir()


def with_a_link(folder: Path) -> None:
    (folder / "updates.csv").symlink_to("runs.csv")


def with_a_file_that_the_manifest_lacks(folder: Path) -> None:
    (folder / "updates.csv").write_text("mine", encoding="utf-8")
    record = {"bytes": len(OLD), "sha256": sha256(OLD.encode()).hexdigest()}
    manifest = {
        "schema": SCHEMA,
        "gradproof": "0",
        "time": "",
        "ok": True,
        "files": dict.fromkeys(("summary.md", "runs.csv"), record),
        "not_written": {},
    }
    (folder / "report.json").write_text(json.dumps(manifest), encoding="utf-8")


FOREIGN = {
    "another file": (with_a_note, "notes.txt"),
    "a folder": (with_a_folder, "updates.csv"),
    "a link": (with_a_link, "updates.csv"),
    "a file that the manifest lacks": (with_a_file_that_the_manifest_lacks, "updates.csv"),
}


@pytest.mark.parametrize(("add", "name"), FOREIGN.values(), ids=FOREIGN)
def test_a_folder_with_what_no_report_wrote_is_refused(
    add: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    target = fill(tmp_path / "latest")
    add(target)
    before = everything_below(tmp_path)
    for refused in (check_replaceable, check_writable, replace):
        with pytest.raises(InputError, match=rf"latest holds '{name}', which no report wrote.*Give another"):
            refused(target)
    assert everything_below(tmp_path) == before


def test_what_a_manifest_lists_may_have_any_name(tmp_path: Path) -> None:
    """Another version of gradproof may have written it."""
    target = fill(tmp_path / "latest")
    with_a_file_that_the_manifest_lacks(target)
    text = (target / "report.json").read_text("utf-8").replace("runs.csv", "runs.xls")
    (target / "report.json").write_text(text, encoding="utf-8")
    for name in ("updates.csv", "runs.csv"):
        (target / name).unlink()
    (target / "runs.xls").write_text(OLD, encoding="utf-8")
    replace(target)
    assert texts(target) == {NEW}


@pytest.mark.parametrize("name", ["thesis.odt", "runs", "runs.tar.gz", "report.json.bak", "a.csv"])
def test_a_file_of_the_users_is_kept_although_a_manifest_names_it(tmp_path: Path, name: str) -> None:
    """Also with its hash; and a file that is called as another version's would be, with another's."""
    for hashed in (OLD, "the user's"):
        target = fill(tmp_path / hashed / "latest")
        with_a_file_that_the_manifest_lacks(target)
        (target / "updates.csv").unlink()
        text = (target / "report.json").read_text("utf-8")
        described = json.loads(text)
        record = {"bytes": len(hashed), "sha256": sha256(hashed.encode()).hexdigest()}
        described["files"][name] = record
        (target / "report.json").write_text(json.dumps(described), encoding="utf-8")
        (target / name).write_text("the user's", encoding="utf-8")
        if name == "runs" and hashed == "the user's":
            continue  # called after a report's file, and what the manifest says
        with pytest.raises(InputError, match=rf"holds '{re.escape(name)}', which no report wrote"):
            replace(target)
        assert (target / name).read_text("utf-8") == "the user's"


def test_the_current_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "latest")
    monkeypatch.chdir(tmp_path / "latest")
    for folder in (Path(), Path("../latest"), tmp_path / "latest"):
        with pytest.raises(InputError, match=r"is the current folder.*Give a folder inside it"):
            replace(folder)
    assert texts(tmp_path / "latest") == {OLD}


def test_a_mount_point_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = fill(tmp_path / "latest")
    monkeypatch.setattr(Path, "is_mount", lambda self: self == target)
    with pytest.raises(InputError, match=r"latest is a mount point.*Give a folder inside it"):
        replace(target)
    assert texts(target) == {OLD}


def test_a_real_mount_point_is_refused() -> None:
    with pytest.raises(InputError, match=r"is a mount point|holds '"):
        check_replaceable(Path("/"))


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text(OLD, encoding="utf-8")
    return folder / "file" / "reports"


def in_the_place_of_a_file(folder: Path) -> Path:
    (folder / "file").write_text(OLD, encoding="utf-8")
    return folder / "file"


def below_a_read_only_folder(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write into read-only folders")
    fill(folder / "latest")
    folder.chmod(0o555)
    return folder / "latest"


def read_only(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write into read-only folders")
    fill(folder / "latest").chmod(0o555)
    return folder / "latest"


def without_a_device(folder: Path) -> Path:
    del folder
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc is Linux's")
    return Path("/proc/reports")  # no user may make a folder there


def a_link_to_itself(folder: Path) -> Path:
    (folder / "latest").symlink_to("latest")
    return folder / "latest"


def a_name_that_is_too_long(folder: Path) -> Path:
    return folder / ("n" * 256)


BLOCKED = {
    "below a file": below_a_file,
    "in the place of a file": in_the_place_of_a_file,
    "below a read-only folder": below_a_read_only_folder,
    "read-only": read_only,
    "no folder can be made": without_a_device,
    "a link to itself": a_link_to_itself,
    "a name that is too long": a_name_that_is_too_long,
}


@pytest.mark.parametrize("block", BLOCKED.values(), ids=BLOCKED)
def test_a_folder_that_cannot_be_written_is_told(block: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = block(tmp_path)
    before = everything_below(tmp_path)
    for refused in (check_writable, replace):
        with pytest.raises(InputError, match=r"cannot be written: .*Give another folder") as caught:
            refused(folder)
        assert str(folder) in str(caught.value)
    assert everything_below(tmp_path) == before


def test_a_name_that_no_folder_can_have_is_told(tmp_path: Path) -> None:
    for refused in (check_replaceable, check_writable, replace, put_back):
        with pytest.raises(InputError, match=r"a\\x00b' cannot be the name of a folder\. Give another"):
            refused(tmp_path / "a\0b")


def test_what_can_be_written_is_not_changed_by_the_check(tmp_path: Path) -> None:
    target = fill(tmp_path / "there")
    before = everything_below(tmp_path)
    check_writable(target)
    assert everything_below(tmp_path) == before
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a").iterdir()) == []

"""Parts of a verification: together they are the whole, and nothing less passes for it."""

import re
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

import gradproof as gp
from gradproof import cli
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.shard import Shard
from gradproof.running.splitting import Group, groups_of
from gradproof.scenarios import line_fit, neuron_chain

SECONDS = ["compiling_seconds", "training_seconds", "seconds_per_step", "judging_seconds"]


def wrong(name="wrong", factor=1.0):
    def gradient(params, batch):
        return {"w": factor * np.sum(params["w"] * batch["x"] ** 2)}  # half of the true one

    return gp.Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
        gradient=gradient,
        params={"w": np.array(1.0)},
        batch={"x": np.array([1.0, 2.0])},
        training=gp.GradientDescent(0.01, 4),
        predict=lambda _, params, batch: params["w"] * batch["x"],
        claims=[gp.value_claim("loss", "the loss is 5", "page 1", "5")],
    )


SCENARIOS = [
    replace(neuron_chain(), training=gp.GradientDescent(0.01, 3)),
    wrong(),
    replace(line_fit(), training=gp.GradientDescent(0.01, 20)),
]


def verified(scenarios=SCENARIOS, **options):
    return gp.verify(scenarios, ["torch", "reference"], limits=None, **options)


@pytest.fixture(scope="module")
def whole():
    return verified()


@pytest.fixture(scope="module")
def thirds():
    return [verified(shard=f"{part}/3") for part in (1, 2, 3)]


def assert_same(one, other):
    for name in COLUMNS:
        first, second = (
            report.frames[name].drop(columns=SECONDS, errors="ignore") for report in (one, other)
        )
        pd.testing.assert_frame_equal(first, second, obj=name)
    assert {**one.environment, "time": 0} == {**other.environment, "time": 0}
    assert one.ok == other.ok


@pytest.mark.parametrize("parts", [1, 2, 6])
def test_the_parts_are_the_whole(parts, whole):
    assert_same(whole, gp.merge([verified(shard=f"{part}/{parts}") for part in range(1, parts + 1)]))


def test_their_order_does_not_matter_nor_that_they_were_written(whole, thirds, tmp_path):
    written = [part.write(tmp_path / str(number)) for number, part in enumerate(reversed(thirds))]
    assert_same(whole, gp.merge([gp.read_report(folder) for folder in written]))


def test_a_part_claims_nothing_of_the_others(whole, thirds):
    rows = [set(part.runs[["scenario", "dtype"]].itertuples(index=False, name=None)) for part in thirds]
    assert all(rows)
    assert not any(one & other for one, other in product(rows, rows) if one is not other)
    for part, own in zip(thirds, rows, strict=True):
        assert set(part.findings["scenario"]) <= {scenario for scenario, _ in own}
    assert sum(len(part.claims) for part in thirds) == len(whole.claims)


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_every_report_for_people_says_which_part_it_is(format, whole, thirds, tmp_path):  # noqa: A002
    file = {"markdown": "summary.md", "html": "index.html"}[format]
    text = (thirds[1].write(tmp_path / "report", [format]) / file).read_text("utf-8")
    assert f"This is part 2 of 3, with {len(thirds[1].runs)} of {len(whole.runs)} runs" in text
    text = (gp.merge(thirds).write(tmp_path / "report", [format]) / file).read_text("utf-8")
    assert "This is part" not in text


@pytest.mark.parametrize(("parts", "count"), [(1, 8), (3, 8), (7, 8), (16, 8), (3, 1)])
def test_each_group_is_in_one_part_and_none_is_empty(parts, count):
    scenarios = [replace(wrong(f"s{n}"), training=gp.GradientDescent(0.1, 10**n)) for n in range(count)]
    dtypes = ["float64", "float32"] if count > 1 else ["float64", "float32", "float16"]
    split = [groups_of(scenarios, dtypes, part, parts) for part in range(1, parts + 1)]
    assert all(split)
    assert sorted(group for part in split for group in part) == sorted(
        Group(each.name, dtype) for each in scenarios for dtype in dtypes
    )
    assert split == [groups_of(scenarios, dtypes, part, parts) for part in range(1, parts + 1)]


def test_a_crowd_of_parts_is_refused():
    with pytest.raises(gp.InputError, match=r"7 parts were asked for.*there are 6\. Ask for 6"):
        verified(shard="7/7")


# -------------------------------------------------------------------- what is no whole


def changed(report, **entries):
    """A report whose environment tells otherwise."""
    return gp.Report(report.frames, {**report.environment, **entries})


def shard_of(report, **entries):
    return changed(report, shard={**report.environment["shard"], **entries})


def packages(report):
    return {**report.environment["packages"], "gradproof": "9.9"}


REFUSED = {
    "none": (lambda _: [], "no part to merge"),
    "one is missing": (lambda t: [t[0], t[2]], r"Part 2 of 3 is missing"),
    "two are missing": (lambda t: [t[1]], r"Each of parts 1, 3 of 3 is missing"),
    "one is there twice": (lambda t: [*t, t[1]], r"Part 2 of 3 is given twice"),
    "a whole report": (lambda t: [t[0], gp.merge(t)], "is of a whole verification"),
    "another version": (
        lambda t: [t[0], changed(t[1], packages=packages(t[1])), t[2]],
        r"Part 2 was made by gradproof 9\.9, and part 1 by",
    ),
    "another strict": (lambda t: [t[0], changed(t[1], strict=True), t[2]], "another --strict"),
    "another number of parts": (lambda t: [t[0], shard_of(t[1], parts=4), t[2]], "Part 2 is one of 4"),
    "another scenario": (
        lambda t: [t[0], shard_of(t[1], scenarios={**Shard.of(t[1].environment).scenarios, "wrong": "0-0"})],
        "another scenario 'wrong'",
    ),
    "other runs": (
        lambda t: [t[0], shard_of(t[1], rows=[*t[1].environment["shard"]["rows"], "a b/c d"]), t[2]],
        "other runs than part 1: a b/c d",
    ),
    "a run that is lost": (
        lambda t: [t[0], t[1], gp.Report({**t[2].frames, "runs": t[2].runs.iloc[1:]}, t[2].environment)],
        "hold the run .* 0 times, and the verification 1",
    ),
    "a part that is another's": (lambda t: [t[0], t[1], shard_of(t[1], part=3)], "hold the run"),
    "no numbers": (lambda t: [shard_of(t[0], part="1")], "no part of one"),
    "a part of fewer": (lambda t: [shard_of(t[0], part=4)], "no part of one"),
}


@pytest.mark.parametrize(("parts", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_whole_is_refused(parts, told, thirds):
    with pytest.raises(gp.InputError, match=told):
        gp.merge(parts(thirds))


@pytest.mark.parametrize("shard", ["0/3", "4/3", "a", "1/0", "1/3/5", "-1/3", "1/99999999", ""])
def test_a_shard_that_is_none_is_refused(shard):
    with pytest.raises(gp.InputError, match="no part of a verification"):
        verified(shard=shard)


def test_a_shard_has_no_baseline(whole):
    with pytest.raises(gp.InputError, match="has no baseline"):
        verified(shard="1/2", baseline=whole)


def test_a_report_with_a_shard_that_is_none_is_not_read(thirds, tmp_path):
    folder = shard_of(thirds[0], rows=3).write(tmp_path / "report", ["csv"])
    with pytest.raises(gp.InputError, match="holds no environment"):
        gp.read_report(folder)


# -------------------------------------------------------------------- machines


def test_runs_of_other_machines_keep_them(thirds):
    moved = [thirds[0], changed(thirds[1], platform="Elsewhere-1.0"), thirds[2]]
    report = gp.merge(moved)
    assert report.environment["machines"]["machine 1"]["platform"] == "Elsewhere-1.0"
    there = set(moved[1].runs[["scenario", "dtype"]].itertuples(index=False, name=None))
    for run in report.runs.to_dict("records"):
        assert run["machine"] == ("machine 1" if (run["scenario"], run["dtype"]) in there else "")
    # The same machine as another part's own.
    named = thirds[2].runs.assign(
        machine=pd.Series("machine 1", index=thirds[2].runs.index, dtype="category")
    )
    machines = {"machine 1": {"platform": "Elsewhere-1.0"}}
    moved[2] = gp.Report({**thirds[2].frames, "runs": named}, {**thirds[2].environment, "machines": machines})
    assert [*gp.merge(moved).environment["machines"]] == ["machine 1"]


# -------------------------------------------------------------------- the command


def test_the_command_makes_parts_and_merges_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    quick = ("--backends", "reference", "--in-process", "--formats", "csv,markdown")
    for part in (1, 2):
        assert cli.main(["verify", "line_fit", *quick, "--shard", f"{part}/2", "--report", f"p{part}"]) == 0
        assert f"This is part {part} of 2, with 1 of 2 runs" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["merge", "p1"]) == 2
    assert re.search(r"Part 2 of 2 is missing\. Give the reports of all parts", capsys.readouterr().err)
    assert not (tmp_path / "reports" / "latest").exists()
    assert cli.main(["merge", "p2", "p1", "--formats", "csv,markdown"]) == 0
    assert "Everything that was checked agrees" in capsys.readouterr().out
    assert cli.main(["verify", "line_fit", *quick, "--report", "whole"]) == 0
    assert_same(gp.read_report("whole"), gp.read_report("reports/latest"))
    assert cli.main(["merge", "p2", "p1", "--formats", "csv", "--baseline", "whole"]) == 0
    assert "The environment is the same." in " ".join(capsys.readouterr().out.split())

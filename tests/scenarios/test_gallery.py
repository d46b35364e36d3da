"""The gallery of trainings: found by name, run by one option, right."""

from dataclasses import replace

import pytest

import gradproof as gp
from gradproof import cli
from gradproof.reference.descent import GradientDescent
from gradproof.scenarios import CATALOGUE, scenario
from gradproof.scenarios.gallery import GALLERY

OPTIMIZERS = {
    *("SGD", "Adam", "AdamW", "NAdam", "RAdam", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion", "LAMB"),
    "Muon",
}


def training_of(name: str) -> GradientDescent:
    training = scenario(name).training
    assert training is not None
    return training


def test_names_are_those_of_their_scenarios_and_no_document_has_one() -> None:
    assert [scenario(name).name for name in GALLERY] == list(GALLERY)
    assert not GALLERY.keys() & CATALOGUE.keys()


def test_every_optimizer_and_every_part_of_a_training_is_in_it() -> None:
    trainings = [training_of(name) for name in GALLERY]
    assert {type(each.optimizer).__name__ for each in trainings} == OPTIMIZERS
    for part in ("schedule", "clipping", "accumulation", "average"):
        assert any(getattr(each, part) is not None for each in trainings)
    assert not any(each.is_plain for each in trainings)


@pytest.mark.parametrize("name", GALLERY)
def test_the_reference_agrees(name: str) -> None:
    training = replace(training_of(name), steps=5)
    report = gp.verify(replace(scenario(name), training=training), "reference", "float32", limits=None)
    assert report.ok, report.failures


def test_one_option_runs_them_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def find(given: list[str]) -> list[object]:
        asked.extend(given)
        raise gp.InputError("It is enough to know what was asked for. Stop here.")

    monkeypatch.setattr("gradproof.scenarios.finding.find_scenarios", find)
    assert cli.main(["verify", "--gallery"]) == 2
    assert cli.main(["verify", "line_fit", "--gallery"]) == 2
    assert asked == [*GALLERY, "line_fit", *GALLERY]
    assert "Stop here" in capsys.readouterr().err


def test_list_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    told = capsys.readouterr().out
    assert "gradproof verify --gallery" in told
    assert "adam_nesterov" in told

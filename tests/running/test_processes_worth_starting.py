"""How many processes are started where nobody says: each imports the frameworks anew."""

import os
from dataclasses import replace

import pytest

from gradproof import GradientDescent
from gradproof.running.own_runs import worth_starting
from gradproof.running.planning import plan
from gradproof.running.task import Task
from gradproof.scenarios import bce_network, line_fit, neuron_chain, sigmoid_network


def tasks(*scenarios):
    planned, _ = plan(scenarios, ["reference"], ["float64", "float32"])
    return [Task(task.scenario, task.subject) for task in planned for _ in range(5)]


@pytest.mark.parametrize("scenario", [line_fit, neuron_chain])
def test_small_work_is_done_in_one_process(scenario, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert worth_starting(tasks(scenario())) == 1


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_large_work_takes_all_cores(cores, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert worth_starting(tasks(bce_network(), sigmoid_network())) == cores


def test_there_are_never_more_processes_than_runs(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    long = replace(sigmoid_network(), training=GradientDescent(1.0, 10**6))
    assert worth_starting(tasks(long)[:2]) == 2

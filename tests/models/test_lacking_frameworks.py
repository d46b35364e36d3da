"""A model of a framework that is not installed is told so, with what to install."""

import sys

import numpy as np
import pytest

import gradproof as gp


@pytest.mark.parametrize(
    ("framework", "front", "take"),
    [
        ("torch", "torch_front", lambda: gp.from_torch(lambda x: x.sum(), (np.ones(2),))),
        ("jax", "jax_front", lambda: gp.from_jax(lambda params: params["w"].sum(), {"w": np.ones(2)})),
    ],
)
def test_a_framework_that_is_not_installed_is_named(framework, front, take, monkeypatch):
    monkeypatch.setitem(sys.modules, framework, None)
    monkeypatch.delitem(sys.modules, f"gradproof.models.{front}", raising=False)
    with pytest.raises(
        gp.BackendUnavailableError, match=rf"Install it with `pip install 'gradproof\[{framework}\]'`"
    ):
        take()

"""What a run on balls caches in the user's objects does not reach a run in floats, nor the reverse."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference.lifted import run_lifted
from gradproof.reference.lifted.leftovers import holds_balls

W = np.array([0.5, -1.5])
MEMO: dict[str, Any] = {}
NAME: Any = None
LOG: list[Any] = []
SHELF = SimpleNamespace(kept=None, calls=0)


def exact(w: Any) -> Any:
    return np.tanh(w) / 3


class Model:
    """Caches in itself, in its class, in a cached property and by lru_cache."""

    shared: Any = None
    table: dict[str, Any] = {}  # noqa: RUF012 - a mutable attribute of the class is what is tested

    def __init__(self) -> None:
        self.cache: Any = None
        self.nested = {"deep": [1.0, {"deeper": None}]}
        self.calls = 0

    def in_self(self, w: Any) -> Any:
        self.calls += 1
        if self.cache is None:
            self.cache = exact(w)
        return self.cache

    def in_a_new_attribute(self, w: Any) -> Any:
        if not hasattr(self, "made"):
            self.made = exact(w)
        return self.made

    def in_nested_containers(self, w: Any) -> Any:
        place: Any = self.nested["deep"][1]  # type: ignore[index] # it is a list
        if place["deeper"] is None:
            place["deeper"] = exact(w)
        return place["deeper"]

    def in_a_list(self, w: Any) -> Any:
        values: Any = self.nested["deep"]
        if len(values) < 3:
            values.append(exact(w))
        return values[2]

    def in_the_class(self, w: Any) -> Any:
        if Model.shared is None:
            Model.shared = exact(w)
        return Model.shared

    def in_a_dictionary_of_the_class(self, w: Any) -> Any:
        return self.table.setdefault("h", exact(w))

    @cached_property
    def weights(self) -> Any:
        return np.linspace(0.0, 1.0, 2) / 3

    def in_a_cached_property(self, w: Any) -> Any:
        return w * self.weights

    @lru_cache  # noqa: B019 - that it keeps the model alive does not matter here
    def ramp(self, n: int) -> Any:
        return np.linspace(0.0, 1.0, n) / 3

    def in_lru_cache_of_a_method(self, w: Any) -> Any:
        return w * self.ramp(2)


@dataclass(slots=True)
class Slotted:
    kept: Any = None
    more: dict[str, Any] = field(default_factory=dict)

    def in_slots(self, w: Any) -> Any:
        if self.kept is None:
            self.kept = exact(w)
            self.more["h"] = self.kept
        return self.kept


@dataclass(frozen=True)
class Frozen:
    kept: Any = None

    def past_the_freezing(self, w: Any) -> Any:
        if self.kept is None:
            object.__setattr__(self, "kept", exact(w))
        return self.kept


def in_a_dictionary(w: Any) -> Any:
    if "h" not in MEMO:
        MEMO["h"] = exact(w)
    return MEMO["h"]


def in_a_global_name(w: Any) -> Any:
    global NAME  # noqa: PLW0603 - what is tested
    if NAME is None:
        NAME = exact(w)
    return NAME


def in_a_namespace(w: Any) -> Any:
    if SHELF.kept is None:
        SHELF.kept = exact(w)
    return SHELF.kept


def in_a_default(w: Any, memo: dict[str, Any] = {}) -> Any:  # noqa: B006 - what is tested
    return memo.setdefault("h", exact(w))


def in_an_attribute_of_itself(w: Any) -> Any:
    if not hasattr(in_an_attribute_of_itself, "kept"):
        in_an_attribute_of_itself.kept = exact(w)  # type: ignore[attr-defined] # made here
    return in_an_attribute_of_itself.kept


@lru_cache
def ramp(n: int) -> Any:
    return np.linspace(0.0, 1.0, n) / 3


def in_lru_cache(w: Any) -> Any:
    return w * ramp(2)


def closures() -> list[Any]:
    kept: Any = None
    memo: dict[str, Any] = defaultdict(list)

    def in_a_closure(w: Any) -> Any:
        nonlocal kept
        if kept is None:
            kept = exact(w)
        return kept

    def in_a_dictionary_of_a_closure(w: Any) -> Any:
        if not memo["h"]:
            memo["h"].append(exact(w))
        return memo["h"][0]

    return [in_a_closure, in_a_dictionary_of_a_closure]


def everything() -> dict[str, Any]:
    model = Model()
    found = [getattr(model, name) for name in dir(Model) if name.startswith("in_")]
    found += [Slotted().in_slots, Frozen().past_the_freezing, *closures()]
    found += [
        in_a_dictionary,
        in_a_global_name,
        in_a_namespace,
        in_a_default,
        in_an_attribute_of_itself,
        in_lru_cache,
    ]
    return {function.__name__: function for function in found}


NAMES = sorted(everything())


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cached at the beginning of a test."""
    MEMO.clear()
    monkeypatch.setitem(globals(), "NAME", None)
    monkeypatch.setattr(SHELF, "kept", None)
    monkeypatch.setattr(Model, "shared", None)
    monkeypatch.setattr(Model, "table", {})
    in_a_default.__defaults__[0].clear()  # type: ignore[index] # it has one
    vars(in_an_attribute_of_itself).clear()
    ramp.cache_clear()


def is_plain(result: Any) -> bool:
    return type(result) is np.ndarray and result.dtype == np.float64


@pytest.mark.parametrize("name", NAMES)
def test_what_balls_leave_does_not_reach_floats(name: str) -> None:
    function = everything()[name]
    run = run_lifted(function, (W,), 192)
    assert run.certified, run.reason
    assert not holds_balls(
        [function, MEMO, NAME, SHELF, Model.shared, Model.table, getattr(function, "__self__", 0)]
    )
    assert is_plain(function(W.copy()))


@pytest.mark.parametrize("name", NAMES)
def test_what_floats_leave_is_to_balls_what_constants_are(name: str) -> None:
    """The cached floats are right to 16 digits, and so is what is computed from them."""
    function = everything()[name]
    function(W.copy())
    run = run_lifted(function, (W,), 192)
    wide = run_lifted(function, (W,), 192, share=2.0**-51)
    assert run.certified
    assert wide.certified
    assert is_plain(function(W.copy()))


@pytest.mark.parametrize("name", NAMES)
def test_what_raises_on_balls_leaves_nothing_either(name: str) -> None:
    function = everything()[name]

    def raises(w: Any) -> Any:
        function(w)
        raise ValueError(w)

    assert run_lifted(raises, (W,), 192).error
    assert is_plain(function(W.copy()))


def test_what_is_no_ball_stays() -> None:
    model = Model()
    LOG.clear()

    def counts(w: Any) -> Any:
        LOG.append(len(w))
        SHELF.calls += 1
        model.in_self(w)
        return w

    before = SHELF.calls
    for _ in range(3):
        run_lifted(counts, (W,), 192)
    assert LOG == [2, 2, 2]
    assert SHELF.calls == before + 3
    assert model.calls == 3
    assert model.cache is None


def test_numpy_that_was_kept_during_a_run_is_put_back() -> None:
    model = Model()

    def keeps(w: Any) -> Any:
        model.cache = np
        return w

    run_lifted(keeps, (W,), 192)
    assert model.cache is None


class Network:
    """A loss and its gradient that share what the forward pass keeps."""

    def __init__(self) -> None:
        self.hidden: Any = None

    def forward(self, params: Any, batch: Any) -> Any:
        if self.hidden is None or np.shape(self.hidden) != np.shape(batch["x"]):
            self.hidden = batch["x"] * params["w"]
        return self.hidden

    def loss(self, xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum((batch["x"] * params["w"]) ** 2)

    def gradient(self, params: Any, batch: Any) -> Any:
        self.hidden = None
        hidden = self.forward(params, batch)
        return {"w": 2 * hidden * batch["x"]}


def test_a_check_of_a_network_that_keeps_its_forward_pass() -> None:
    network = Network()
    params, batch = {"w": W}, {"x": np.array([2.0, 0.25])}
    for _ in range(2):
        check = gp.check(network.loss, network.gradient, params, batch)
        assert check.verdict is gp.Verdict.EQUAL
        assert check.digits > 30
        assert is_plain(network.gradient(params, batch)["w"])


class Library:
    """Code that reaches NumPy by its own attributes."""

    shared = np
    zeros = staticmethod(np.zeros)

    def __init__(self) -> None:
        self.own = np

    def by_instance(self, w: Any) -> Any:
        out = self.own.zeros(2)
        out[:] = exact(w)
        return out

    def by_class(self, w: Any) -> Any:
        out = Library.shared.zeros(2)
        out[:] = exact(w)
        return out

    def by_function(self, w: Any) -> Any:
        zeros = np.zeros

        def made() -> Any:
            out = zeros(2)
            out[:] = exact(w)
            return out

        return made()


@pytest.mark.parametrize("name", ["by_instance", "by_class", "by_function"])
def test_numpy_that_an_object_holds_is_exchanged_for_a_run(name: str) -> None:
    library = Library()
    run = run_lifted(getattr(library, name), (W,), 128)
    assert run.certified, run.reason
    assert library.own is Library.shared is np
    assert isinstance(library.own.zeros(2), np.ndarray)
    assert type(getattr(library, name)(W)) is np.ndarray

"""from_jax: what it takes, by which names, what it says of what it cannot follow, and what travels."""

from typing import Any, NamedTuple

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import gradproof as gp
from gradproof.errors import InputError, UnsupportedError
from gradproof.models.jax_front import JaxFunction
from gradproof.models.jax_operations import OPERATIONS
from gradproof.models.model_graph import ModelNode

W = {"w": np.array([0.5, -1.25, 2.0])}
DATA = {"x": np.array([1.0, 2.0, -3.0]), "n": np.array([2, 0])}


class Layer(NamedTuple):
    w: Any
    b: Any


def graph_of(scenario: gp.Scenario) -> Any:
    assert isinstance(scenario.loss, JaxFunction)
    return scenario.loss.graph(scenario.flat_params, scenario.flat_batch)


# -------------------------------------------------------------------- names, and what stays as it is


def test_names_are_the_paths_of_the_pytree_and_what_is_no_array_stays() -> None:
    params = {"layers": [Layer(np.ones(2), 0.5), (np.ones(3), None)], "activation": jnp.tanh, "depth": 2}

    def loss(p: Any, _: Any) -> Any:
        first, second = p["layers"]
        return p["depth"] * (p["activation"](first.w).sum() * first.b + second[0].sum())

    scenario = gp.from_jax(loss, params, {"unused": 3, "key": jax.random.key(0)})
    assert list(scenario.flat_params) == ["layers.0.w", "layers.0.b", "layers.1.0"]
    assert list(scenario.flat_batch) == []
    assert scenario.name == "loss"
    assert gp.check(scenario, points=1).ok


def test_one_array_is_a_pytree_and_a_batch_need_not_be() -> None:
    scenario = gp.from_jax(lambda w: jnp.sum(w**3), np.array([1.0, 2.0]), name="cubes")
    assert list(scenario.flat_params) == ["params"]
    assert scenario.name == "cubes"
    exact = gp.true_gradient(scenario.loss, scenario.params, scenario.batch)["params"]
    assert exact.midpoint.tolist() == [3.0, 12.0]


def test_integers_of_the_batch_keep_their_dtype_and_float32_is_taken_exactly() -> None:
    batch = {"n": np.array([2, 0], dtype=np.int32), "x": np.array([0.1, 0.2], dtype=np.float32)}
    scenario = gp.from_jax(lambda p, b: jnp.sum(p["w"][b["n"]] * b["x"]), W, batch)
    exact = gp.true_gradient(scenario.loss, scenario.params, scenario.batch)["w"]
    assert exact.midpoint.tolist() == [float(np.float32(0.2)), 0.0, float(np.float32(0.1))]
    assert exact.radius.tolist() == [0.0, 0.0, 0.0]


# -------------------------------------------------------------------- where in the code


def test_lines_and_scopes_are_the_users_own() -> None:
    def loss(p: Any, b: Any) -> Any:
        with jax.named_scope("encoder"), jax.named_scope("norm"):
            hidden = jax.nn.softmax(p["w"])  # the line of all within it
        return jnp.sum(hidden * b["x"])

    nodes = graph_of(gp.from_jax(loss, W, DATA)).nodes
    first = loss.__code__.co_firstlineno
    exp, total = (next(node for node in nodes if node.operation == name) for name in ("exp", "mul"))
    assert (exp.source.line, exp.source.module) == (first + 2, "encoder.norm")
    assert (total.source.line, total.source.module) == (first + 3, "")
    assert exp.source.file == __file__


def test_a_compiled_function_of_a_package_is_told_by_the_line_of_each_call() -> None:
    def loss(p: Any, _: Any) -> Any:
        first = jnp.sum(jnp.where(p["w"] > 0, p["w"], 0.0))
        return first + jnp.sum(jnp.where(p["w"] > 1, p["w"], 0.0))

    nodes = [node for node in graph_of(gp.from_jax(loss, W, DATA)).nodes if node.operation == "select_n"]
    assert [node.source.line - loss.__code__.co_firstlineno for node in nodes] == [1, 2]


def test_the_operations_of_a_custom_rule_tell_its_name_and_where_it_is() -> None:
    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    def backward(x: Any, g: Any) -> Any:
        return (g * x**2,)

    cube.defvjp(lambda x: (x**3, x), backward)

    @jax.custom_jvp
    def wave(x: Any) -> Any:
        return jnp.sin(x)

    @wave.defjvp
    def tangent(primals: Any, tangents: Any) -> Any:
        return wave(primals[0]), tangents[0] * jnp.cos(primals[0])

    nodes = graph_of(gp.from_jax(lambda p: (cube(p["w"]) + wave(jax.nn.relu(p["w"]))).sum(), W)).nodes
    told = {node.operation: node.source.backward for node in nodes}
    line = {function.__name__: function.__code__.co_firstlineno for function in (backward, tangent)}
    assert told["integer_pow"].endswith(f"test_from_jax.py:{line['backward']}")
    assert "backward of " in told["integer_pow"]
    assert "cube" in told["integer_pow"]
    assert told["sin"].endswith(f"test_from_jax.py:{line['tangent']}")
    assert told["max"] == ""  # a rule of JAX's own is not told


# -------------------------------------------------------------------- what is refused, and with which words


def noisy(p: Any, _: Any) -> Any:
    return jnp.sum(p["w"] * jax.random.normal(jax.random.key(0), (3,)))


def branching(p: Any, _: Any) -> Any:
    return jnp.sum(p["w"]) if p["w"][0] > 0 else jnp.sum(p["w"] ** 2)


def looping(p: Any, _: Any) -> Any:
    @jax.custom_vjp
    def halved(w: Any) -> Any:
        return lax.while_loop(lambda w: jnp.sum(w) > 1e-3, lambda w: w / 2, w)

    halved.defvjp(lambda w: (halved(w), None), lambda _, g: (g / 2**11,))
    return halved(p["w"]).sum()


def penalised(p: Any, b: Any) -> Any:
    slope = jax.grad(lambda x: jnp.sum(jnp.tanh(p["w"] * x)))(b["x"])
    return jnp.sum(slope**2)


def tangent(p: Any, b: Any) -> Any:
    return jnp.sum(jax.jvp(lambda x: jnp.tanh(p["w"] * x), (b["x"],), (b["x"],))[1])


def curved(p: Any, b: Any) -> Any:
    return jnp.trace(jax.jit(jax.hessian(lambda x: jnp.sum(p["w"] * x**4)))(b["x"]))


def transformed(p: Any, _: Any) -> Any:
    return jnp.sum(jnp.abs(jnp.fft.rfft(p["w"])) ** 2)


REFUSED = {
    "vector": (lambda p, _: p["w"], InputError, r"shape \(3,\).*needs a scalar"),
    "two": (lambda p, _: (p["w"].sum(), p["w"]), InputError, "returns 2 arrays"),
    "nothing": (lambda _, __: None, InputError, "returns 0 arrays"),
    "count": (lambda p, _: jnp.sum(p["w"] > 0), InputError, "dtype int64"),
    "raises": (lambda p, _: p["v"].sum(), InputError, "KeyError"),
    "random": (noisy, InputError, "draws random numbers by random_.* at .*test_from_jax.py.*Draw them"),
    "branch": (branching, UnsupportedError, r"test_from_jax.py:\d+ \(by `if`.*jnp.where or jax.lax.cond"),
    "loop": (looping, UnsupportedError, r"repeats a loop at .*test_from_jax.py:\d+ as often"),
    "gradient": (penalised, UnsupportedError, "differentiates inside itself at .*test_from_jax.py"),
    "tangent": (tangent, UnsupportedError, "differentiates inside itself at .*test_from_jax.py"),
    "hessian": (curved, UnsupportedError, "differentiates inside itself at .*test_from_jax.py"),
    "fft": (transformed, UnsupportedError, "JAX's fft at .*test_from_jax.py.*`reference=`"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_told_with_its_line(name: str) -> None:
    function, error, words = REFUSED[name]
    with pytest.raises(error, match=f"(?s){words}"):
        gp.from_jax(function, W, DATA)


def test_a_loop_that_counts_integers_of_the_batch_is_followed() -> None:
    @jax.custom_vjp
    def doubled(w: Any, n: Any) -> Any:
        return lax.fori_loop(0, n, lambda i, w: 2 * w + 0 * i, w)

    doubled.defvjp(lambda w, n: (doubled(w, n), n), lambda n, g: (g * 2.0**n, None))
    scenario = gp.from_jax(lambda p, b: doubled(p["w"], b["n"][0] + 1).sum(), W, DATA)
    exact = gp.true_gradient(scenario.loss, scenario.params, scenario.batch)["w"]
    assert exact.midpoint.tolist() == [8.0, 8.0, 8.0]
    assert gp.check(scenario, points=2).ok


@pytest.mark.parametrize("bad", [np.arange(3), jnp.arange(3), np.ones(2, dtype=complex)])
def test_parameters_of_integers_are_refused(bad: Any) -> None:
    with pytest.raises(InputError, match=r"hold an array of (int|complex)\d+.*Give floating-point numbers"):
        gp.from_jax(lambda p: p["v"].sum() * p["w"].sum(), {"v": bad, **W})


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match="'w' of scenario 'loss'"):
        gp.from_jax(lambda p: p["w"].sum(), {"w": np.array([1.0, np.nan])}, name="loss")


def test_what_nothing_is_computed_from_is_left_out() -> None:
    def loss(p: Any, _: Any) -> Any:
        unused = jax.random.normal(jax.random.key(0), (3,)) + p["w"]
        return p["w"].sum() + 0 * len(unused)

    assert {node.operation for node in graph_of(gp.from_jax(loss, W, DATA)).nodes} <= {"reduce_sum", "add"}


def test_a_derivative_in_a_custom_vjps_backward_is_no_derivative_in_the_loss() -> None:
    @jax.custom_vjp
    def f(x: Any) -> Any:
        return jnp.sin(x)

    f.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jax.vmap(jax.grad(jnp.sin))(x),))
    assert gp.check(gp.from_jax(lambda p: f(p["w"]).sum(), W), points=1).ok


def test_a_custom_vjp_whose_fwd_gives_another_value_is_told_by_how_much() -> None:
    @jax.custom_vjp
    def f(x: Any) -> Any:
        return jnp.sin(x)

    f.defvjp(lambda x: (jnp.cos(x), x), lambda x, g: (g * jnp.cos(x),))
    values = [float(np.sum(g(W["w"]))) for g in (np.sin, np.cos)]
    with pytest.raises(InputError, match=r"gives (\S+), and (\S+) where it is differentiated") as told:
        gp.from_jax(lambda p: f(p["w"]).sum(), W)
    words = str(told.value).replace(",", "").split()
    assert [float(words[3]), float(words[5])] == pytest.approx(values)


def test_an_operation_that_is_known_wrongly_is_no_wrong_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS.entries, "sin", lambda xp, x, **_: xp.cos(x))  # type: ignore[arg-type] # a dict
    with pytest.raises(UnsupportedError, match="its operations, as they are known here, give"):
        gp.from_jax(lambda p: jnp.sin(p["w"]).sum(), W)


def kernel(factor: float) -> Any:
    """A forward pass that cannot be looked into, whose backward is `factor` times the right one."""

    @jax.custom_vjp
    def tanh(x: Any) -> Any:
        return jax.pure_callback(np.tanh, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    tanh.defvjp(lambda x: (tanh(x), x), lambda x, g: (factor * g * (1 - jnp.tanh(x) ** 2),))
    return lambda p, b: jnp.sum(tanh(p["w"]) * b["x"])


def test_a_kernel_is_compared_with_a_reference() -> None:
    def plain(p: Any, b: Any) -> Any:
        return jnp.sum(jnp.tanh(p["w"]) * b["x"])

    with pytest.raises(UnsupportedError, match=r"pure_callback at .*`reference=`"):
        gp.from_jax(kernel(1.0), W, DATA)
    assert gp.check(gp.from_jax(kernel(1.0), W, DATA, reference=plain), points=2).ok
    wrong = gp.check(gp.from_jax(kernel(0.5), W, DATA, reference=plain))
    assert wrong.verdict is gp.Verdict.DISAGREES
    with pytest.raises(InputError, match=r"its reference .* they differ by"):
        gp.from_jax(kernel(1.0), W, DATA, reference=lambda p, b: jnp.sum(jnp.sin(p["w"]) * b["x"]))


# -------------------------------------------------------------------- dtypes


def computed_in(check: gp.Check) -> list[str]:
    """The formats that a check tells a part of the loss to be computed in."""
    told = (finding.text for finding in check.findings if finding.kind == "lower-precision")
    return [text.partition("computed in ")[2].partition(":")[0] for text in told]


def test_a_model_that_computes_in_float32_on_the_way_is_judged_in_float32() -> None:
    def loss(p: Any, b: Any) -> Any:
        return jnp.sum(jnp.sin((p["w"] * b["x"]).astype(jnp.float32)))

    check = gp.check(gp.from_jax(loss, W, DATA), dtype="float64", points=2)
    assert check.ok, check
    assert computed_in(check) == ["float32"]


def test_what_is_cut_to_the_digits_of_bfloat16_is_judged_as_that() -> None:
    def loss(p: Any, b: Any) -> Any:
        def step(carry: Any, x: Any) -> Any:
            return lax.reduce_precision(jnp.sin(carry) * x, 8, 7), None

        return lax.scan(step, p["w"], b["x"])[0].sum()

    check = gp.check(gp.from_jax(loss, W, DATA), dtype="float32", points=2)
    assert check.ok, check
    assert computed_in(check) == ["bfloat16"]


def test_a_function_that_runs_in_float32_alone_is_looked_at_in_that() -> None:
    def loss(p: Any, b: Any) -> Any:
        start = jnp.zeros(3, dtype=jnp.float32)
        return lax.scan(lambda c, x: (jnp.sin(c + p["w"] * x) * 0.1, None), start, b["x"])[0].sum()

    params = {"w": W["w"].astype(np.float32)}
    scenario = gp.from_jax(loss, params, {"x": DATA["x"].astype(np.float32)})
    check = gp.check(scenario, points=2)
    assert check.ok, check
    assert check.dtype == "float32"
    assert any("does not run in float64" in finding.text for finding in check.findings)
    with pytest.raises(InputError, match="carry"):
        gp.from_jax(loss, W, DATA)


def test_constants_that_are_computed_in_float32_make_the_function_one_of_float32() -> None:
    scale = jnp.asarray(np.array([0.1, 0.2, 0.3], dtype=np.float32))
    check = gp.check(gp.from_jax(lambda p, _: jnp.sum(p["w"] * lax.rsqrt(scale)), W, DATA), points=2)
    assert check.ok, check
    assert computed_in(check) == ["float32"]


def test_a_function_that_computes_in_bfloat16_on_the_way_is_judged_in_that() -> None:
    def loss(p: Any, _: Any) -> Any:
        positions = jnp.arange(3, dtype=jnp.bfloat16)
        return (jnp.cos(positions) * p["w"].astype(jnp.bfloat16)).astype(jnp.float32).sum()

    check = gp.check(gp.from_jax(loss, W, DATA), dtype="float32", points=2)
    assert check.ok, check
    assert computed_in(check) == ["bfloat16"]


def test_constants_are_computed_with_their_rounding() -> None:
    """sin(1000 t) in float32 errs by a thousand roundoffs: a right gradient must not be accused of it."""

    def loss(p: Any, _: Any) -> Any:
        positions = jnp.arange(40, dtype=p["w"].dtype)
        return jnp.sum(p["w"][:1] * jnp.sin(positions * 1000.1))

    assert gp.check(gp.from_jax(loss, W, DATA), dtype="float32", points=2).ok


def test_jaxs_settings_are_as_they_were() -> None:
    before = jax.config.jax_enable_x64
    gp.check(gp.from_jax(lambda p: p["w"].sum(), W), points=1)
    assert jax.config.jax_enable_x64 == before


# -------------------------------------------------------------------- what travels


def test_a_scenario_can_be_sent_and_has_the_same_fingerprint() -> None:
    @jax.custom_vjp
    def cube(x: Any) -> Any:
        return x**3

    cube.defvjp(lambda x: (cube(x), x), lambda x, g: (3 * g * x**2,))

    def loss(p: Any, b: Any) -> Any:
        return jnp.sum(jax.jit(cube)(p["w"]) * b["x"])

    scenario = gp.from_jax(loss, W, DATA)
    graph_of(scenario)
    sent = cloudpickle.loads(cloudpickle.dumps(scenario))
    assert sent.fingerprint == scenario.fingerprint
    value, gradient = sent.own(sent.flat_params, sent.flat_batch)
    assert value.dtype == gradient["w"].dtype == np.float64
    assert gradient["w"].tolist() == (3 * W["w"] ** 2 * DATA["x"]).tolist()


@pytest.mark.parametrize(("backend", "variant"), [("jax", "function"), ("jax", "jit"), ("torch", "eager")])
def test_verify_runs_the_function_itself_and_its_replay(backend: str, variant: str) -> None:
    def loss(p: Any, b: Any) -> Any:
        hidden = jnp.tanh(b["x"] * p["w"])[b["n"]] + jnp.arange(2) / 3
        return jnp.sum(lax.scan(lambda c, h: (c * h + 1, c), p["w"][0], hidden)[1] ** 2)

    report = gp.verify(
        [gp.from_jax(loss, W, DATA, training=gp.GradientDescent(learning_rate=0.01, steps=3))],
        backends=[f"{backend}/{variant}"],
        limits=None,
    )
    assert report.ok, report.findings
    assert len(report.gradients)


def test_nodes_know_whether_they_are_discrete() -> None:
    def discrete(node: ModelNode) -> bool:
        return node.is_discrete

    nodes = graph_of(gp.from_jax(lambda p, b: p["w"][b["n"] + 1].sum(), W, DATA)).nodes
    assert {node.operation: discrete(node) for node in nodes}["gather"] is False
    assert {node.operation: discrete(node) for node in nodes}["add"] is True

"""Formats shorter than float32: are right gradients accused, and which errors of whole arrays are seen?"""

import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.short_networks import Network, random_network
from benchmarks.timing import print_figures
from gradproof.backends import load_backend
from gradproof.backends.framework import Framework
from gradproof.reference.numbers.formats import numpy_dtype
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.floats import assess
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]
Arrays = dict[str, Array]

NETWORKS = 300
LARGEST = 512
"""Entries of the largest parameters."""

DTYPES = ("bfloat16", "float16")
PLANTED = (0.01, 0.02, 0.03)
"""By so much all entries are too large; and one entry of one array is 20 % off."""

_ENTRY = "one entry off by 20 %"


def gradients_of(network: Network, dtype: str) -> Iterator[tuple[str, Arrays]]:
    """Compute a network's gradient with PyTorch, and with JAX compiled and not."""
    params, batch = (
        {name: array.astype(numpy_dtype(dtype)) for name, array in arrays.items()}
        for arrays in (network.params, network.batch)
    )
    yield "torch", _with_torch(network, _framework("torch"), params, batch)
    yield "jax/jit", _with_jax(network, _framework("jax"), dtype, params, batch)


def _framework(name: str) -> Framework:
    framework: Framework = load_backend(name).framework  # type: ignore[attr-defined] # both have one
    return framework


def _with_torch(network: Network, framework: Framework, params: Arrays, batch: Arrays) -> Arrays:
    leaves = {name: framework.from_numpy(array, leaf=True) for name, array in params.items()}
    data = {name: framework.from_numpy(array) for name, array in batch.items()}
    network.loss(framework.namespace(), leaves, data).backward()
    return {name: framework.to_numpy(leaf.grad) for name, leaf in leaves.items()}


def _with_jax(network: Network, framework: Framework, dtype: str, params: Arrays, batch: Arrays) -> Arrays:
    import jax  # noqa: PLC0415 - a run of other measurements does not load it

    with framework.mode(dtype):
        given = [{n: framework.from_numpy(a) for n, a in arrays.items()} for arrays in (params, batch)]
        xp = framework.namespace()
        found = jax.jit(jax.grad(lambda p, b: network.loss(xp, p, b)))(*given)
        return {name: framework.to_numpy(array) for name, array in found.items()}


def accused(evidence: PlaceEvidence, gradients: Mapping[str, Array], dtype: str) -> list[str]:
    """Tell the parameters whose gradients are said to disagree."""
    return [
        name
        for name, gradient in gradients.items()
        if CODE[Verdict.DISAGREES]
        in assess(gradient.astype(np.float64)[np.newaxis], evidence.gradients[name], dtype).verdict
    ]


def short_formats(first: int = 0, count: int = NETWORKS) -> None:
    """Judge random networks' gradients as PyTorch and JAX compute them, and with errors planted in them.

    Not finite ones are left out: float16 overflows, which is told as what it is.
    """
    warnings.simplefilter("ignore")
    right: Counter[str] = Counter()
    caught: dict[str, Counter[str]] = defaultdict(Counter)
    for number in range(first, first + count):
        network = random_network(number, LARGEST)
        for dtype in DTYPES:
            place = Place(network.params, network.batch).rounded(dtype)
            evidence = PlaceEvidence(network.loss, place, dtype)
            for who, gradients in gradients_of(network, dtype):
                if not all(np.isfinite(each).all() for each in gradients.values()):
                    continue
                right[dtype] += len(gradients)
                for name in accused(evidence, gradients, dtype):
                    print(f"  accused: network {number} {who} {dtype} {name}: {network.kind}", flush=True)
                    caught["right"][dtype] += 1
                for what, planted in _planted(gradients, number):
                    caught[what][dtype] += bool(accused(evidence, planted, dtype))
                caught["gradients"][dtype] += 1
    goal = "none of 10,000 accused; 9 of 10 caught"
    print_figures("Formats shorter than float32", goal, ("", *DTYPES), _rows(right, caught))


def _rows(right: Counter[str], caught: Mapping[str, Counter[str]]) -> list[tuple[str, ...]]:
    rows = [
        ("right arrays", *(f"{right[dtype]:,}" for dtype in DTYPES)),
        ("of them accused", *(str(caught["right"][dtype]) for dtype in DTYPES)),
    ]
    for what in (*(f"all entries {share:.0%} too large" for share in PLANTED), _ENTRY):
        shares = (caught[what][dtype] / max(1, caught["gradients"][dtype]) for dtype in DTYPES)
        rows.append((f"{what}: gradients caught", *(f"{share:.0%}" for share in shares)))
    return rows


def _planted(gradients: Arrays, number: int) -> Iterator[tuple[str, Arrays]]:
    exactly = {name: array.astype(np.float64) for name, array in gradients.items()}
    for share in PLANTED:
        scaled = {name: array * (1 + share) for name, array in exactly.items()}
        yield f"all entries {share:.0%} too large", scaled
    random = np.random.default_rng([8, number])
    name = str(random.choice([*gradients]))
    one = exactly[name].copy()
    one.flat[random.integers(one.size)] *= 1.2
    yield _ENTRY, exactly | {name: one}


if __name__ == "__main__":
    short_formats(*map(int, sys.argv[1:]))

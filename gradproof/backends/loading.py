"""Finding and loading backends by name; a framework is imported only when its backend is loaded."""

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from gradproof.backends.protocol import Backend
from gradproof.errors import BackendUnavailableError, InputError
from gradproof.inputs import suggestion

GROUP = "gradproof.backends"

_OWN = {
    "reference": "gradproof.backends.reference_backend:ReferenceBackend",
    "torch": "gradproof.backends.torch_backend:TorchBackend",
    "jax": "gradproof.backends.jax_backend:JaxBackend",
}


def _third_party() -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise InputError(
                f"{found[entry.name].value} and {entry.value} both register a backend called "
                f"{entry.name!r}. Register one of them under another name, or uninstall it."
            )
    taken = sorted(found.keys() & _OWN.keys())
    if taken:
        raise InputError(
            f"{found[taken[0]].value} registers a backend called {taken[0]!r}, a name that gradproof "
            "uses itself. Register it under another name."
        )
    return found


def backend_names() -> tuple[str, ...]:
    """Tell the names of all backends, installed or not: gradproof's own first, then third parties'.

    >>> backend_names()[:3]
    ('reference', 'torch', 'jax')
    """
    return (*_OWN, *sorted(_third_party()))


def load_backend(name: str) -> Backend:
    """Import the backend of that name and its framework.

    Raises:
        InputError: there is no backend of that name; the nearest is told.
        BackendUnavailableError: its framework is not installed, or does not import.

    >>> load_backend("reference").variants
    ('numpy',)
    """
    third_party = _third_party()
    if name not in _OWN and name not in third_party:
        raise InputError(
            f"There is no backend called {name!r}.{suggestion(name, backend_names())} "
            f"Known are {', '.join(backend_names())}."
        )
    try:
        if name in third_party:
            factory = third_party[name].load()
        else:
            module, _, attribute = _OWN[name].partition(":")
            factory = getattr(import_module(module), attribute)
        backend = factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a broken installation ends in an OSError, a RuntimeError, …
        what = error if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise BackendUnavailableError(
            f"Backend {name!r} cannot be used: {what}. Install it with `pip install 'gradproof[{name}]'`."
            if name in _OWN
            else f"Backend {name!r} cannot be used: {what}. Install what it needs, or mend it."
        ) from error
    if not isinstance(backend, Backend):
        raise InputError(
            f"Backend {name!r} ({type(backend).__name__}) lacks part of the Backend protocol. Give it "
            "name, variants, dtypes, step_limits, versions() and run()."
        )
    return backend


def chosen_variants(entries: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Take names of backends and of backends' variants apart.

    Args:
        entries: each `BACKEND`, for all of its variants, or `BACKEND/VARIANT`.

    Returns:
        by backend, in the order in which they are first named, the variants that are named; none stands for
        all.

    >>> chosen_variants(["jax/eager", "torch/func", "torch", "jax/eager"])
    {'jax': ('eager',), 'torch': ()}
    """
    chosen: dict[str, dict[str, None]] = {}
    whole = set()
    for entry in entries:
        name, slash, variant = entry.partition("/")
        chosen.setdefault(name, {})[variant] = None
        if not slash:
            whole.add(name)
    return {name: () if name in whole else tuple(variants) for name, variants in chosen.items()}


def variants_of(backend: Backend, chosen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Give the variants of a backend that were chosen, in the backend's order; all if none was.

    Raises:
        InputError: the backend has no such variant.

    >>> variants_of(load_backend("reference"))
    ('numpy',)
    """
    unknown = [variant for variant in chosen if variant not in backend.variants]
    if unknown:
        raise InputError(
            f"Backend {backend.name!r} has no variant called {unknown[0]!r}. Choose from "
            f"{', '.join(f'{backend.name}/{variant}' for variant in backend.variants)}."
        )
    return tuple(variant for variant in backend.variants if not chosen or variant in chosen)

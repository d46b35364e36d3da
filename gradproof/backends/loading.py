"""Finding and loading backends by name; a framework is imported only when its backend is loaded."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gradproof.backends.framework import Framework
from gradproof.backends.protocol import Backend, parted
from gradproof.errors import BackendUnavailableError, InputError
from gradproof.inputs import suggestion

GROUP = "gradproof.backends"
"""The group of entry points by which third parties register."""

_SUFFIX = "_backend"
_FIRST = ("reference", "torch", "jax")
"""The usual ones, in the order that reports have; other backends follow by their names."""


@cache
def _own() -> tuple[str, ...]:
    """Find gradproof's own backends: the files `NAME_backend.py` beside this one."""
    names = [path.stem.removesuffix(_SUFFIX) for path in Path(__file__).parent.glob(f"*{_SUFFIX}.py")]
    return tuple(
        sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    )


def _third_party() -> Mapping[str, EntryPoint]:
    """Find those that third parties register, again only where something may have been installed."""
    return _registered(entry_points, tuple((path, _changed(path)) for path in sys.path))


def _changed(path: str) -> int:
    """Tell when a folder was changed, as installing into it does; 0 if there is none."""
    try:
        return os.stat(path or ".").st_mtime_ns  # noqa: PTH116 - a path of sys.path, some of which are no paths
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _registered(
    find: Callable[..., Iterable[EntryPoint]], _folders: tuple[tuple[str, int], ...]
) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in find(group=GROUP):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise InputError(
                f"{found[entry.name].value} and {entry.value} both register a backend called "
                f"{entry.name!r}. Register one of them under another name, or uninstall it."
            )
    taken = sorted(found.keys() & {*_own()})
    if taken:
        raise InputError(
            f"{found[taken[0]].value} registers a backend called {taken[0]!r}, a name that gradproof "
            "uses itself. Register it under another name."
        )
    return MappingProxyType(found)


def backend_names() -> tuple[str, ...]:
    """Tell the names of all backends, installed or not: gradproof's own first, then third parties'.

    >>> backend_names()[:3]
    ('reference', 'torch', 'jax')
    """
    return (*_own(), *sorted(_third_party()))


def default_backends() -> tuple[str, ...]:
    """Tell the names of those that run where none is named: the usual ones, and what else is installed.

    That one of the usual ones is not installed is told as not checked; others are not missed.

    >>> default_backends()[:3]
    ('reference', 'torch', 'jax')
    """
    return tuple(
        name for name in backend_names() if name in _FIRST or not is_own(name) or _is_installed(name)
    )


def _is_installed(name: str) -> bool:
    return not [*_missing(_class_of(name))]


def _class_of(name: str) -> Any:
    """Give the class of a backend; whatever the import of its module raises is passed on."""
    if name in _own():
        return import_module(f"gradproof.backends.{name}{_SUFFIX}").BACKEND
    return _third_party()[name].load()


def load_backend(name: str) -> Backend:
    """Make the backend of that name, and import its framework.

    Raises:
        InputError: there is no backend of that name; the nearest is told.
        BackendUnavailableError: its framework is not installed, or does not import.

    >>> load_backend("reference").variants
    ('numpy',)
    """
    check_backend_name(name)
    try:
        found = _class_of(name)
        for module in getattr(found, "requires", ()):
            import_module(module)
        backend = found()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a broken installation ends in an OSError, a RuntimeError, …
        raise _unavailable(name, error) from error
    if not isinstance(backend, Backend):
        raise InputError(
            f"Backend {name!r} ({type(backend).__name__}) lacks part of the Backend protocol. Give it "
            "name, variants, dtypes, step_limits, versions() and run()."
        )
    return backend


def check_backend_name(name: str) -> None:
    """Raise InputError, which tells the nearest, unless there is a backend of that name."""
    if name not in backend_names():
        raise InputError(
            f"There is no backend called {name!r}.{suggestion(name, backend_names())} "
            f"Known are {', '.join(backend_names())}."
        )


def _unavailable(name: str, error: BaseException) -> BackendUnavailableError:
    lacks = isinstance(error, ImportError)
    what = (f"{error}" if lacks else f"{type(error).__name__}: {error}").rstrip(".")
    if name not in _own():
        remedy = "Install what it needs, or mend it"
    elif lacks:
        remedy = f"Install it with `pip install 'gradproof[{name}]'`"
    else:
        remedy = f"It is there and does not import: install it anew with `pip install -U 'gradproof[{name}]'`"
    return BackendUnavailableError(f"Backend {name!r} cannot be used: {what}. {remedy}.")


@dataclass(frozen=True)
class Description:
    """What a backend tells of itself: its name, the ways to run it, and the dtypes that it can run.

    Those of `model_variants` run a model of the framework's own as it is; those of `optional_variants`, each
    with the reason, run only where they are named. Of `device_kinds` are the devices that it can be told to
    run on.
    """

    name: str
    variants: tuple[str, ...]
    dtypes: tuple[str, ...]
    model_variants: tuple[str, ...] = field(default=(), repr=False)
    optional_variants: Mapping[str, str] = field(default_factory=dict, repr=False)
    device_kinds: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, backend: Any) -> "Description":
        """Describe a backend, or its class."""
        return cls(
            backend.name,
            tuple(backend.variants),
            tuple(backend.dtypes),
            tuple(getattr(backend, "model_variants", ())),
            getattr(backend, "optional_variants", {}),
            tuple(getattr(backend, "device_kinds", ())),
        )


def describe_backend(name: str) -> Description:
    """Describe the backend of that name; of gradproof's own, no framework is imported for it.

    Raises:
        InputError: there is no backend of that name.
        BackendUnavailableError: its framework is not installed; or a third party's cannot be loaded.

    >>> describe_backend("reference")
    Description(name='reference', variants=('numpy',), dtypes=('float64', 'float32', 'float16'))
    """
    check_backend_name(name)
    if not is_own(name):
        backend = load_backend(name)
        for what in ("variants", "dtypes"):
            if not getattr(backend, what, ()):
                raise BackendUnavailableError(
                    f"Backend {name!r} has no {what}, so that no run of it can be made. Give it one at least."
                )
        return Description.of(backend)
    try:
        found = _class_of(name)
        _installed(name, found)
    except ImportError as error:
        raise _unavailable(name, error) from error
    return Description.of(found)


def environment_of(name: str, variant: str) -> Mapping[str, str]:
    """Tell what must be in a process's environment from its start, for a variant of a backend to run there.

    >>> environment_of("reference", "numpy")
    {}
    """
    asked = getattr(_class_of(name), "environment", None) if name in _own() else None
    found: Mapping[str, str] = {} if asked is None else asked(variant)
    return found


def is_own(name: str) -> bool:
    """Tell whether a backend is gradproof's own."""
    return name in _own()


def describe_backends() -> Iterator[tuple[str, str]]:
    """Tell of each backend its variants and what is installed of it, or what to install.

    What is installed is known from metadata: no framework is imported, but by a third party's module that
    imports it.
    """
    for name in backend_names():
        try:
            found = _class_of(name)
            yield name, f"{', '.join(found.variants)}   ({_installed(name, found)})"
            for variant, reason in getattr(found, "optional_variants", {}).items():
                yield f"{name}/{variant}", f"only where it is named: it {reason}"
        except Exception as error:  # noqa: BLE001 - whatever keeps a third party's module from being imported
            yield name, str(_unavailable(name, error))


def _installed(name: str, found: Any) -> str:
    """Tell which package a backend runs, or is registered by, and its version.

    Raises:
        ImportError: a module that it requires is not there.
    """
    for module in _missing(found):
        raise ModuleNotFoundError(f"No module named {module!r}")
    if name not in _own():
        package = _third_party()[name].dist
        return "" if package is None else f"{package.name} {package.version}"
    library = next(iter(getattr(found, "requires", ())), "numpy")
    return f"{library} {_version(library)}".rstrip()


def _version(library: str) -> str:
    """Tell the version of the package that a library is of, which may be called otherwise."""
    try:
        return version(library)
    except PackageNotFoundError:  # tensorflow is of tensorflow-cpu, say
        packages = packages_distributions().get(library)
        return version(packages[0]) if packages else ""


def _missing(found: Any) -> Iterator[str]:
    """Tell the modules that a backend requires and that are not there."""
    for module in getattr(found, "requires", ()):
        if find_spec(module.partition(".")[0]) is None:
            yield module


# -------------------------------------------------------------------- frameworks


def frameworks() -> Iterator[Framework]:
    """Give the frameworks of all backends, for which third parties' modules are imported, if not before."""
    for name in backend_names():
        yield from _framework(name)


def frameworks_in_use() -> Iterator[Framework]:
    """Give those whose library this process has imported.

    A third party's module is imported for it only if the library that it is called like is, or the package
    that it lies in.
    """
    for name in _own():
        yield from (framework for framework in _framework(name) if framework.is_used)
    for name, entry in _third_party().items():
        if {name, entry.module.partition(".")[0]} & sys.modules.keys():
            yield from (framework for framework in _framework(name) if framework.is_used)


def _framework(name: str) -> Iterator[Framework]:
    """Give the framework of a backend, if it has one and can be had."""
    try:
        framework = getattr(_class_of(name), "framework", None)
    except Exception:  # noqa: BLE001 - what cannot be imported has given nobody an array
        return
    if framework is not None:
        yield framework


# -------------------------------------------------------------------- variants


def chosen_variants(entries: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Take names of backends and of backends' variants apart.

    Args:
        entries: each `BACKEND`, for all of its variants, or `BACKEND/VARIANT`; either may be followed by
            `@DEVICE`.

    Returns:
        by backend, in the order in which they are first named, the variants that are named; none, and `*`
        beside others or on a device, stands for all that run where none is named.

    >>> chosen_variants(["jax/eager", "torch/fused", "torch", "jax/eager"])
    {'jax': ('eager',), 'torch': ('fused', '*')}
    >>> chosen_variants(["torch@cuda", "torch", "jax/jit@cuda:1"])
    {'torch': ('*@cuda', '*'), 'jax': ('jit@cuda:1',)}
    """
    chosen: dict[str, dict[str, None]] = {}
    for entry in entries:
        path, device = parted(entry)
        name, slash, variant = path.partition("/")
        chosen.setdefault(name, {})[placed(variant if slash else ALL, device)] = None
    return {name: () if [*named] == [ALL] else tuple(named) for name, named in chosen.items()}


ALL = "*"
"""Stands for all variants of a backend that run where none is named."""


def placed(variant: str, device: str) -> str:
    """Give a variant on a device; the variant itself where none is named."""
    return f"{variant}@{device}" if device else variant


def variants_of(
    backend: Backend | Description, chosen: tuple[str, ...] = (), *, model: bool = False
) -> tuple[str, ...]:
    """Give the variants of a backend that were chosen, in the backend's order; all if none was.

    Args:
        backend: whose variants.
        chosen: their names, as `chosen_variants` gives them.
        model: whether a model of the framework's own is run, so that those that run it as it is are meant.

    Raises:
        InputError: the backend has no such variant, or cannot be told such a device.

    >>> variants_of(load_backend("reference"))
    ('numpy',)
    """
    of_models = getattr(backend, "model_variants", ())
    usual = (*of_models, *backend.variants) if model else backend.variants
    every = (*of_models, *backend.variants, *getattr(backend, "optional_variants", ()))
    found: dict[str, int] = {}
    for variant, device in map(parted, chosen or (ALL,)):
        if variant not in (*every, ALL):
            raise InputError(
                f"Backend {backend.name!r} has no variant called {variant!r}. Choose from "
                f"{', '.join(f'{backend.name}/{each}' for each in every)}."
            )
        if device:
            _check_device(backend, device)
        own = usual if variant == ALL else (variant,)
        found |= {placed(each, device): every.index(each) for each in own}
    return tuple(sorted(found, key=lambda each: found[each]))


def _check_device(backend: Backend | Description, device: str) -> None:
    kinds = getattr(backend, "device_kinds", ())
    if not kinds:
        raise InputError(
            f"Backend {backend.name!r} computes where its library does, and cannot be told a device. Leave "
            f"@{device} out."
        )
    check_device_name(device, kinds)


def check_device_name(device: str, kinds: Iterable[str]) -> None:
    """Raise InputError, which tells the nearest, unless something names a device of one of these kinds.

    >>> check_device_name("cuda:1", ["cpu", "cuda"])
    """
    kind, colon, place = device.partition(":")
    kinds = tuple(kinds)
    if not kinds:
        raise InputError(
            f"The device {device!r:.60} is asked for, and none of the backends that can be used here is told "
            "a device. Install PyTorch or JAX, or leave the device out."
        )
    if kind not in kinds or (colon and not place.isdecimal()):
        raise InputError(
            f"There is no device called {device!r:.60}.{suggestion(kind, kinds)} Known are "
            f"{', '.join(kinds)}, and one of several as cuda:1."
        )

"""Who is under test: the backends, and the frameworks whose arrays they work with.

What comes in: a scenario. What goes out: a `Run`, the record of every step's loss, gradient and weights, in
NumPy arrays, which nobody has judged yet.

In the order of reading: `protocol` (what a Backend is and records, the laws that it keeps, and what
gradproof's own share), `framework` (how arrays get into a library and out of it), `namespaces` (how a
library's functions are called as the standard calls them), `reference_backend`, `torch_backend` and others
(one file each), `loading` (finding them, and third parties', by name), `laws` (whether a record can be
judged), `arrays` (whose array is this?).

A backend of gradproof's own is a file `NAME_backend.py` here that defines `BACKEND`; a third party's is a
class that an entry point names. Neither is listed anywhere else.
"""

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.loading import (
    Description,
    backend_names,
    check_backend_name,
    chosen_variants,
    default_backends,
    describe_backend,
    describe_backends,
    is_own,
    load_backend,
    variants_of,
)
from gradproof.backends.protocol import Backend, Run, Timing
from gradproof.reference.numbers.formats import Products

__all__ = [
    "Backend",
    "Description",
    "Framework",
    "Lazy",
    "Products",
    "Run",
    "Timing",
    "backend_names",
    "check_backend_name",
    "chosen_variants",
    "default_backends",
    "describe_backend",
    "describe_backends",
    "is_own",
    "load_backend",
    "variants_of",
]

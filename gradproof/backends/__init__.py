"""Who is under test: the Backend protocol, gradproof's own backends and third parties' by entry point."""

from gradproof.backends.loading import backend_names, chosen_variants, load_backend, variants_of
from gradproof.backends.protocol import Backend, Run, Timing

__all__ = [
    "Backend",
    "Run",
    "Timing",
    "backend_names",
    "chosen_variants",
    "load_backend",
    "variants_of",
]

"""What the exact gradient of a PyTorch transformer costs, taken as it is."""

import resource
import subprocess
import sys
import time

import torch
from torch.nn import functional

import gradproof as gp
from benchmarks.timing import print_figures
from gradproof.reference.truth import exact_gradient

TOKENS, LAYERS, WORDS = 64, 4, 64
WIDTHS = (24, 72, 144)
"""The last has a million parameters."""


class Transformer(torch.nn.Module):  # type: ignore[misc] # PyTorch is Any
    """An embedding, some encoder layers with four heads each, and a linear head."""

    def __init__(self, width: int) -> None:
        """Make the layers."""
        super().__init__()
        layer = torch.nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.embedding = torch.nn.Embedding(WORDS, width)
        self.encoder = torch.nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.head = torch.nn.Linear(width, WORDS)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Give the logits of the words that follow."""
        return self.head(self.encoder(self.embedding(words)))


def transformers() -> None:
    """Measure one width in a process each, since what is told of memory is the most that a process took."""
    rows = [
        subprocess.run(
            [sys.executable, "-m", "benchmarks.transformers_by_size", str(width)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\t")
        for width in WIDTHS
    ]
    print_figures(
        f"Exact gradients of PyTorch transformers of {LAYERS} layers, {TOKENS} tokens",
        "a million parameters: at most 60 s and 6 GB on two cores",
        ["width", "parameters", "operations", "traced", "exact", "a multiply-add", "memory"],
        rows,
    )


def _measure(width: int) -> None:
    torch.manual_seed(0)
    words = torch.randint(0, WORDS, (1, TOKENS))
    start = time.perf_counter()
    scenario = gp.from_torch(
        Transformer(width),
        (words,),
        loss=lambda logits: functional.cross_entropy(logits[0, :-1], words[0, 1:]),
    )
    ready = time.perf_counter()
    exact_gradient(scenario.flat_loss, scenario.flat_params, scenario.flat_batch, sharp_is_enough=True)
    done = time.perf_counter()
    parameters = sum(array.size for array in scenario.flat_params.values())
    # Each weight is used once a token, and its derivative takes twice as many products.
    cost = (done - ready) / (3 * parameters * TOKENS)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        width,
        f"{parameters:,}",
        len(scenario.loss.graph.nodes),
        f"{ready - start:.1f} s",
        f"{done - ready:.1f} s",
        f"{1e9 * cost:.0f} ns",
        f"{memory:.1f} GB",
        sep="\t",
        end="",
    )


if __name__ == "__main__":
    _measure(int(sys.argv[1]))

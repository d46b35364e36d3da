"""Architectures of `transformers`, small ones, as they are: is PyTorch's float32 gradient right?"""

import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import gradproof as gp

_TEXT = {
    "vocab_size": 32,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
}
_VISION = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
_GPT2 = {"vocab_size": 32, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 16}
_T5 = {"vocab_size": 32, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
_MAMBA = {"vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 2, "state_size": 4}
_RESNET = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"}
_SWIN = {
    "image_size": 16,
    "patch_size": 2,
    "embed_dim": 8,
    "depths": [2, 1],
    "num_heads": [1, 2],
    "window_size": 4,
}
_SPEECH = {
    **_VISION,
    "num_hidden_layers": 1,
    "conv_dim": (8, 8),
    "conv_stride": (5, 2),
    "conv_kernel": (10, 3),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
}


def _words(torch: Any) -> dict[str, Any]:
    ids = torch.randint(0, 30, (2, 6))
    return {"input_ids": ids, "labels": ids}


def _images(torch: Any, count: int, size: int) -> dict[str, Any]:
    return {"pixel_values": torch.randn(count, 3, size, size), "labels": torch.arange(count) % 2}


ARCHITECTURES: dict[str, tuple[str, str, dict[str, Any], Callable[..., Any]]] = {
    "GPT-2": ("GPT2LMHeadModel", "GPT2Config", _GPT2, _words),
    "BERT": ("BertForMaskedLM", "BertConfig", _TEXT, _words),
    "Llama": ("LlamaForCausalLM", "LlamaConfig", _TEXT | {"num_key_value_heads": 1}, _words),
    "Mistral": (
        "MistralForCausalLM",
        "MistralConfig",
        _TEXT | {"num_key_value_heads": 1, "head_dim": 8},
        _words,
    ),
    "Gemma": (
        "GemmaForCausalLM",
        "GemmaConfig",
        _TEXT | {"num_key_value_heads": 1, "head_dim": 8},
        _words,
    ),
    "GPT-NeoX": ("GPTNeoXForCausalLM", "GPTNeoXConfig", _TEXT, _words),
    "T5": (
        "T5ForConditionalGeneration",
        "T5Config",
        _T5 | {"decoder_start_token_id": 0},
        _words,
    ),
    "Mamba": ("MambaForCausalLM", "MambaConfig", _MAMBA, _words),
    "ViT": (
        "ViTForImageClassification",
        "ViTConfig",
        _VISION | {"image_size": 8, "patch_size": 4},
        lambda torch: _images(torch, 2, 8),
    ),
    "ResNet": ("ResNetForImageClassification", "ResNetConfig", _RESNET, lambda torch: _images(torch, 2, 16)),
    "Swin": ("SwinForImageClassification", "SwinConfig", _SWIN, lambda torch: _images(torch, 1, 16)),
    "wav2vec 2.0": (
        "Wav2Vec2ForSequenceClassification",
        "Wav2Vec2Config",
        _SPEECH,
        lambda torch: {"input_values": torch.randn(1, 400), "labels": torch.tensor([1])},
    ),
}
"""By name, the class of the model, that of its configuration, the configuration, and its inputs."""


def scenario_of(name: str) -> gp.Scenario:
    """Take an architecture as it is, in evaluation mode, with the loss that it computes itself."""
    import torch  # noqa: PLC0415 - it is not needed by other measurements
    import transformers  # noqa: PLC0415 - as above

    torch.manual_seed(0)
    model, configuration, options, inputs = ARCHITECTURES[name]
    made = getattr(transformers, model)(getattr(transformers, configuration)(**options)).eval()
    if hasattr(made.config, "use_cache"):
        made.config.use_cache = False
    return gp.from_torch(made, inputs(torch), loss=lambda output: output.loss, name=name)


def architectures() -> None:
    """Print for each architecture how large it is, what it takes, and the verdicts in float32."""
    warnings.simplefilter("ignore")
    for name in ARCHITECTURES:
        start = time.perf_counter()
        scenario = scenario_of(name)
        traced = time.perf_counter()
        check = gp.check(scenario, points=0, dtype="float32")
        judged = time.perf_counter()
        size = sum(array.size for array in scenario.flat_params.values())
        counts = Counter(check.entries.verdict)
        print(
            f"{name:12s} {size:6d} parameters, traced in {traced - start:4.1f} s, judged in "
            f"{judged - traced:4.1f} s: {', '.join(f'{counts[each]} {each}' for each in counts)}"
        )

"""Small models and corpora that tests share."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import LSTM

from s2s.data.corpus import EncodedCorpus, write_split
from s2s.model.interface import Architecture, Decoder, Encoder, State
from s2s.model.recurrent import RecurrentDecoder, RecurrentEncoder
from s2s.model.seq2seq import Seq2Seq
from s2s.model.stack import Fused
from s2s.text.vocabulary import EOS
from s2s.training.recipe import Recipe

FIRST = 3  # ids below are <pad>, <unk> and </s>


def architecture(**changes: object) -> Architecture:
    """Return the architecture of a two-layer model over five digits."""
    values = {
        "cell": "lstm",
        "layers": 2,
        "hidden": 5,
        "embedding": 4,
        "dropout": 0.0,
        "reverse_source": True,
        "init_uniform": 0.5,
        "source_vocabulary": 8,
        "target_vocabulary": 8,
    }
    return Architecture(**values | changes)  # type: ignore[arg-type]


def network(seed: int = 1, **changes: object) -> Seq2Seq:
    """Make a model with random weights, ready to evaluate."""
    torch.manual_seed(seed)
    return Seq2Seq(architecture(**changes)).eval()


def step(model: Seq2Seq, tokens: Tensor, state: State) -> tuple[Tensor, State]:
    """Compute the logits of B hypotheses, [B, V], and the state after, from their last tokens, [B], and the state."""
    states, state = model.decoder(tokens.unsqueeze(0), state)
    return model.decoder.output(states.squeeze(0)), state


def lstm(part: Encoder | Decoder) -> LSTM:
    """Return torch's layers of an encoder or a decoder of plain LSTM layers."""
    assert isinstance(part, RecurrentEncoder | RecurrentDecoder)
    fused = part.stack.parts[0]
    assert isinstance(fused, Fused) and isinstance(fused.layers, LSTM)
    return fused.layers


def recipe(**changes: object) -> Recipe:
    """Return a recipe that learns digit strings in seconds."""
    values = {
        "optimizer": "adam",
        "learning_rate": 0.01,
        "adam_beta2": 0.999,
        "weight_decay": 0.0,
        "warmup_updates": 10,
        "decay": "cosine",
        "halve_after_epochs": 5.0,
        "halve_every_epochs": 0.5,
        "epochs": 2.0,
        "patience_epochs": 0,
        "evaluations_per_epoch": 1,
        "average_updates": 0,
        "batch_sentences": 32,
        "batch_tokens": 1000,
        "bucketing": True,
        "clip_norm": 5.0,
        "normalize_loss": "tokens",
        "label_smoothing": 0.0,
        "bptt_tokens": 0,
        "mixed_precision": False,
        "memory_gb": 0.0,
    }
    return Recipe(**values | changes)  # type: ignore[arg-type]


def digits(folder: Path, split: str, pairs: int, seed: int, reverse: bool = False, longest: int = 6) -> EncodedCorpus:
    """Write and open a corpus of strings over five digits, to be copied or reversed."""
    draw = np.random.default_rng(seed)
    sources = [draw.integers(FIRST, FIRST + 5, size).tolist() for size in draw.integers(1, longest + 1, pairs)]
    targets = [[*(source[::-1] if reverse else source), EOS] for source in sources]
    write_split(folder, split, sources, targets)
    return EncodedCorpus.open(folder, split)

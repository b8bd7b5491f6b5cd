"""The encoder-decoder of the paper: two stacks of LSTM layers, joined by one fixed-size state.

Shapes: B batch, S source length, T target length, E embedding, H hidden, L layers, V vocabulary.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.data import Batch
from s2s.errors import UserError, check

State = tuple[Tensor, Tensor]  # h and c of every layer, each [L, B, H]

WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Architecture:
    """What fixes the shape of a model and how it reads; all of it is kept in model.json."""

    cell: str
    layers: int
    hidden: int
    embedding: int
    dropout: float
    reverse_source: bool
    init_uniform: float
    source_vocabulary: int
    target_vocabulary: int


class Encoder(nn.Module):
    """Reads a source sentence into the last h and c of every layer."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.source_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.lstm = make_lstm(architecture)

    def forward(self, sources: PackedSequence) -> State:
        """Returns the state after the last token of each sentence: h and c, each [L, B, H]."""
        embedded = sources._replace(data=self.dropout(self.embedding(sources.data)))  # data [all tokens, E]
        _, state = self.lstm(embedded)
        return state  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Says the translation token by token, from the encoder's state and the tokens before."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.lstm = make_lstm(architecture)
        self.output = nn.Linear(architecture.hidden, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> Tensor:
        """Teacher forcing: input tokens [T, B] and the encoder's state to the states of the top layer, [T, B, H]."""
        states, _ = self.lstm(self.dropout(self.embedding(target_inputs)), state)
        return states  # type: ignore[no-any-return]

    def logits(self, states: Tensor) -> Tensor:
        """What follows each state: [..., H] to unnormalised log-probabilities [..., V]."""
        return self.output(self.dropout(states))  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """One token of each of B hypotheses: [B] and the state before it to logits [B, V] and the state after it."""
        states, state = self.lstm(self.dropout(self.embedding(tokens)).unsqueeze(0), state)  # [1, B, H]
        return self.logits(states.squeeze(0)), state


def make_lstm(architecture: Architecture) -> nn.LSTM:
    """A stack of LSTM layers, with dropout between them as in Zaremba et al. 2014."""
    between = architecture.dropout if architecture.layers > 1 else 0.0
    return nn.LSTM(architecture.embedding, architecture.hidden, architecture.layers, dropout=between)


class Seq2Seq(nn.Module):
    """An encoder and a decoder with weights of their own; the decoder starts from the encoder's last state."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.encoder = Encoder(architecture)
        self.decoder = Decoder(architecture)
        self.initialize()

    def initialize(self) -> None:
        """Every parameter uniform in [-x, x] (Sutskever et al. 2014, section 3.4)."""
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -self.architecture.init_uniform, self.architecture.init_uniform)

    def forward(self, batch: Batch) -> Tensor:
        """The logits of every target token that is no padding, [target_tokens, V], as `batch.right_tokens`.

        The padding is dropped before the softmax, the largest product of all.
        """
        states = self.decoder(batch.target_inputs, self.encoder(batch.sources))  # [T, B, H]
        return self.decoder.logits(states[batch.is_text])


def parameter_count(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(parameter.numel() for parameter in model.parameters())


def describe(architecture: Architecture) -> dict[str, object]:
    """The architecture as model.json keeps it."""
    return asdict(architecture)


def load(folder: Path, device: str = "cpu") -> Seq2Seq:
    """Loads a trained model for evaluation.

    Raises:
        UserError: the folder holds no model, or its weights do not fit its description.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        model = Seq2Seq(Architecture(**description["model"]))
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise UserError(f"{folder}: no model ({error}); expected {DESCRIPTION} and {WEIGHTS}") from None
    except RuntimeError as error:
        check(False, f"{folder}: weights do not fit {DESCRIPTION} ({str(error).splitlines()[0]})")
    return model.to(torch.device(device)).eval()

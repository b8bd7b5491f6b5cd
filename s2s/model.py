"""The encoder-decoder of the paper: two stacks of LSTM layers, joined by one fixed-size state.

Shapes: B batch, S source length, T target length, E embedding, H hidden, L layers, V vocabulary.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.data import Batch
from s2s.errors import UserError, check

State = tuple[Tensor, Tensor]  # h and c of every layer, each [L, B, H]

RUNS = 10  # of equal steps, at most, are computed each by itself: each turns weights into the kernels' own layout again
WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"

warnings.filterwarnings("ignore", "RNN module weights are not part")  # those of `LSTM` under autocast: copies of a call


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
        embedded = self.dropout(self.embedding(sources.data))  # [all tokens, E]
        sizes = sources.batch_sizes.tolist()
        if embedded.is_cuda or len(set(sizes)) > RUNS:
            return self.lstm(sources._replace(data=embedded))[1]  # type: ignore[no-any-return]
        h, c = last_states(self.lstm, embedded, sizes)
        order = sources.unsorted_indices
        return (h, c) if order is None else (h.index_select(1, order), c.index_select(1, order))


class Decoder(nn.Module):
    """Says the translation token by token, from the encoder's state and the tokens before."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.embedding = nn.Embedding(architecture.target_vocabulary, architecture.embedding)
        self.dropout = nn.Dropout(architecture.dropout)
        self.lstm = make_lstm(architecture)
        self.output = nn.Linear(architecture.hidden, architecture.target_vocabulary)

    def forward(self, target_inputs: Tensor, state: State) -> tuple[Tensor, State]:
        """Teacher forcing: input tokens [T, B] and the state before them to those of the top layer, [T, B, H].

        Returns:
            These, and the state of all layers after the last of them.
        """
        return self.lstm(self.dropout(self.embedding(target_inputs)), state)  # type: ignore[no-any-return]

    def logits(self, states: Tensor) -> Tensor:
        """What follows each state: [..., H] to unnormalised log-probabilities [..., V]."""
        return self.output(self.dropout(states))  # type: ignore[no-any-return]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """One token of each of B hypotheses: [B] and the state before it to logits [B, V] and the state after it."""
        states, state = self.lstm(self.dropout(self.embedding(tokens)).unsqueeze(0), state)  # [1, B, H]
        return self.logits(states.squeeze(0)), state


class LSTM(nn.LSTM):
    """A stack of LSTM layers that computes in autocast's type, whatever it is.

    torch's own takes float16 on a GPU even where bfloat16 was asked for, and float16 rounds to zero what is below 6e-8:
    much of the gradient of a mean over a batch.
    """

    def forward(self, inputs: Any, state: State | None = None) -> Any:
        """As that of nn.LSTM; the gradients of the weights are in the type of the weights."""
        device, own = next(self.parameters()).device.type, self._flat_weights
        if not torch.is_autocast_enabled(device):
            return super().forward(inputs, state)
        kind = torch.get_autocast_dtype(device)
        if state is not None:
            state = state[0].to(kind), state[1].to(kind)
        self._flat_weights = [weight.to(kind) for weight in own]  # type: ignore[union-attr]  # none of ours is None
        try:
            with torch.autocast(device, enabled=False):
                return super().forward(inputs.to(kind), state)
        finally:
            self._flat_weights = own


def make_lstm(architecture: Architecture) -> LSTM:
    """A stack of LSTM layers, with dropout between them as in Zaremba et al. 2014."""
    between = architecture.dropout if architecture.layers > 1 else 0.0
    return LSTM(architecture.embedding, architecture.hidden, architecture.layers, dropout=between)


def last_states(lstm: nn.LSTM, embedded: Tensor, sizes: Sequence[int]) -> State:
    """The state after the last token of each of B sentences, the longest first: h and c, each [L, B, H].

    A run of steps over which no sentence ends is one call. A processor computes packed sentences of different lengths
    step by step, without the fused kernels: two lengths take 1.6 times as long as in two runs.

    Args:
        lstm: the stack of layers.
        embedded: the inputs of each step in turn, [all tokens, E].
        sizes: how many sentences each step has, [S].
    """
    h = c = embedded.new_zeros(lstm.num_layers, sizes[0], lstm.hidden_size)
    ended, start = [], 0
    for size, steps in ((size, len(list(run))) for size, run in groupby(sizes)):
        if size < h.shape[1]:
            ended.append((h[:, size:], c[:, size:]))
        inputs = embedded[start : start + steps * size].view(steps, size, -1)
        _, (h, c) = lstm(inputs, (h[:, :size].contiguous(), c[:, :size].contiguous()))
        start += steps * size
    if not ended:
        return h, c
    parts = zip((h, c), *reversed(ended), strict=True)
    h, c = (torch.cat(part, dim=1) for part in parts)
    return h, c


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
        """The logits of every target token that is no padding, [N, V], as `batch.right_tokens`."""
        ((states, _),) = self.segments(batch)
        return self.decoder.output(states)  # type: ignore[no-any-return]

    def segments(self, batch: Batch, bptt_tokens: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """What the softmax reads and has to say, in segments of the target sentences one after the other.

        Truncated backpropagation through time: the state goes on from segment to segment, its gradient does not, so
        the encoder learns from the first segment alone. Each is to be run backward before the next is asked for.

        Args:
            batch: the pairs.
            bptt_tokens: target positions a segment, at most; 0: all of them are one segment.

        Yields:
            The states of the top layer at target tokens that are no padding, [N, H], dropout applied, and the tokens
            that are right there, [N]; the padding is dropped before the softmax, the largest product of all.
        """
        T, B = batch.targets.shape
        state = self.encoder(batch.sources)
        for start in range(0, T, bptt_tokens or T):
            end = min(T, start + (bptt_tokens or T))
            states, (h, c) = self.decoder(batch.target_inputs[start:end], state)  # [end - start, B, H]
            state = h.detach(), c.detach()
            part = slice(*batch.step_starts[[start, end]].tolist())
            chosen = states.flatten(0, 1).index_select(0, batch.text[part] - start * B)  # [N, H]
            yield self.decoder.dropout(chosen), batch.right_tokens[part]


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

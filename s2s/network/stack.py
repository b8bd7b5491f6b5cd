"""Stacks of recurrent layers: over whole sentences with torch's fused kernels where it has them, and step by step.

Shapes: T steps, R rows, sentences or hypotheses, E inputs, H hidden, L layers.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from s2s.network import cells
from s2s.network.cells import CellStep
from s2s.network.interface import Architecture, Tensors

RUNS = 10  # of equal steps, at most, are computed each by itself: each turns weights into the kernels' own layout again

warnings.filterwarnings("ignore", "RNN module weights are not part")  # under autocast: copies of a call


class Fused(nn.Module):
    """torch's layers of one kind of cell, which compute in autocast's type, whatever it is, and a tuple of states.

    torch's own take float16 on a GPU even where bfloat16 was asked for, and float16 rounds to zero what is below 6e-8:
    much of the gradient of a mean over a batch.
    """

    def __init__(self, layers: nn.RNNBase) -> None:
        super().__init__()
        self.layers = layers

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """Those of each layer, in torch's order."""
        return self.layers.all_weights  # type: ignore[return-value]

    def forward(self, inputs: Any, state: Tensors | None = None) -> Any:
        """Inputs [T, R, E], or packed, to the top layer's h, [T, R, H] or packed, and the state after, [L, R, H] each.

        The gradients of the weights are in the type of the weights.
        """
        layers = self.layers
        device, own = next(layers.parameters()).device.type, layers._flat_weights
        if not torch.is_autocast_enabled(device):
            return self.compute(inputs, state)
        kind = torch.get_autocast_dtype(device)
        if state is not None:
            state = tuple(part.to(kind) for part in state)
        layers._flat_weights = [weight.to(kind) for weight in own]  # type: ignore[union-attr]  # none of ours is None
        try:
            with torch.autocast(device, enabled=False):
                return self.compute(inputs.to(kind), state)
        finally:
            layers._flat_weights = own

    def compute(self, inputs: Any, state: Tensors | None) -> Any:
        """The pass itself. torch's state is a pair of an LSTM and one tensor of the others."""
        if isinstance(self.layers, nn.LSTM):
            return self.layers(inputs, state)
        outputs, after = self.layers(inputs, None if state is None else state[0])
        return outputs, (after,)


class Written(nn.Module):
    """A layer of a cell that torch has no kernel for: a step at a time."""

    def __init__(self, cell: "Cell", inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell = cell
        self.weight_ih = nn.Parameter(torch.empty(cell.gates * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(cell.gates * hidden, hidden))
        self.bias = nn.Parameter(torch.empty(cell.gates * hidden))
        self.peepholes = nn.Parameter(torch.empty(cell.peepholes, hidden)) if cell.peepholes else None

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """Those of the one layer, as `Fused` has them of each."""
        peepholes = [] if self.peepholes is None else [self.peepholes]
        return [[self.weight_ih, self.weight_hh, self.bias, *peepholes]]

    def forward(self, inputs: Tensor, state: Tensors) -> tuple[Tensor, Tensors]:
        """Inputs [T, R, E] and the state before, [1, R, H] each, to h at each step, [T, R, H], and the state after."""
        step, now, outputs = self.cell.step(self.all_weights[0]), tuple(part[0] for part in state), []
        for one in inputs.unbind(0):
            now = step(one, now)
            outputs.append(now[0])
        return torch.stack(outputs), tuple(part.unsqueeze(0) for part in now)


@dataclass(frozen=True)
class Cell:
    """A kind of cell."""

    step: Callable[[Sequence[Tensor]], CellStep]
    states: int = 1
    """Tensors of its state: h, or h and c."""
    gates: int = 1
    """Rows of its weights for each hidden unit."""
    peepholes: int = 0
    fused: Callable[..., nn.RNNBase] | None = None
    """torch's layers of it, from inputs, hidden, layers and dropout; without them it is `Written`."""


CELLS = {
    "lstm": Cell(cells.lstm_step, states=2, gates=4, fused=nn.LSTM),
    "gru": Cell(cells.gru_step, gates=3, fused=nn.GRU),
    "rnn_tanh": Cell(partial(cells.rnn_step, squash=torch.tanh), fused=partial(nn.RNN, nonlinearity="tanh")),
    "rnn_relu": Cell(partial(cells.rnn_step, squash=torch.relu), fused=partial(nn.RNN, nonlinearity="relu")),
    "lstm_peephole": Cell(cells.peephole_step, states=2, gates=4, peepholes=3),
    "gru_cho": Cell(cells.gru_cho_step, gates=3),
}


class Stack(nn.Module):
    """Layers of one kind of cell, with dropout between them as in Zaremba et al. 2014.

    `residual` adds to what a layer says what it read, where both are as wide; `layer_norm` normalizes what it reads
    (Ba et al. 2016). Either makes each layer a call by itself; without them the kernels take all layers together.
    """

    def __init__(self, architecture: Architecture, inputs: int, layers: int | None = None) -> None:
        """Layers that read `inputs` numbers; as many as the architecture says, unless told otherwise."""
        super().__init__()
        count, hidden = layers or architecture.layers, architecture.hidden
        self.cell, self.layers, self.hidden = CELLS[architecture.cell], count, hidden
        self.residual = architecture.residual
        self.dropout = nn.Dropout(architecture.dropout)
        widths = [inputs, *[hidden] * (count - 1)]
        fused = self.cell.fused
        if fused and not architecture.residual and not architecture.layer_norm:
            between = architecture.dropout if count > 1 else 0.0
            parts: list[nn.Module] = [Fused(fused(inputs, hidden, count, dropout=between))]
        elif fused:
            parts = [Fused(fused(width, hidden)) for width in widths]
        else:
            parts = [Written(self.cell, width, hidden) for width in widths]
        self.parts = nn.ModuleList(parts)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths) if architecture.layer_norm else None

    def weights(self) -> list[list[Tensor]]:
        """The weights of each layer, in the order in which its cell's step takes them."""
        return [weights for part in self.parts for weights in part.all_weights]  # type: ignore[union-attr]

    def zeros(self, like: Tensor, rows: int) -> Tensors:
        """The state before the first step, [L, R, H] each."""
        return tuple(like.new_zeros(self.layers, rows, self.hidden) for _ in range(self.cell.states))

    def forward(self, inputs: Any, state: Tensors | None = None) -> Any:
        """Inputs [T, R, E], or packed with the longest first, to the top layer's h, likewise, and the state after.

        Args:
            inputs: of each step; packed ones only of cells that torch has kernels for.
            state: before them, [L, R, H] each; None: zeros.

        Returns:
            The top layer's h, [T, R, H] or packed, and the state after the last step of each row, [L, R, H] each.
        """
        if len(self.parts) == 1 and self.norms is None and not (self.residual and self.layers == 1):
            return self.parts[0](inputs, state)
        ends = []
        for number, part in enumerate(self.parts):
            before = None if state is None else tuple(one[number : number + 1] for one in state)
            outputs, after = part(on_data(partial(self.norm, number), inputs), before)
            if self.residual and data_of(outputs).shape == data_of(inputs).shape:
                outputs = on_data(partial(torch.add, data_of(inputs)), outputs)
            if number + 1 < len(self.parts):
                outputs = on_data(self.dropout, outputs)
            ends.append(after)
            inputs = outputs
        return inputs, tuple(torch.cat(parts) for parts in zip(*ends, strict=True))

    def norm(self, layer: int, inputs: Tensor) -> Tensor:
        """What a layer reads."""
        return inputs if self.norms is None else self.norms[layer](inputs)

    def read(self, inputs: Tensor, sizes: Tensor) -> tuple[Tensor, Tensors]:
        """Reads B sentences of any lengths, the longest first.

        A run of steps over which no sentence ends is one call. A processor computes packed sentences of different
        lengths step by step, without the fused kernels: two lengths take 1.6 times as long as in two runs.

        Args:
            inputs: of each step in turn, as packed sentences have them, [all tokens, E].
            sizes: how many sentences each step has, [S], on the host.

        Returns:
            The top layer's h at each of them, [all tokens, H], and the state after the last of each sentence,
            [L, B, H] each.
        """
        runs = [(size, len(list(run))) for size, run in groupby(sizes.tolist())]
        if self.cell.fused and (inputs.is_cuda or len(runs) > RUNS):
            outputs, state = self(PackedSequence(inputs, sizes))
            return outputs.data, state
        state = self.zeros(inputs, runs[0][0])
        said, ended, start = [], [], 0
        for size, steps in runs:
            if size < state[0].shape[1]:
                ended.append(tuple(part[:, size:] for part in state))
            inside = inputs[start : start + steps * size].view(steps, size, -1)
            outputs, state = self(inside, tuple(part[:, :size].contiguous() for part in state))
            said.append(outputs.flatten(0, 1))
            start += steps * size
        parts = zip(state, *reversed(ended), strict=True)
        return torch.cat(said), tuple(torch.cat(part, dim=1) if ended else part[0] for part in parts)

    def stepper(self) -> Callable[[Tensor, Tensors], tuple[Tensor, Tensors]]:
        """One step of all layers: inputs [R, E] and the state before to the top layer's h, [R, H], and that after.

        It is the same as `forward` of one step. torch's own layers lay their weights out anew in every call.
        """
        steps = [self.cell.step(weights) for weights in self.weights()]

        def step(inputs: Tensor, state: Tensors) -> tuple[Tensor, Tensors]:
            ends = []
            for number, one in enumerate(steps):
                after = one(self.norm(number, inputs), tuple(part[number] for part in state))
                residual = self.residual and after[0].shape == inputs.shape
                inputs = after[0] + inputs if residual else after[0]
                if number + 1 < self.layers:
                    inputs = self.dropout(inputs)
                ends.append(after)
            return inputs, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))

        return step


def data_of(sequence: Tensor | PackedSequence) -> Tensor:
    """The numbers of a sequence, packed or not."""
    return sequence.data if isinstance(sequence, PackedSequence) else sequence


def on_data(change: Callable[[Tensor], Tensor], sequence: Any) -> Any:
    """A sequence, packed or not, with its numbers changed."""
    return sequence._replace(data=change(sequence.data)) if isinstance(sequence, PackedSequence) else change(sequence)

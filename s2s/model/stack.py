"""Stacks of recurrent layers, computed over whole sentences (by torch's fused kernels, where it has them) or stepwise.

Shapes: T steps, S source length, B sentences, R rows (sentences or hypotheses), E inputs, H hidden, L layers.
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

from s2s.model import layers
from s2s.model.interface import Architecture, Tensors
from s2s.model.layers import CellStep

RUNS = 10  # at most, in `Stack.read`: each run is a call, which repacks the weights for the kernels

warnings.filterwarnings("ignore", "RNN module weights are not part")  # autocast's copies are made for each call


class Fused(nn.Module):
    """torch's layers of one kind of cell, computed in the type of autocast, with a tuple for a state.

    torch's own layers take float16 on a GPU even if autocast is to use bfloat16. float16 rounds numbers below 6e-8 to
    zero, among them much of the gradient of a mean over a batch.
    """

    def __init__(self, layers: nn.RNNBase) -> None:
        super().__init__()
        self.layers = layers

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """Weights of each layer, in torch's order."""
        return self.layers.all_weights  # type: ignore[return-value]

    def forward(self, inputs: Any, state: Tensors | None = None) -> Any:
        """Return the top layer's h, [T, R, H] or packed, and the state after, [L, R, H] each.

        The gradients of the weights have the type of the weights.

        Args:
            inputs: [T, R, E], or packed.
            state: before them, [L, R, H] each; None: zeros.
        """
        layers = self.layers
        device, own = next(layers.parameters()).device.type, layers._flat_weights
        if not torch.is_autocast_enabled(device):
            return self.compute(inputs, state)
        kind = torch.get_autocast_dtype(device)
        if state is not None:
            state = tuple(part.to(kind) for part in state)
        layers._flat_weights = [weight.to(kind) for weight in own]  # type: ignore[union-attr]  # None only in torch's type
        try:
            with torch.autocast(device, enabled=False):
                return self.compute(inputs.to(kind), state)
        finally:
            layers._flat_weights = own

    def compute(self, inputs: Any, state: Tensors | None) -> Any:
        """Call torch's layers, which take a pair for the state of an LSTM and one tensor for other cells."""
        if isinstance(self.layers, nn.LSTM):
            return self.layers(inputs, state)
        outputs, after = self.layers(inputs, None if state is None else state[0])
        return outputs, (after,)


class Written(nn.Module):
    """A layer of a cell that torch has no kernel for, computed step by step."""

    def __init__(self, cell: "Cell", inputs: int, hidden: int) -> None:
        super().__init__()
        self.cell = cell
        self.weight_ih = nn.Parameter(torch.empty(cell.gates * hidden, inputs))
        self.weight_hh = nn.Parameter(torch.empty(cell.gates * hidden, hidden))
        self.bias = nn.Parameter(torch.empty(cell.gates * hidden))
        self.peepholes = nn.Parameter(torch.empty(cell.peepholes, hidden)) if cell.peepholes else None

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """Weights of this layer, in a list as in `Fused`."""
        peepholes = [] if self.peepholes is None else [self.peepholes]
        return [[self.weight_ih, self.weight_hh, self.bias, *peepholes]]

    def forward(self, inputs: Tensor, state: Tensors) -> tuple[Tensor, Tensors]:
        """Compute h at each step, [T, R, H], and the state after, from inputs [T, R, E] and a state, [1, R, H] each."""
        step, state, outputs = self.cell.step(self.all_weights[0]), tuple(part[0] for part in state), []
        for step_inputs in inputs.unbind(0):
            state = step(step_inputs, state)
            outputs.append(state[0])
        return torch.stack(outputs), tuple(part.unsqueeze(0) for part in state)


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent cell."""

    step: Callable[[Sequence[Tensor]], CellStep]
    """Makes the function that computes one step, from the weights of a layer."""
    states: int = 1
    """Number of tensors in its state: h, or h and c."""
    gates: int = 1
    """Rows of its weight matrices for each hidden unit."""
    peepholes: int = 0
    """Number of peephole weights for each hidden unit."""
    fused: Callable[..., nn.RNNBase] | None = None
    """torch's layers of this cell, from inputs, hidden, layers and dropout; a cell without them is `Written`."""


CELLS = {
    "lstm": Cell(layers.lstm_step, states=2, gates=4, fused=nn.LSTM),
    "gru": Cell(layers.gru_step, gates=3, fused=nn.GRU),
    "rnn_tanh": Cell(partial(layers.rnn_step, squash=torch.tanh), fused=partial(nn.RNN, nonlinearity="tanh")),
    "rnn_relu": Cell(partial(layers.rnn_step, squash=torch.relu), fused=partial(nn.RNN, nonlinearity="relu")),
    "lstm_peephole": Cell(layers.peephole_step, states=2, gates=4, peepholes=3),
    "gru_cho": Cell(layers.gru_cho_step, gates=3),
}


class Stack(nn.Module):
    """Layers of one kind of cell, with dropout between them (Zaremba et al. 2014).

    `residual` adds a layer's input to its output where both are equally wide; `layer_norm` normalizes its input (Ba et
    al. 2016). With either, each layer is a call of its own; without them, a kernel computes all layers together.
    """

    def __init__(self, architecture: Architecture, inputs: int, layers: int | None = None) -> None:
        """Make the layers.

        Args:
            architecture: kind of cell, sizes, dropout and the number of layers.
            inputs: width of the input of the lowest layer.
            layers: number of layers, if not that of the architecture.
        """
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
        """Return the weights of each layer, in the order in which `Cell.step` takes them."""
        return [weights for part in self.parts for weights in part.all_weights]  # type: ignore[union-attr]

    def zeros(self, like: Tensor, rows: int) -> Tensors:
        """Return the state before the first step, [L, R, H] each."""
        return tuple(like.new_zeros(self.layers, rows, self.hidden) for _ in range(self.cell.states))

    def forward(self, inputs: Any, state: Tensors | None = None) -> Any:
        """Compute all layers over all steps.

        Args:
            inputs: [T, R, E], or packed with the longest first if torch has kernels for the cell.
            state: before them, [L, R, H] each; None: zeros.

        Returns:
            The top layer's h, [T, R, H] or packed, and the state after the last step of each row, [L, R, H] each.
        """
        if len(self.parts) == 1 and self.norms is None and not (self.residual and self.layers == 1):
            return self.parts[0](inputs, state)
        ends = []
        for number, part in enumerate(self.parts):
            before = None if state is None else tuple(tensor[number : number + 1] for tensor in state)
            outputs, after = part(on_data(partial(self.norm, number), inputs), before)
            if self.residual and data_of(outputs).shape == data_of(inputs).shape:
                outputs = on_data(partial(torch.add, data_of(inputs)), outputs)
            if number + 1 < len(self.parts):
                outputs = on_data(self.dropout, outputs)
            ends.append(after)
            inputs = outputs
        return inputs, tuple(torch.cat(parts) for parts in zip(*ends, strict=True))

    def norm(self, layer: int, inputs: Tensor) -> Tensor:
        """Return the input of a layer, normalized if the architecture says so."""
        return inputs if self.norms is None else self.norms[layer](inputs)

    def read(self, inputs: Tensor, sizes: Tensor) -> tuple[Tensor, Tensors]:
        """Compute all layers over B sentences of any lengths, the longest first.

        On a CPU, each run of steps in which no sentence ends is one call: torch computes packed sentences of different
        lengths there without fused kernels, and two lengths take 1.6 times as long as two runs.

        Args:
            inputs: the data of packed sentences, [all tokens, E].
            sizes: number of sentences at each step, [S], on the CPU.

        Returns:
            The top layer's h at each token, [all tokens, H], and the state after the last token of each sentence,
            [L, B, H] each.
        """
        runs = [(size, len(list(run))) for size, run in groupby(sizes.tolist())]
        if self.cell.fused and (inputs.is_cuda or len(runs) > RUNS):
            outputs, state = self(PackedSequence(inputs, sizes))
            return outputs.data, state
        state = self.zeros(inputs, runs[0][0])
        outputs_of_runs, ended, start = [], [], 0
        for size, steps in runs:
            if size < state[0].shape[1]:
                ended.append(tuple(part[:, size:] for part in state))
            inside = inputs[start : start + steps * size].view(steps, size, -1)
            outputs, state = self(inside, tuple(part[:, :size].contiguous() for part in state))
            outputs_of_runs.append(outputs.flatten(0, 1))
            start += steps * size
        parts = zip(state, *reversed(ended), strict=True)
        return torch.cat(outputs_of_runs), tuple(torch.cat(part, dim=1) if ended else part[0] for part in parts)

    def stepper(self) -> Callable[[Tensor, Tensors], tuple[Tensor, Tensors]]:
        """Return a function that computes `forward` of one step, with prepacked weights.

        It takes inputs, [R, E], and the state before, and returns the top layer's h, [R, H], and the state after.
        torch's own layers repack their weights in every call.
        """
        steps = [self.cell.step(weights) for weights in self.weights()]

        def step(inputs: Tensor, state: Tensors) -> tuple[Tensor, Tensors]:
            ends = []
            for number, layer_step in enumerate(steps):
                after = layer_step(self.norm(number, inputs), tuple(part[number] for part in state))
                residual = self.residual and after[0].shape == inputs.shape
                inputs = after[0] + inputs if residual else after[0]
                if number + 1 < self.layers:
                    inputs = self.dropout(inputs)
                ends.append(after)
            return inputs, tuple(torch.stack(parts) for parts in zip(*ends, strict=True))

        return step


def data_of(sequence: Tensor | PackedSequence) -> Tensor:
    """Return the tensor of a sequence, packed or not."""
    return sequence.data if isinstance(sequence, PackedSequence) else sequence


def on_data(change: Callable[[Tensor], Tensor], sequence: Any) -> Any:
    """Return a sequence, packed or not, with its tensor changed by a function."""
    return sequence._replace(data=change(sequence.data)) if isinstance(sequence, PackedSequence) else change(sequence)

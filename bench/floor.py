"""What no training can be faster than: the matrix products of its batches, timed by themselves.

Shapes: E embedding, H hidden, V vocabulary, N tokens.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.network.interface import Architecture

Lengths = NDArray[np.integer]
Operands = tuple[Tensor, Tensor, Tensor]  # a, b and where a @ b goes


class Kind(Enum):
    """The three products of a linear map y = x w: the map itself, and the gradients of x and of w."""

    FORWARD = "y = x w"
    ROWS = "dx = dy w'"
    WEIGHTS = "dw = dy' x"


@dataclass(frozen=True)
class Product:
    """One product of a linear map of rows with `inputs` numbers to rows with `outputs`."""

    kind: Kind
    rows: int
    inputs: int
    outputs: int

    @property
    def operations(self) -> int:
        """Floating-point operations, a multiplication and an addition counted as two."""
        return 2 * self.rows * self.inputs * self.outputs


def products(shape: Architecture, source_lengths: Lengths, target_lengths: Lengths) -> Iterator[Product]:
    """The products of one update on the tokens of a batch; padding has none.

    Those of a layer's inputs are one over all tokens. Those of its state are one a time step, over the sentences that
    have a token there: forward, and backward for the state's gradient. The gradient of the recurrent weights is one
    product over all tokens.

    Args:
        shape: of the model.
        source_lengths: tokens of each source.
        target_lengths: tokens of each target with </s>.
    """
    gates = 4 * shape.hidden
    for lengths in (source_lengths, target_lengths):
        tokens = int(lengths.sum())
        for layer in range(shape.layers):
            yield from linear(tokens, shape.hidden if layer else shape.embedding, gates)
            for alive in sentences_alive(lengths):
                yield Product(Kind.FORWARD, alive, shape.hidden, gates)
                yield Product(Kind.ROWS, alive, shape.hidden, gates)
            yield Product(Kind.WEIGHTS, tokens, shape.hidden, gates)
    yield from linear(int(target_lengths.sum()), shape.hidden, shape.target_vocabulary)


def linear(rows: int, inputs: int, outputs: int) -> Iterator[Product]:
    """A linear map, forward and backward."""
    for kind in Kind:
        yield Product(kind, rows, inputs, outputs)


def sentences_alive(lengths: Lengths) -> list[int]:
    """How many sentences have a token at each time step."""
    alive: list[int] = (lengths[:, None] > np.arange(lengths.max())).sum(axis=0).tolist()
    return alive


class Floor:
    """Computes products in buffers that are there before: no allocation is timed."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.buffers: dict[str, Tensor] = {}  # operands and results of all products, each as long as the longest

    @property
    def memory_mb(self) -> float:
        """Of the buffers."""
        return sum(buffer.nbytes for buffer in self.buffers.values()) / 1e6

    def plan(self, wanted: Iterable[Product]) -> list[Operands]:
        """The operands of products, as views of the buffers, which grow where they are too short."""
        wanted = list(wanted)
        for name in ("x", "w", "y", "dx", "dw"):
            most = max(rows * columns for rows, columns in (sizes(one)[name[-1]] for one in wanted))
            if name not in self.buffers or len(self.buffers[name]) < most:
                self.buffers[name] = torch.randn(most, device=self.device)
        return [self.operands(one) for one in wanted]

    def operands(self, product: Product) -> Operands:
        """The operands of one product, laid out as PyTorch has them: rows in a row, weights as [outputs, inputs]."""
        match product.kind:
            case Kind.FORWARD:
                return self.view("x", product), self.view("w", product).t(), self.view("y", product)
            case Kind.ROWS:
                return self.view("y", product), self.view("w", product), self.view("dx", product)
            case Kind.WEIGHTS:
                return self.view("y", product).t(), self.view("x", product), self.view("dw", product)

    def view(self, name: str, product: Product) -> Tensor:
        """The part of a buffer that a product takes."""
        rows, columns = sizes(product)[name[-1]]
        return self.buffers[name][: rows * columns].view(rows, columns)


def sizes(product: Product) -> dict[str, tuple[int, int]]:
    """The sizes of the rows before a linear map, of its weights, and of the rows after it; gradients have the same."""
    rows, inputs, outputs = product.rows, product.inputs, product.outputs
    return {"x": (rows, inputs), "w": (outputs, inputs), "y": (rows, outputs)}


@torch.inference_mode()
def multiply(plan: Iterable[Operands]) -> None:
    """Computes planned products."""
    for a, b, out in plan:
        torch.mm(a, b, out=out)


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of wall time, the device's work included."""
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def wait(device: torch.device) -> None:
    """Lets a GPU finish what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_rate(device: torch.device, dtype: torch.dtype, sizes: Iterable[int], count: int = 8) -> float:
    """Operations a second of square products, the best of several sizes: what this machine can do."""
    rates = []
    for size in sizes:
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        plan = [(a, b, torch.empty_like(a))]
        multiply(plan)
        rates.append(2 * size**3 / min(timed(lambda: multiply(plan), device) for _ in range(count)))  # noqa: B023
    return max(rates)

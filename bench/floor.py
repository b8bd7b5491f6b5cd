"""The floor of a computation's time: its matrix products alone."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2s.model.interface import Architecture

Lengths = NDArray[np.integer]
Operands = tuple[Tensor, Tensor, Tensor]  # a, b and the output of a @ b


class Kind(Enum):
    """The three products of a linear map y = x w: the map itself and the gradients of x and w."""

    FORWARD = "y = x w"
    ROWS = "dx = dy w'"
    WEIGHTS = "dw = dy' x"


@dataclass(frozen=True)
class Product:
    """A product of a linear map from `[rows, inputs]` to `[rows, outputs]`."""

    kind: Kind
    rows: int
    inputs: int
    outputs: int

    @property
    def operations(self) -> int:
        """Floating-point operations.

        A multiplication and an addition count as two.
        """
        return 2 * self.rows * self.inputs * self.outputs


def products(shape: Architecture, source_lengths: Lengths, target_lengths: Lengths) -> Iterator[Product]:
    """Yield the products of an update of an LSTM on a batch, without padding.

    The inputs of a layer take one product over all tokens. Its states take one product for each time step, over the
    sentences with a token there: forward, and backward for the state's gradient. The gradient of the recurrent weights
    is one product over all tokens.

    Args:
        shape: the model.
        source_lengths: tokens of each source.
        target_lengths: tokens of each target, </s> included.
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
    """Yield the products of a linear map, forward and backward."""
    for kind in Kind:
        yield Product(kind, rows, inputs, outputs)


def sentences_alive(lengths: Lengths) -> list[int]:
    """Return the number of sentences that have a token at each time step."""
    alive: list[int] = (lengths[:, None] > np.arange(lengths.max())).sum(axis=0).tolist()
    return alive


class Floor:
    """Products in reused buffers, so that no allocation is timed."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.buffers: dict[str, Tensor] = {}  # operands and results, each buffer as long as the largest needs

    @property
    def memory_mb(self) -> float:
        """Memory of the buffers in MB."""
        return sum(buffer.nbytes for buffer in self.buffers.values()) / 1e6

    def plan(self, wanted: Iterable[Product]) -> list[Operands]:
        """Return the operands of products as views of the buffers, which grow if they are too short."""
        wanted = list(wanted)
        for name in ("x", "w", "y", "dx", "dw"):
            most = max(rows * columns for rows, columns in (sizes(product)[name[-1]] for product in wanted))
            if name not in self.buffers or len(self.buffers[name]) < most:
                self.buffers[name] = torch.randn(most, device=self.device)
        return [self.operands(product) for product in wanted]

    def operands(self, product: Product) -> Operands:
        """Return the operands of a product in PyTorch's layout: rows contiguous, weights `[outputs, inputs]`."""
        match product.kind:
            case Kind.FORWARD:
                return self.view("x", product), self.view("w", product).t(), self.view("y", product)
            case Kind.ROWS:
                return self.view("y", product), self.view("w", product), self.view("dx", product)
            case Kind.WEIGHTS:
                return self.view("y", product).t(), self.view("x", product), self.view("dw", product)

    def view(self, name: str, product: Product) -> Tensor:
        """Return the part of a buffer that a product needs."""
        rows, columns = sizes(product)[name[-1]]
        return self.buffers[name][: rows * columns].view(rows, columns)


def sizes(product: Product) -> dict[str, tuple[int, int]]:
    """Return the sizes of a linear map's input, weights and output.

    Their gradients have the same sizes.
    """
    rows, inputs, outputs = product.rows, product.inputs, product.outputs
    return {"x": (rows, inputs), "w": (outputs, inputs), "y": (rows, outputs)}


@torch.inference_mode()
def multiply(plan: Iterable[Operands]) -> None:
    """Compute planned products."""
    for a, b, out in plan:
        torch.mm(a, b, out=out)


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of wall time of some work, until the device has finished."""
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def wait(device: torch.device) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def gpu_name(device: torch.device) -> str:
    """Return the name of a GPU, "" for a CPU."""
    return str(torch.cuda.get_device_name(device)) if device.type == "cuda" else ""


def peak_rate(device: torch.device, dtype: torch.dtype, sizes: Iterable[int], count: int = 8) -> float:
    """Return the operations per second of square products, the best of several sizes, as the machine's peak."""
    rates = []
    for size in sizes:
        a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
        plan = [(a, b, torch.empty_like(a))]
        multiply(plan)
        rates.append(2 * size**3 / min(timed(lambda: multiply(plan), device) for _ in range(count)))  # noqa: B023
    return max(rates)

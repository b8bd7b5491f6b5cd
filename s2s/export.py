"""A trained model as two torch.export programs, which run wherever torch does, without this library.

torch.export writes an LSTM out over time, so a program that reads whole sentences would read those of one length alone.
So both programs are steps of one token, and whoever runs them loops; no size but those of the weights is fixed.

Shapes: B sentences or hypotheses, L layers, E embedding, H hidden, V vocabulary.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from s2s import files, vocabulary
from s2s.data import SIDES
from s2s.errors import check
from s2s.model import DESCRIPTION, Seq2Seq, load
from s2s.network.cells import lstm_cell
from s2s.network.interface import Tensors
from s2s.network.recurrent import RecurrentDecoder, RecurrentEncoder
from s2s.network.stack import Stack
from s2s.vocabulary import EOS, PAD, UNK

ENCODER, DECODER = "encoder.pt2", "decoder.pt2"


class Layers(nn.Module):
    """A stack of LSTM layers that takes one step."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        for layer, (of_input, of_hidden, bias, hidden_bias) in enumerate(stack.weights()):
            weight = torch.cat((of_input, of_hidden), dim=1).t().contiguous()  # [E + H, 4 H]
            self.register_buffer(f"weight{layer}", weight.detach())
            self.register_buffer(f"bias{layer}", (bias + hidden_bias).detach())

    def forward(self, inputs: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs [B, E] and the state before, [L, B, H] each, to the top layer's h, [B, H], and the state after."""
        hs, cs = [], []
        for layer, (old_h, old_c) in enumerate(zip(h.unbind(0), c.unbind(0), strict=True)):
            weight, bias = self.get_buffer(f"weight{layer}"), self.get_buffer(f"bias{layer}")
            inputs, new_c = lstm_cell(torch.addmm(bias, torch.cat((inputs, old_h), dim=1), weight), old_c)
            hs.append(inputs)
            cs.append(new_c)
        return inputs, torch.stack(hs), torch.stack(cs)


class EncoderStep(nn.Module):
    """Reads one token of each sentence."""

    def __init__(self, encoder: RecurrentEncoder) -> None:
        super().__init__()
        self.embedding, self.layers = encoder.embedding, Layers(encoder.stack)

    def forward(self, tokens: Tensor, going: Tensor, h: Tensor, c: Tensor) -> Tensors:
        """Tokens [B], which sentences have one, [B], and the state before, [L, B, H] each, to the state after."""
        _, new_h, new_c = self.layers(self.embedding(tokens), h, c)
        kept = going.view(1, -1, 1)
        return torch.where(kept, new_h, h), torch.where(kept, new_c, c)


class DecoderStep(nn.Module):
    """Says what follows one token of each hypothesis."""

    def __init__(self, decoder: RecurrentDecoder) -> None:
        super().__init__()
        self.embedding, self.layers, self.output = decoder.embedding, Layers(decoder.stack), decoder.output

    def forward(self, tokens: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens [B] and the state before, [L, B, H] each, to log-probabilities [B, V] and the state after."""
        top, h, c = self.layers(self.embedding(tokens), h, c)
        return self.output(top).log_softmax(dim=1), h, c


def write_programs(folder: Path, out: Path) -> None:
    """Writes the programs of a trained model, and what is needed to run them, into a folder that is made anew.

    `model.json` gains a section `export`: the state's sizes, the special tokens and whether source tokens are read
    last to first. The vocabularies are those of the model's folder.

    Raises:
        UserError: the folder holds no model or none of the paper's kind, or the other is there.
    """
    check(not out.exists(), f"{out}: found it there already; expected a folder to be made")
    model = load(folder)
    encoder, decoder = plain(model, folder)
    with files.whole(out) as beside:
        beside.mkdir()
        torch.export.save(encoder_program(encoder), beside / ENCODER)
        torch.export.save(decoder_program(decoder), beside / DECODER)
        for path in (vocabulary.file_of(folder, side) for side in SIDES):
            shutil.copyfile(path, beside / path.name)
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        files.write_json(beside / DESCRIPTION, description | {"export": facts(model)})


def plain(model: Seq2Seq, folder: Path) -> tuple[RecurrentEncoder, RecurrentDecoder]:
    """The parts of a model of the paper's kind: the others' steps read more than h and c."""
    wanted = {
        "network": "recurrent",
        "context": "initial",
        "cell": "lstm",
        "bidirectional": False,
        "residual": False,
        "layer_norm": False,
    }
    for key, value in wanted.items():
        found = getattr(model.architecture, key)
        check(found == value, f"{folder}: found {key} {found}; expected {value} for export")
    encoder, decoder = model.encoder, model.decoder
    assert isinstance(encoder, RecurrentEncoder) and isinstance(decoder, RecurrentDecoder)
    return encoder, decoder


def facts(model: Seq2Seq) -> dict[str, object]:
    """What a caller of the programs has to know beside the vocabularies."""
    architecture = model.architecture
    return {
        "state": [architecture.layers, architecture.hidden],
        "reverse_source": architecture.reverse_source,
        "pad": PAD,
        "unknown": UNK,
        "end": EOS,
    }


def encoder_program(encoder: RecurrentEncoder) -> ExportedProgram:
    """The encoder's step for any number of sentences."""
    tokens, state = example(encoder.stack)
    return program(EncoderStep(encoder), (tokens, tokens > 0, *state), (0, 0, 1, 1))


def decoder_program(decoder: RecurrentDecoder) -> ExportedProgram:
    """The decoder's step for any number of hypotheses."""
    tokens, state = example(decoder.stack)
    return program(DecoderStep(decoder), (tokens, *state), (0, 1, 1))


def example(stack: Stack) -> tuple[Tensor, Tensors]:
    """Inputs to trace a step with: two rows, since torch takes a size of one for a fixed one."""
    tokens = torch.full((2,), EOS)
    return tokens, stack.zeros(torch.zeros(()), len(tokens))


def program(step: nn.Module, inputs: tuple[Tensor, ...], batch: Sequence[int]) -> ExportedProgram:
    """A module as a program whose inputs have any size in the dimensions of the batch, one each."""
    size = Dim("batch", min=1)
    step = step.eval().requires_grad_(False)
    exported = torch.export.export(step, inputs, dynamic_shapes=tuple({dim: size} for dim in batch))
    for node in exported.graph.nodes:
        node.meta.pop("stack_trace", None)  # it names files of this machine
    return exported

"""`s2s export`: write a model for programs that have torch but not this library."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from s2s import files
from s2s.data.corpus import SIDES
from s2s.errors import check
from s2s.model.folder import DESCRIPTION, load
from s2s.model.interface import Tensors
from s2s.model.layers import lstm_cell
from s2s.model.recurrent import RecurrentDecoder, RecurrentEncoder
from s2s.model.seq2seq import Seq2Seq
from s2s.model.stack import Stack
from s2s.text import vocabulary
from s2s.text.vocabulary import EOS, PAD, UNK

ENCODER, DECODER = "encoder.pt2", "decoder.pt2"


class Layers(nn.Module):
    """One step of a stack of LSTM layers."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        for layer, (of_input, of_hidden, bias, hidden_bias) in enumerate(stack.weights()):
            weight = torch.cat((of_input, of_hidden), dim=1).t().contiguous()  # [E + H, 4 H]
            self.register_buffer(f"weight{layer}", weight.detach())
            self.register_buffer(f"bias{layer}", (bias + hidden_bias).detach())

    def forward(self, inputs: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the top layer's h [B, H] and the new states h and c, given inputs [B, E] and states [L, B, H]."""
        hs, cs = [], []
        for layer, (old_h, old_c) in enumerate(zip(h.unbind(0), c.unbind(0), strict=True)):
            weight, bias = self.get_buffer(f"weight{layer}"), self.get_buffer(f"bias{layer}")
            inputs, new_c = lstm_cell(torch.addmm(bias, torch.cat((inputs, old_h), dim=1), weight), old_c)
            hs.append(inputs)
            cs.append(new_c)
        return inputs, torch.stack(hs), torch.stack(cs)


class EncoderStep(nn.Module):
    """One step of the encoder: reads a token of each sentence."""

    def __init__(self, encoder: RecurrentEncoder) -> None:
        super().__init__()
        self.embedding, self.layers = encoder.embedding, Layers(encoder.stack)

    def forward(self, tokens: Tensor, going: Tensor, h: Tensor, c: Tensor) -> Tensors:
        """Return the states h and c [L, B, H] after a token of each sentence.

        Args:
            tokens: token ids, [B].
            going: True for sentences that have a token here; the others keep their state, [B].
            h: state before, [L, B, H].
            c: state before, [L, B, H].
        """
        _, new_h, new_c = self.layers(self.embedding(tokens), h, c)
        kept = going.view(1, -1, 1)
        return torch.where(kept, new_h, h), torch.where(kept, new_c, c)


class DecoderStep(nn.Module):
    """One step of the decoder: predicts the token after the last token of each hypothesis."""

    def __init__(self, decoder: RecurrentDecoder) -> None:
        super().__init__()
        self.embedding, self.layers, self.output = decoder.embedding, Layers(decoder.stack), decoder.output

    def forward(self, tokens: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-probabilities [B, V] and the new states, given tokens [B] and states h and c [L, B, H]."""
        top, h, c = self.layers(self.embedding(tokens), h, c)
        return self.output(top).log_softmax(dim=1), h, c


def write_programs(folder: Path, out: Path) -> None:
    """Write the programs of a trained model, its vocabularies and its description into a new folder.

    `model.json` gets an additional section `export`: state sizes, special tokens and whether the source is reversed.

    Raises:
        UserError: `folder` holds no model or one that cannot be exported, or `out` exists.
    """
    check(not out.exists(), f"{out}: found it there already; expected a new folder")
    model = load(folder)
    encoder, decoder = plain(model, folder)
    with files.whole(out) as beside:
        beside.mkdir()
        torch.export.save(encoder_program(encoder), beside / ENCODER)
        torch.export.save(decoder_program(decoder), beside / DECODER)
        for path in (vocabulary.file_of(folder, side) for side in SIDES):
            shutil.copyfile(path, beside / path.name)
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        description.pop("weights_sha256", None)  # of a file that is left out
        files.write_json(beside / DESCRIPTION, description | {"export": facts(model)})


def plain(model: Seq2Seq, folder: Path) -> tuple[RecurrentEncoder, RecurrentDecoder]:
    """Return encoder and decoder of a plain LSTM model.

    Raises:
        UserError: the model is of another kind, whose steps read more than h and c.
    """
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
    """Return the section `export` of model.json: what a caller must know beside the vocabularies."""
    architecture = model.architecture
    return {
        "state": [architecture.layers, architecture.hidden],
        "reverse_source": architecture.reverse_source,
        "pad": PAD,
        "unknown": UNK,
        "end": EOS,
    }


def encoder_program(encoder: RecurrentEncoder) -> ExportedProgram:
    """Export the encoder's step for any number of sentences."""
    tokens, state = example(encoder.stack)
    return program(EncoderStep(encoder), (tokens, tokens > 0, *state), (0, 0, 1, 1))


def decoder_program(decoder: RecurrentDecoder) -> ExportedProgram:
    """Export the decoder's step for any number of hypotheses."""
    tokens, state = example(decoder.stack)
    return program(DecoderStep(decoder), (tokens, *state), (0, 1, 1))


def example(stack: Stack) -> tuple[Tensor, Tensors]:
    """Return inputs to trace a step with: two rows, because torch treats a size of 1 as fixed."""
    tokens = torch.full((2,), EOS)
    return tokens, stack.zeros(torch.zeros(()), len(tokens))


def program(step: nn.Module, inputs: tuple[Tensor, ...], batch: Sequence[int]) -> ExportedProgram:
    """Export a module as a program for any batch size.

    Args:
        step: the module.
        inputs: example inputs.
        batch: the batch dimension of each input.
    """
    size = Dim("batch", min=1)
    step = step.eval().requires_grad_(False)
    exported = torch.export.export(step, inputs, dynamic_shapes=tuple({dim: size} for dim in batch))
    for node in exported.graph.nodes:
        node.meta.pop("stack_trace", None)  # contains paths of this machine
    return exported


def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a model.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="New folder to write.", show_default=False)],
) -> None:
    """Write a model as two torch.export programs, with its vocabularies and a description.

    encoder.pt2 reads a token of each sentence. decoder.pt2 predicts the token
    after a token. Both take any batch size. model.json describes their inputs
    under `export`.

    \b
    Example:
    s2s export models/reversed/1 --out exported/reversed-1
    """
    write_programs(folder, out)

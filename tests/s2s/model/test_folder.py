"""A model's folder is read only if its files are those that its description names, and is refused in one line."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from s2s import files
from s2s.errors import UserError
from s2s.inference.translator import Translator
from s2s.model.folder import DESCRIPTION, WEIGHTS, Description, load, verified
from s2s.text.vocabulary import WordVocabulary
from tests.support import model_folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return model_folders.write(tmp_path / "model")


def change(folder: Path, **values: Any) -> None:
    """Change values of model.json, those of the architecture under `model`."""
    path = folder / DESCRIPTION
    description = json.loads(path.read_text())
    description["model"] |= values.pop("model", {})
    path.write_text(json.dumps(description | values))


def flip(path: Path, place: int = -9) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 64
    path.write_bytes(content)


def strange(folder: Path, alter: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change weights and record their digest, as a stranger would."""
    weights = load_file(folder / WEIGHTS)
    alter(weights)
    save_file(weights, folder / WEIGHTS)
    change(folder, weights_sha256=files.sha256(folder / WEIGHTS))


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def longer(folder: Path) -> None:
    """Add a word to a vocabulary, and record its digest."""
    words = WordVocabulary([*model_folders.WORDS, "dog"])
    words.save(folder, "source")
    change(folder, source_vocabulary_sha256=words.sha256)


DEEP = '{"model": ' + "[" * 100_000 + "]" * 100_000 + "}"
DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "flipped weights": (lambda f: flip(f / WEIGHTS), f"{WEIGHTS}: found sha256 .*; expected .*, the weights that"),
    "cut weights": (lambda f: os.truncate(f / WEIGHTS, 99), f"{WEIGHTS}: found sha256 .*; expected "),
    "flipped vocabulary": (lambda f: flip(f / "target.words.txt", -3), "found a target vocabulary of sha256"),
    "cut vocabulary": (lambda f: os.truncate(f / "source.words.txt", 29), "source.words.txt: found no line end"),
    "no vocabulary": (lambda f: (f / "source.words.txt").unlink(), "found 0 source vocabularies; expected one"),
    "long vocabulary": (longer, "found 20 source tokens; expected 19, as model.json says"),
    "fifo": (lambda f: replaced(f / WEIGHTS, os.mkfifo), f"{WEIGHTS}: found no such file; expected the weights"),
    "device": (lambda f: replaced(f / WEIGHTS, lambda p: p.symlink_to("/dev/zero")), f"{WEIGHTS}: found no such file"),
    "folder of weights": (lambda f: replaced(f / WEIGHTS, Path.mkdir), f"{WEIGHTS}: found no such file"),
    "fifo as description": (lambda f: replaced(f / DESCRIPTION, os.mkfifo), f"found no {DESCRIPTION}; expected"),
    "nested": (lambda f: (f / DESCRIPTION).write_text(DEEP), f"{DESCRIPTION}: damaged .*; expected what the"),
    "a list": (lambda f: (f / DESCRIPTION).write_text("[]"), f"{DESCRIPTION}: damaged"),
    "no UTF-8": (lambda f: (f / DESCRIPTION).write_bytes(b'{"\xff'), f"{DESCRIPTION}: damaged"),
    "unknown network": (lambda f: change(f, model={"network": "tree"}), f"{DESCRIPTION}: damaged .'tree'.; expected"),
    "unknown cell": (lambda f: change(f, model={"cell": "gate"}), f"{DESCRIPTION}: damaged .'gate'.; expected"),
    "text for a number": (lambda f: change(f, model={"layers": "2"}), "found layers '2'; expected a value of type int"),
    "control characters": (lambda f: change(f, system="\x1b[31m"), r"found system .*; expected printable text"),
    "half a character": (lambda f: change(f, system="\ud800"), "found system .*; expected printable text"),
    "endless perplexity": (lambda f: change(f, dev_perplexity=float("inf")), "found dev_perplexity inf; expected"),
    "huge perplexity": (lambda f: change(f, dev_perplexity=10**400), "found dev_perplexity 10.*; expected a finite"),
    "no layers": (lambda f: change(f, model={"layers": 0}), f"{DESCRIPTION}: found layers 0; expected 1 or more"),
    "many layers": (lambda f: change(f, model={"layers": 10**9}), f"{WEIGHTS}: found .* tensors; expected those of 1"),
    "vast layers": (lambda f: change(f, model={"hidden": 10**7}), f"{WEIGHTS}: found .* of shape .*; expected .*4000"),
    "beyond memory": (lambda f: change(f, model={"hidden": 10**9}), f"{DESCRIPTION}: damaged .*; expected"),
    "another width": (lambda f: change(f, model={"hidden": 7}), r"found \S+ of shape \[32, 4\]; expected \[28, 4\], "),
    "a tensor more": (lambda f: strange(f, lambda w: w.update(x=torch.ones(2))), r"found x of shape \[2\]; expected"),
    "a tensor less": (lambda f: strange(f, lambda w: w.popitem()), "of shape no tensor; expected"),
    "NaN": (lambda f: strange(f, lambda w: w["decoder.output.bias"].fill_(torch.nan)), "found NaN or infinity"),
    "infinity": (lambda f: strange(f, lambda w: w["decoder.output.bias"].fill_(torch.inf)), "found NaN or infinity in"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_strange_model_is_refused_in_one_line(damage: str, folder: Path) -> None:
    spoil, message = DAMAGES[damage]
    spoil(folder)
    for opened in (load, lambda path: Translator.load([path])):
        with pytest.raises(UserError, match=message) as told:
            opened(folder)
        assert str(told.value).startswith(str(folder))
        assert not re.search(r"[\x00-\x1f]", str(told.value))


def test_a_saved_model_loads_with_equal_weights(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    assert all(torch.equal(weights[name], tensor) for name, tensor in load(folder).state_dict().items())


def test_a_folder_of_an_older_version_has_no_digest_of_its_weights(folder: Path) -> None:
    change(folder, weights_sha256="")
    assert Description.read(folder).weights_sha256 == ""
    assert verified(folder).weights_sha256 == files.sha256(folder / WEIGHTS)
    assert asdict(load(folder).architecture) == json.loads((folder / DESCRIPTION).read_text())["model"]

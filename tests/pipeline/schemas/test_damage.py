"""Damage to each kind of file that one stage writes and another reads: its reader names the file in one line."""

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import Encoded, EncodedSplit, vocabularies_of
from pipeline.schemas.data.lists import FirstPass
from pipeline.schemas.data.pairs import read_column, read_table
from pipeline.schemas.data.raw import Manifest
from pipeline.schemas.data.trained import Perplexity, read_curve
from pipeline.schemas.data.translated import Members, read_translations
from pipeline.schemas.reports.ablations import Ablations
from pipeline.schemas.reports.alignments import HeatMap
from pipeline.schemas.reports.embeddings import MeasuredProbes
from pipeline.schemas.reports.neighbors import CloseSentences
from pipeline.schemas.reports.rescored import Rescored
from pipeline.schemas.reports.scorecard import Scorecard
from pipeline.schemas.reports.scores import (
    Group,
    LengthGroup,
    RunScores,
    Scores,
    read_sentence_scores,
    write_sentence_scores,
)
from pipeline.schemas.reports.text import Cleaning, Difficulty, Encoding, Vocabularies
from s2s.data.corpus import EncodedCorpus, write_split
from s2s.errors import UserError
from s2s.inference import nbest
from s2s.inference.nbest import Candidate
from s2s.lexicon.lexicon import Lexicon
from s2s.model import folder as model_folder
from s2s.text import vocabulary
from s2s.text.lines import lines
from tests.support import model_folders, project

PAIRS = [("The king sees the cat.", "Le roi voit le chat."), ("He waits.", "Il attend.")]


def read_model(path: Path) -> object:
    return model_folder.load(path.parent)


def read_arrays(path: Path) -> object:
    return EncodedCorpus.open(path.parent, "train")


def of(kind: Any) -> Callable[[Path], object]:
    """Return the reader of a JSON file."""
    return partial(records.read, kind)


READERS: dict[str, Callable[[Path], object]] = {
    "data/raw/manifest.json": of(Manifest),
    "data/clean/train/00000.parquet": lambda path: read_table(path, ["source_tokens"]),
    "data/clean/test.parquet": lambda path: read_column(path, "source"),
    "data/vocab/base/source.words.txt": lambda path: vocabulary.load(path.parent, "source"),
    "data/vocab/pieces/source.spm.model": lambda path: vocabulary.load(path.parent, "source"),
    "data/encoded/base/encoded.json": lambda path: vocabularies_of(path.parent),
    "data/encoded/base/train.source_ids.npy": read_arrays,
    "data/encoded/base/train.order.npy": read_arrays,
    "data/encoded/base/train.sha256": read_arrays,
    "data/lexicon/base.parquet": Lexicon.load,
    "models/tiny/1/model.json": read_model,
    "models/tiny/1/weights.safetensors": read_model,
    "models/tiny/1/source.words.txt": read_model,
    "curves/reversed-1.csv": read_curve,
    "members/single.json": of(Members),
    "translations/single.jsonl": lambda path: read_translations(path, len(PAIRS)),
    "candidates/single/first_pass.json": of(FirstPass),
    "candidates/single/test.nbest": lambda path: list(nbest.read(lines(path), str(path), 1)),
    "rescored/ensemble/even.jsonl": lambda path: read_translations(path, len(PAIRS)),
    "reports/ablations.json": of(Ablations),
    "reports/alignments.json": of(dict[str, list[HeatMap]]),
    "reports/bleu.json": of(dict[str, RunScores]),
    "reports/cleaning.json": of(Cleaning),
    "reports/difficulty.json": of(Difficulty),
    "reports/embeddings.json": of(MeasuredProbes),
    "reports/encoding/base.json": of(Encoding),
    "reports/length.json": of(dict[str, list[LengthGroup]]),
    "reports/neighbors.json": of(CloseSentences),
    "reports/perplexity.json": of(dict[str, dict[str, Perplexity]]),
    "reports/rarity.json": of(dict[str, list[Group]]),
    "reports/rescore/ensemble.json": of(Rescored),
    "reports/scorecard.json": of(Scorecard),
    "reports/sentence_log_probs.parquet": lambda path: read_sentence_scores(path, ["reversed-1"]),
    "reports/vocab/base.json": of(Vocabularies),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file of each kind."""
    folder = tmp_path_factory.mktemp("made")
    texts = [target for _, target in PAIRS]
    project.write_results(folder, PAIRS, {"single": texts, "ensemble": texts})
    project.write_split(folder / "data/clean/train", "00000", PAIRS)
    shutil.move(folder / "clean/test.parquet", folder / "data/clean/test.parquet")
    records.write(folder / "data/raw/manifest.json", Manifest("demo", "en", "fr", {}))
    model_folders.words()[0].save(folder / "data/vocab/base", "source")
    model_folders.subwords()[0].save(folder / "data/vocab/pieces", "source")
    split = EncodedSplit(2, 3, 5, 0, 0)
    records.write(folder / "data/encoded/base/encoded.json", Encoded("a" * 64, "b" * 64, {"train": split}))
    write_split(folder / "data/encoded/base", "train", [[3, 4], [3]], [[4, 3, 2], [4, 2]])
    Lexicon({"otter": ("loutre", 0.9)}, 8.0, 0.3).save(folder / "data/lexicon/base.parquet")
    model_folders.write(folder / "models/tiny/1")
    records.write(folder / "members/single.json", Members("single", "tiny", 2, [], {}, None))
    records.write(folder / "candidates/single/first_pass.json", FirstPass("single", [], {}))
    nbest.write(folder / "candidates/single/test.nbest", [[Candidate("le roi", -1.0, {"model": (-1.0,)})]])
    project.write_run(folder / "rescored/ensemble", "even", texts)
    write_sentence_scores(
        folder / "reports/sentence_log_probs.parquet", {"reversed-1": Scores(np.array([3, 4]), np.array([-1.5, -2.5]))}
    )
    return folder


def empty(path: Path, content: bytes) -> None:
    path.write_bytes(b"")


def cut(path: Path, content: bytes) -> None:
    path.write_bytes(content[:-5])


def zeros(path: Path, content: bytes) -> None:
    path.write_bytes(bytes(len(content)))


def flipped(path: Path, content: bytes) -> None:
    """Flip the bits of both ends, where formats have their headers."""
    path.write_bytes(bytes(byte ^ 0xFF for byte in content[:8]) + content[8:-8] + bytes(b ^ 0xFF for b in content[-8:]))


def other(path: Path, content: bytes) -> None:
    path.write_bytes(b'[[{"a": \xff\x00' * 9)


def a_folder(path: Path, content: bytes) -> None:
    path.mkdir()


def a_dangling_link(path: Path, content: bytes) -> None:
    path.symlink_to("nowhere")


def nothing(path: Path, content: bytes) -> None:
    """Leave the file absent."""


DAMAGES = (empty, cut, zeros, flipped, other, a_folder, a_dangling_link, nothing)


@pytest.mark.parametrize("name", READERS)
def test_damage_is_one_line_that_names_the_file(name: str, made: Path) -> None:
    path, read = made / name, READERS[name]
    content, aside = path.read_bytes(), path.with_name("aside")
    read(path)
    path.rename(aside)
    for damage in DAMAGES:
        damage(path, content)
        with pytest.raises(UserError, match=rf"{re.escape(str(path.parent))}.*: .*; expected ") as caught:
            read(path)
            pytest.fail(f"{damage.__name__} was not told")
        assert len(str(caught.value)) < 600, damage.__name__
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
    aside.rename(path)


def test_each_kind_of_file_between_stages_is_damaged_here() -> None:
    stages = yaml.safe_load((project.ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    entries = [stage.get("do", stage) for stage in stages.values()]
    outs = {fixed(out) for entry in entries for out in [*entry.get("outs", []), *entry.get("metrics", [])]}
    deps = {fixed(dep) for entry in entries for dep in entry["deps"]} - {"", "data/checked.txt"}
    between = {out for out in outs for dep in deps if out.startswith(dep) or dep.startswith(out)}
    assert not [out for out in between if not any(name.startswith(out) for name in READERS)]
    assert not [name for name in READERS if not any(name.startswith(out) for out in between)]


def fixed(entry: str | dict[str, Any]) -> str:
    """Return an output or a dependency as dvc.yaml names it, up to the part that differs by its stage's instances."""
    return (entry if isinstance(entry, str) else next(iter(entry))).partition("${")[0]

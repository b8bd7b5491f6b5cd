"""The train stage and the stages that use its models: members, translate, bleu and perplexity."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sacrebleu
import torch
from safetensors.torch import load_file, save_file

from pipeline.running import resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.trained import CURVE_COLUMNS
from pipeline.schemas.data.translated import Members, read_translations
from pipeline.schemas.reports.scores import read_sentence_scores
from pipeline.stages import bleu, download, encode, lexicon, members, perplexity, train, translate, vocab
from pipeline.stages.clean import __main__ as clean
from s2s import files, model
from s2s.data.corpus import EncodedCorpus
from s2s.errors import UserError
from s2s.model import folder as model_folder
from s2s.model import scoring, seq2seq
from s2s.text import vocabulary
from s2s.text.vocabulary import UNK
from s2s.training import checkpoint
from tests.support import project

pytestmark = pytest.mark.process

SMALL: dict[str, dict[str, Any]] = {
    "download": {"demo": {"seed": 1, "train_pairs": 400, "dev_pairs": 20, "test_pairs": 30, "max_words": 20}},
    "model": {"hidden": 16, "embedding": 12},
    "train": {"epochs": 2.0, "threads": 1, "device": "cpu"},
    "translate": {"threads": 1, "device": "cpu", "batch_sentences": 7},
    "perplexity": {"threads": 1, "device": "cpu"},
    "bleu": {"bootstrap_samples": 100},
}


def train_one(system: str, seed: int) -> None:
    folder, curve = Path("models") / system / str(seed), Path("curves") / f"{system}-{seed}.csv"
    train.main(system, seed, Path("encoded/base"), Path("vocab/base"), folder, curve)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project in which every stage up to perplexity has run."""
    folder = tmp_path_factory.mktemp("finished")
    project.write_parameters(folder, **SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("S2S_TRACKING", "off")
        download.main(Path("raw"))
        clean.main(Path("raw"), Path("clean"), Path("reports/cleaning.json"), Path("reports/cleaning.csv"))
        vocab.main("base", Path("clean"), Path("vocab/base"), Path("reports/vocab/base.json"))
        encode.main(Path("clean"), Path("vocab/base"), Path("encoded/base"), Path("reports/encoding/base.json"))
        lexicon.main(Path("clean"), Path("vocab/base"), Path("lexicon/base.parquet"))
        for seed in (1, 2):
            train_one("reversed", seed)
        for run in ("single", "ensemble"):
            name_members(run)
            translate_run(run)
        bleu.main(Path("translations"), Path("clean"), Path("reports/bleu.json"), Path("reports/bleu.csv"))
        reports = [Path("reports") / name for name in ("perplexity.json", "perplexity.csv", "sentences.parquet")]
        perplexity.main(Path("models"), Path("encoded"), *reports)
    return folder


def name_members(run: str) -> None:
    members.main(run, Path("models/reversed"), Path("lexicon"), Path(f"members/{run}.json"))


def translate_run(run: str) -> None:
    translate.main(run, Path(f"members/{run}.json"), Path("clean"), Path(f"translations/{run}.jsonl"))


@pytest.fixture
def workspace(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a copy of the finished project, which a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    monkeypatch.chdir(folder)
    return folder


def test_a_model_holds_all_that_translating_needs(workspace: Path) -> None:
    folder = workspace / "models/reversed/1"
    description = json.loads((folder / "model.json").read_text())
    network = model_folder.load(folder)
    assert description["parameters"] == seq2seq.parameter_count(network)
    assert (description["system"], description["seed"], description["source_language"]) == ("reversed", 1, "en")
    for side in ("source", "target"):
        assert vocabulary.load(folder, side).sha256 == description[f"{side}_vocabulary_sha256"]
    dev = scoring.perplexity(network, EncodedCorpus.open(workspace / "encoded/base", "dev"), 4096).perplexity
    assert description["dev_perplexity"] == pytest.approx(dev)


def test_the_curve_has_a_row_an_epoch(workspace: Path) -> None:
    table = pd.read_csv(workspace / "curves/reversed-1.csv")
    assert list(table.columns) == list(CURVE_COLUMNS)
    assert table["epoch"].tolist() == [1.0, 2.0]
    assert table["train_perplexity"].iloc[1] < table["train_perplexity"].iloc[0]


def test_seeds_give_other_weights_and_the_same_seed_the_same(workspace: Path) -> None:
    digests = [files.sha256(workspace / f"models/reversed/{seed}/weights.safetensors") for seed in (1, 2)]
    shutil.rmtree(workspace / "work")
    train_one("reversed", 1)
    assert files.sha256(workspace / "models/reversed/1/weights.safetensors") == digests[0] != digests[1]


def test_a_finished_training_is_taken_from_its_checkpoint(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files.sha256(workspace / "models/reversed/1/weights.safetensors")
    shutil.rmtree(workspace / "models")
    train_one("reversed", 1)
    assert "train reversed-1: goes on from checkpoint work/train/" in capsys.readouterr().out
    assert files.sha256(workspace / "models/reversed/1/weights.safetensors") == before


def test_killed_and_called_again_it_ends_with_the_same_bytes(workspace: Path) -> None:
    project.write_parameters(workspace, **(SMALL | {"train": {"epochs": 12.0, "threads": 1, "device": "cpu"}}))
    words, environment = command(workspace)
    subprocess.run(words, env=environment, check=True, capture_output=True)
    made = [
        files.sha256(workspace / name) for name in ("models/reversed/1/weights.safetensors", "curves/reversed-1.csv")
    ]
    for name in ("work", "models/reversed/1"):
        shutil.rmtree(workspace / name)
    (workspace / "curves/reversed-1.csv").unlink()

    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(workspace.glob("work/train/*/update-*.safetensors")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (workspace / "models/reversed/1").exists()
    again = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    assert "goes on from checkpoint" in again.stdout
    assert [
        files.sha256(workspace / name) for name in ("models/reversed/1/weights.safetensors", "curves/reversed-1.csv")
    ] == made


def fingerprint(folder: Path, seed: int = 1, changes: dict[str, Any] | None = None) -> str:
    values = {section: SMALL.get(section, {}) | change for section, change in (changes or {}).items()}
    project.write_parameters(folder, **(SMALL | values))
    task = train.read_task(
        "reversed", seed, folder / "encoded/base", folder / "vocab/base", folder / "out", folder / "curve"
    )
    return train.fingerprint(task)


def append(path: Path) -> Path:
    path.write_bytes(path.read_bytes() + b"x")
    return path


def with_other_text(folder: Path, split: str) -> Path:
    """Record another digest of the first array of a split."""
    path = folder / f"encoded/base/{split}.sha256"
    path.write_text("0" * 64 + path.read_text()[64:])
    return folder


@pytest.mark.parametrize(
    "changed",
    [
        lambda folder: fingerprint(folder, seed=2),
        lambda folder: fingerprint(folder, changes={"model": {"layers": 3}}),
        lambda folder: fingerprint(folder, changes={"train": {"epochs": 3.0}}),
        lambda folder: fingerprint(folder, changes={"train": {"initial_weights": "models/reversed/2"}}),
        lambda folder: fingerprint(with_other_text(folder, "train")),
        lambda folder: fingerprint(with_other_text(folder, "dev")),
    ],
    ids=["seed", "model", "recipe", "first weights", "training text", "development text"],
)
def test_another_training_has_another_fingerprint(workspace: Path, changed: Callable[[Path], str]) -> None:
    assert fingerprint(workspace) != changed(workspace)


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"memory_gb": 1.0}},
        {"train": {"devices": 2}},
        {"operation": {"checkpoint_minutes": 1.0}},
        {"operation": {"keep_checkpoints": 5}},
    ],
    ids=str,
)
def test_how_a_training_is_run_is_not_in_the_fingerprint(workspace: Path, change: dict[str, Any]) -> None:
    """A training that lost a GPU can continue without it."""
    assert fingerprint(workspace) == fingerprint(workspace, changes=change)


def test_the_test_text_is_not_in_the_fingerprint(workspace: Path) -> None:
    before = fingerprint(workspace)
    assert fingerprint(with_other_text(workspace, "test")) == before


def test_comments_and_docstrings_in_the_code_are_not_in_the_fingerprint(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, room = fingerprint(workspace), Path(str(model.__file__)).parent
    for extra, same in (("\n# a remark\n", True), ('\n"""A remark."""\n', True), ("\nSCALE = 2\n", False)):
        shutil.copytree(room, tmp_path / "model", dirs_exist_ok=True)
        with (tmp_path / "model" / "loss.py").open("a") as code:
            code.write(extra)
        monkeypatch.setattr(model, "__file__", str(tmp_path / "model" / "__init__.py"))
        assert (fingerprint(workspace) == before) is same


def test_text_encoded_by_other_vocabularies_is_refused(workspace: Path) -> None:
    vocabulary.WordVocabulary(["other"]).save(workspace / "vocab/base", "target")
    with pytest.raises(
        UserError, match=r"encoded/base: found a target vocabulary of sha256 .*; expected .*, the same for"
    ):
        train_one("reversed", 1)


def test_a_run_has_the_first_seeds_of_its_system(workspace: Path) -> None:
    assert [member.seed for member in records.read(Members, workspace / "members/single.json").members] == [1]
    ensemble = records.read(Members, workspace / "members/ensemble.json").members
    assert [str(member.path) for member in ensemble] == ["models/reversed/1", "models/reversed/2"]


def test_every_test_sentence_has_a_translation_in_order(workspace: Path) -> None:
    translations = read_translations(workspace / "translations/single.jsonl", 30)
    assert all(math.isfinite(row.log_prob) and row.log_prob < 0 for row in translations)
    assert len({row.translation for row in translations}) > 1


def test_a_member_that_changed_is_refused(workspace: Path) -> None:
    model = workspace / "models" / "reversed" / "1"
    append(model / "weights.safetensors")
    with pytest.raises(UserError, match=r"found sha256 .*; expected .*, the weights that model.json names"):
        translate_run("single")
    name_weights(model)
    with pytest.raises(UserError, match=r"found sha256 .*; expected .*, run the members stage"):
        translate_run("single")


def name_weights(model: Path) -> None:
    """Let model.json name the weights that are there, as if they were trained."""
    description = json.loads((model / "model.json").read_text())
    files.write_json(
        model / "model.json", description | {"weights_sha256": files.sha256(model / "weights.safetensors")}
    )


def test_a_model_of_other_vocabularies_is_refused(workspace: Path) -> None:
    vocabulary.WordVocabulary(["other"]).save(workspace / "models/reversed/1", "source")
    with pytest.raises(UserError, match=r"models/reversed/1: found a source vocabulary of sha256"):
        translate_run("single")


def test_models_that_do_not_share_vocabularies_are_refused(workspace: Path) -> None:
    path = workspace / "models/reversed/2/model.json"
    files.write_json(path, json.loads(path.read_text()) | {"target_vocabulary_sha256": "0" * 64})
    with pytest.raises(UserError, match=r"models/reversed/2: found a target vocabulary of sha256 0+; expected"):
        translate_run("ensemble")


def test_scores_are_sacrebleus_on_the_same_text(workspace: Path) -> None:
    scores = json.loads((workspace / "reports/bleu.json").read_text())
    for run in ("single", "ensemble"):
        rows = read_translations(workspace / f"translations/{run}.jsonl", 30)
        plain, tokens = [row.translation for row in rows], [row.tokens for row in rows]
        references = {
            name: [read_column(workspace / "clean/test.parquet", name)] for name in ("target", "target_tokens")
        }
        expected = {
            "bleu": sacrebleu.corpus_bleu(plain, references["target"]),
            "bleu_tokenized": sacrebleu.corpus_bleu(
                tokens, references["target_tokens"], tokenize="none", smooth_method="none", force=True
            ),
            "chrf": sacrebleu.corpus_chrf(plain, references["target"]),
        }
        for name, score in expected.items():
            assert scores[run][name] == pytest.approx(score.score, abs=1e-4)
            assert scores[run][f"{name}_low"] <= scores[run][f"{name}_high"]
            assert "version:" in scores[run][f"{name}_signature"]
        assert scores[run]["sentences"] == 30
    table = pd.read_csv(workspace / "reports/bleu.csv", index_col="run")
    assert table.loc["single", "bleu"] == scores["single"]["bleu"]


def test_translations_of_other_length_than_the_test_set_are_refused(workspace: Path) -> None:
    path = workspace / "translations/single.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match=r"single\.jsonl: found 29 translations; expected 30, one a test sentence"):
        bleu.main(Path("translations"), Path("clean"), Path("reports/bleu.json"), Path("reports/bleu.csv"))


def test_perplexity_is_per_token_of_each_split(workspace: Path) -> None:
    report = json.loads((workspace / "reports/perplexity.json").read_text())
    assert list(report) == ["reversed-1", "reversed-2"]
    described = json.loads((workspace / "models/reversed/1/model.json").read_text())
    assert report["reversed-1"]["dev"]["perplexity"] == pytest.approx(described["dev_perplexity"], rel=1e-6)
    corpus = EncodedCorpus.open(workspace / "encoded/base", "test")
    values = report["reversed-1"]["test"]
    assert values["tokens"] == len(corpus.target.ids)
    assert values["unknown_share"] == pytest.approx((corpus.target.ids == vocabulary.UNK).mean(), abs=1e-6)


def test_the_log_probabilities_of_test_sentences_make_up_the_perplexity(workspace: Path) -> None:
    report = json.loads((workspace / "reports/perplexity.json").read_text())
    scores = read_sentence_scores(workspace / "reports/sentences.parquet", ["reversed-2", "reversed-1"])
    for name, model_scores in scores.items():
        assert len(model_scores.tokens) == 30
        value = math.exp(-model_scores.log_probs.sum() / model_scores.tokens.sum())
        assert value == pytest.approx(report[name]["test"]["perplexity"], rel=1e-5)


def command(workspace: Path) -> tuple[list[str], dict[str, str]]:
    words = [sys.executable, "-m", "pipeline.stages.train", "--system", "reversed", "--seed", "1"]
    words += ["--encoded", "encoded/base", "--vocab", "vocab/base"]
    words += ["--out", "models/reversed/1", "--curve", "curves/reversed-1.csv"]
    return words, os.environ | {"PYTHONPATH": str(project.ROOT)}


def test_a_full_disk_costs_the_model_alone_and_training_goes_on_from_its_checkpoints(workspace: Path) -> None:
    before = files.sha256(workspace / "models/reversed/1/weights.safetensors")
    shutil.rmtree(workspace / "work")
    words, environment = command(workspace)
    size = (workspace / "models/reversed/1/weights.safetensors").stat().st_size
    limited = ["bash", "-c", f'ulimit -f {size // 1024 - 1}; exec "$@"', "-", *words]
    process = subprocess.run(limited, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "found no way to write a checkpoint" in process.stdout
    assert process.stderr.strip().split("\n")[-1].startswith("models/reversed/1: ")
    again = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert files.sha256(workspace / "models/reversed/1/weights.safetensors") == before


def test_a_model_starts_from_another_and_says_so(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = SMALL["train"] | {"initial_weights": "models/reversed/2", "learning_rate": 1e-9}
    project.write_parameters(workspace, **(SMALL | {"train": settings}))
    train_one("reversed", 1)
    assert "starts from models/reversed/2" in capsys.readouterr().out
    description = json.loads((workspace / "models/reversed/1/model.json").read_text())
    assert description["initial_weights_sha256"] == files.sha256(workspace / "models/reversed/2/weights.safetensors")
    first, second = (model_folder.load(workspace / f"models/reversed/{seed}") for seed in (1, 2))
    for mine, theirs in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_a_model_starts_from_word_vectors(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word = vocabulary.load(workspace / "vocab/base", "source").names()[3]
    Path("vectors.txt").write_text(f"{word} {' '.join(['0.5'] * 12)}\n")
    project.write_parameters(workspace, **(SMALL | {"train": SMALL["train"] | {"source_embeddings": "vectors.txt"}}))
    train_one("reversed", 1)
    assert "starts from vectors.txt: vectors of 1 source words" in capsys.readouterr().out


def test_a_named_checkpoint_is_gone_on_from_and_recorded(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkpoint.latest(workspace / "work/train" / fingerprint(workspace))
    assert path is not None
    settings = SMALL["train"] | {"resume_from": str(path), "epochs": 3.0}
    project.write_parameters(workspace, **(SMALL | {"train": settings}))
    train_one("reversed", 2)
    assert f"goes on from checkpoint {path}" in capsys.readouterr().out
    assert len(pd.read_csv("curves/reversed-2.csv")) == 3
    description = json.loads((workspace / "models/reversed/2/model.json").read_text())
    assert description["resume_from_sha256"] == files.sha256(path)


def swap_vocabulary(workspace: Path) -> None:
    """Give the text a vocabulary of the same size, whose numbers stand for other words."""
    words = vocabulary.load(workspace / "vocab/base", "target").names()[3:]
    swapped = vocabulary.WordVocabulary(words[::-1])
    swapped.save(workspace / "vocab/base", "target")
    path = workspace / "encoded/base/encoded.json"
    files.write_json(path, json.loads(path.read_text()) | {"target_vocabulary_sha256": swapped.sha256})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swap_vocabulary, "found a checkpoint of another target vocabulary; expected the same, or a model's folder as"),
        (lambda _: {"resume_from": "models/reversed/1/weights.safetensors"}, "weights without the state of a training"),
        (lambda _: {"epochs": 1.0}, "found a training of 2 epochs; expected less than train.epochs, 1"),
    ],
    ids=["vocabulary", "weights", "epochs"],
)
def test_a_named_checkpoint_that_does_not_fit_is_refused(
    workspace: Path, change: Callable[[Path], dict[str, Any] | None], message: str
) -> None:
    path = checkpoint.latest(workspace / "work/train" / fingerprint(workspace))
    settings = SMALL["train"] | {"resume_from": str(path), "epochs": 3.0} | (change(workspace) or {})
    project.write_parameters(workspace, **(SMALL | {"train": settings}))
    before = (workspace / "models/reversed/2/weights.safetensors").read_bytes()
    with pytest.raises(UserError, match=message):
        train_one("reversed", 2)
    assert (workspace / "models/reversed/2/weights.safetensors").read_bytes() == before


def test_a_folder_without_a_model_is_refused_as_a_start(workspace: Path) -> None:
    project.write_parameters(workspace, **(SMALL | {"train": SMALL["train"] | {"initial_weights": "raw"}}))
    with pytest.raises(
        UserError, match=r"^raw/model.json: found no such file; expected what train.initial_model names"
    ):
        train_one("reversed", 1)


def test_a_second_training_of_the_same_waits_for_the_first(workspace: Path) -> None:
    words, environment = command(workspace)
    with resuming.alone(Path("work/train") / fingerprint(workspace)):
        process = subprocess.Popen(words, env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        assert process.stderr is not None
        assert "waits for another process that works on it" in process.stderr.readline()
        assert process.poll() is None
    assert process.wait(60) == 0


def test_a_run_keeps_as_many_translations_as_it_wants(workspace: Path) -> None:
    runs = {"best": {"system": "reversed", "seeds": 2, "beam": 4, "translate": {"n_best": 3, "max_tokens": 6}}}
    project.write_parameters(workspace, runs=runs, **project.first_by(next(iter(runs))), **SMALL)
    name_members("best")
    translate_run("best")
    for row in read_translations(workspace / "translations" / "best.jsonl", 30):
        assert len(row.n_best) == 2
        assert row.log_prob >= row.n_best[0].log_prob >= row.n_best[1].log_prob


def test_a_run_replaces_unknown_words_where_it_wants(workspace: Path) -> None:
    model = workspace / "models" / "reversed" / "1"
    weights = load_file(model / "weights.safetensors")
    weights["decoder.output.bias"][UNK] += 5.0
    save_file(weights, model / "weights.safetensors")
    name_weights(model)
    rows = {}
    for run, wanted in (("plain", False), ("replaced", True)):
        runs = {run: {"system": "reversed", "seeds": 1, "beam": 1, "translate": {"replace_unknown": wanted}}}
        project.write_parameters(workspace, runs=runs, **project.first_by(run), **SMALL)
        name_members(run)
        translate_run(run)
        rows[run] = read_translations(workspace / "translations" / f"{run}.jsonl", 30)
    assert sum(row.tokens.split().count("<unk>") for row in rows["plain"]) > 10
    assert not any("<unk>" in row.tokens for row in rows["replaced"])
    assert [row.unknown for row in rows["plain"]] == [row.unknown for row in rows["replaced"]]
    for plain, replaced in zip(rows["plain"], rows["replaced"], strict=True):
        for word, instead in zip(plain.tokens.split(), replaced.tokens.split(), strict=True):
            assert word in ("<unk>", instead)

"""The commands of the library, called within this process."""

import json
import math
import re
import sys
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from s2s import __version__, files, program
from s2s.commands import info
from s2s.commands.app import app
from s2s.inference import nbest
from s2s.inference.translator import Translator
from s2s.lexicon.lexicon import Lexicon
from tests.support import model_folders, tiny

SENTENCES = model_folders.SENTENCES
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("models")
    networks = {seed: model_folders.trained(seed) for seed in (1, 2)}
    return [str(model_folders.write(folder / str(seed), seed, network)) for seed, network in networks.items()]


@pytest.fixture
def text(tmp_path: Path) -> str:
    """Return a file of sentences, one of them empty."""
    path = tmp_path / "text.en"
    path.write_text("".join(f"{line}\n" for line in [*SENTENCES[:2], "", *SENTENCES[2:]]), encoding="utf-8")
    return str(path)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Return a function that calls the command line and returns its exit code, stdout and stderr."""

    def called(*arguments: str) -> tuple[int, str, str]:
        computes = arguments[0] in ("translate", "score", "embed")
        place = ("--device", "cpu", "--threads", "1") if computes else ()
        monkeypatch.setattr(sys, "argv", ["s2s", *arguments, *place])
        with pytest.raises(SystemExit) as end:
            program.run(app)
        return int(end.value.code or 0), *capfd.readouterr()

    return called


def pairs(lines: str) -> list[tuple[float, str]]:
    """Parse the output of --scores."""
    return [
        (float(log_prob), translation) for log_prob, translation in (line.split("\t") for line in lines.splitlines())
    ]


def test_lines_are_translated_in_order(call: Call, models: list[str], text: str) -> None:
    lines = ["le roi voit le chat.", "il l'homme ici !", "", "le chat, le roi & un chat voit il là.", "ici."]
    code, out, err = call("translate", "-m", models[0], "-m", models[1], text, text)
    assert (code, out.split("\n"), err) == (0, [*lines, *lines, ""], "")


def test_batches_change_nothing(call: Call, models: list[str], text: str) -> None:
    usual = pairs(call("translate", "-m", models[0], "--scores", text)[1])
    for batch in ("1", "2"):
        written = pairs(call("translate", "-m", models[0], "--scores", "--batch-sentences", batch, text)[1])
        assert [line for _, line in written] == [line for _, line in usual]
        np.testing.assert_allclose(
            [candidate for candidate, _ in written], [candidate for candidate, _ in usual], atol=1e-4
        )


def test_the_score_of_a_translation_is_its_log_probability(
    call: Call, models: list[str], text: str, tmp_path: Path
) -> None:
    ensemble = ("-m", models[0], "-m", models[1], "--mean", "log_probabilities")
    limits = ("--beam", "4", "--forbid-unknown")
    written = pairs(call("translate", *ensemble, *limits, "--scores", text)[1])
    listed = nbest.read(call("translate", *ensemble, *limits, "--n-best", "1", text)[1].splitlines(), "list", 5)
    decoded = [candidates[0].tokens.split() for candidates in listed]
    target = tmp_path / "text.fr"
    target.write_text("".join(f"{line}\n" for _, line in written), encoding="utf-8")
    both = ("--source", text, "--target", str(target))
    scores = call("score", *ensemble, *both)[1].splitlines()
    read = [lines.splitlines() for lines in call("score", *ensemble, *both, "--tokens")[1].split("\n\n")[:-1]]
    assert len(scores) == len(read) == 5
    same = 0
    for (log_prob, line), words, score, tokens in zip(written, decoded, scores, read, strict=True):
        names, log_probs = zip(*(token.split("\t") for token in tokens), strict=True)
        assert float(score) == pytest.approx(sum(map(float, log_probs)), abs=1e-5)
        if line and list(names) == [*words, "</s>"]:  # odd translations may be tokenized differently
            same += 1
            assert float(score) == pytest.approx(log_prob, abs=1e-4)
    assert same > 2


def test_perplexity_of_all_pairs_goes_to_stderr(call: Call, models: list[str], text: str) -> None:
    code, out, err = call("score", "-m", models[0], "--source", text, "--target", text)
    tokens = sum(len(line.split()) for line in Path(text).read_text().splitlines())
    count = int(err.split(", ")[1].split()[0])
    assert count > tokens
    perplexity = math.exp(-sum(map(float, out.splitlines())) / count)
    assert (code, err.rpartition(" ")[0]) == (0, f"5 pairs, {count} tokens, perplexity")
    assert float(err.split()[-1]) == pytest.approx(perplexity, rel=1e-5)


def test_an_nbest_list_is_one_that_can_be_read_again(call: Call, models: list[str], text: str) -> None:
    search = ("--beam", "4", "--n-best", "3", "--length-penalty", "1", "--word-reward", "0.5")
    code, out, _ = call("translate", "-m", models[0], *search, text, text)
    lists = list(nbest.read(out.splitlines(), "list", 10))
    assert code == 0
    assert [len(candidates) for candidates in lists] == [3, 3, 1, 3, 3] * 2
    for candidates in lists:
        assert candidates == sorted(candidates, key=lambda candidate: -candidate.score)
        assert len({candidate.tokens for candidate in candidates}) == len(candidates)
    best = lists[0][0]
    tokens = len(best.tokens.split()) + 1
    assert best.score == pytest.approx(best.features["log_prob"][0] / ((5 + tokens) / 6) + 0.5 * tokens)
    assert lists[2][0].tokens == ""


def test_draws_depend_on_the_seed_alone(call: Call, models: list[str], text: str) -> None:
    draw = ("translate", "-m", models[0], "--sample", "--n-best", "3", "--scores", "--temperature", "1.5", text)
    first = call(*draw)
    assert call(*draw, "--batch-sentences", "1") == first
    assert call(*draw, "--seed", "2")[1] != first[1]
    greedy = call("translate", "-m", models[0], "--beam", "1", text)
    assert call("translate", "-m", models[0], "--sample", "--top-k", "1", text) == greedy


def test_a_lexicon_replaces_unknown_words(call: Call, models: list[str], tmp_path: Path) -> None:
    source, lexicon = tmp_path / "text.en", str(tmp_path / "lexicon.parquet")
    source.write_text("Dog\n", encoding="utf-8")
    Lexicon({"dog": ("chien", 0.9)}, 4.0, 0.1).save(Path(lexicon))
    assert call("translate", "-m", models[0], str(source))[1] == "<unk>\n"
    assert call("translate", "-m", models[0], "--lexicon", lexicon, str(source))[1] == "chien\n"


def test_limits_hold(call: Call, models: list[str], text: str) -> None:
    lists = {}
    for flags in (("--min-tokens", "7", "--max-tokens", "7"), ("--max-length-ratio", "0", "--min-length-ratio", "0")):
        out = call("translate", "-m", models[0], "--n-best", "2", *flags, text)[1]
        lists[flags[0]] = [
            len(candidate.tokens.split()) for row in nbest.read(out.splitlines(), "list", 5) for candidate in row
        ]
    assert set(lists["--min-tokens"]) == {0, 7}
    assert max(lists["--max-length-ratio"]) <= 10


@pytest.mark.parametrize("suffix", ["npy", "parquet"])
def test_vectors_are_those_of_the_encoder(
    call: Call, models: list[str], text: str, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / "made" / f"vectors.{suffix}"
    assert call("embed", "-m", models[0], "--out", str(out), text, text) == (0, "", "")
    sentences = [*SENTENCES[:2], "", *SENTENCES[2:]] * 2
    wanted = Translator.load([Path(models[0])]).embed(sentences)
    if suffix == "npy":
        written = np.load(out)
    else:
        table = pq.read_table(out)
        assert table.column("sentence").to_pylist() == sentences
        written = np.array(table.column("vector").to_pylist(), np.float32)
    np.testing.assert_allclose(written, wanted, atol=1e-6)
    assert written.dtype == np.float32
    assert list(out.parent.iterdir()) == [out]


def test_info_tells_what_a_model_is(call: Call, models: list[str]) -> None:
    code, out, _ = call("info", *models)
    weights = [files.sha256(Path(folder) / "weights.safetensors") for folder in models]
    assert code == 0
    assert all(sha256 in out for sha256 in weights)
    for fact in (
        "en to fr",
        "lstm cells, context initial",
        "1 of 32, embeddings of",
        "12.500",
        "lower case",
        "19 words (source)",
        "last token to the first",
    ):
        assert fact in out
    written = [json.loads(line) for line in call("info", "--json", *models)[1].splitlines()]
    assert [facts["weights_sha256"] for facts in written] == weights
    assert [facts["seed"] for facts in written] == [1, 2]
    assert written[0]["source_vocabulary"] == {"kind": "words", "size": 19}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "lstm cells, context initial"),
        ({"cell": "gru", "context": "bahdanau", "bidirectional": True}, "gru cells, context bahdanau, read both ways"),
        (
            {"network": "transformer", "heads": 2, "feed_forward": 8},
            "transformer, 2 heads, 8 between a layer's products",
        ),
    ],
)
def test_info_names_the_kind_of_network(changes: dict[str, object], told: str) -> None:
    assert info.network(asdict(tiny.architecture(**changes))) == told


def test_the_version_is_that_of_the_package(call: Call) -> None:
    assert call("--version") == (0, f"{__version__}\n", "")
    pyproject = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["dynamic"] == ["version"]
    assert pyproject["tool"]["setuptools"]["dynamic"] == {"version": {"attr": "s2s.__version__"}}


def test_the_package_has_types() -> None:
    assert resources.files("s2s").joinpath("py.typed").is_file()


@pytest.mark.parametrize("command", ["", "translate", "score", "embed", "export", "info"])
def test_help_teaches_by_examples(call: Call, command: str) -> None:
    code, out, _ = call(*command.split(), "--help")
    assert code == 0
    assert f"s2s {command or 'translate'} " in out


def test_a_mistake_is_one_line_and_exit_code_2(call: Call, models: list[str], text: str, tmp_path: Path) -> None:
    short, none, model = tmp_path / "short", str(tmp_path / "none"), ("-m", models[0])
    short.write_text("a\n")
    for arguments, message in (
        (("translate", *model, none), f"{none}: no such file; expected lines of text"),
        (("translate", "-m", none, text), f"{none}: found no model.json; expected"),
        (("translate", *model, "--n-best", "3", text), "--n-best: found 3; expected 2 at most, as --beam says"),
        (("translate", *model, "--min-tokens", "1001", text), "--min-tokens: found 1001; expected 1000 at most, as"),
        (("translate", *model, "--min-length-ratio", "4", text), "--min-length-ratio: found 4.0; expected 3.0 at most"),
        (("translate", *model, "--word-reward", "nan", text), "--word-reward: found nan; expected a finite number"),
        (
            ("translate", *model, "--sample", "--temperature", "inf", text),
            "--temperature: found inf; expected a",
        ),
        (("translate", *model, "--top-k", "3", text), "--top-k: found without --sample; expected both or none"),
        (
            ("score", *model, "--source", text, "--target", str(short)),
            f"{short}: found 1 lines; expected 5, as many as",
        ),
        (("score", *model, "--source", text), "--source and --target: found one of them; expected both or none"),
        (
            ("embed", *model, "--out", "a.txt", text),
            "--out: found a.txt; expected a name that ends in .parquet or .npy",
        ),
        (("embed", *model, "--out", f"{tmp_path}", text), "--out: found"),
        (("info", none), f"{none}: found no model.json"),
    ):
        code, out, err = call(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert err.startswith(message)


@pytest.mark.parametrize(
    ("command", "option", "wanted"),
    [
        ("translate", "beam", "1 to 1000"),
        ("translate", "n-best", "1 to 1000"),
        ("translate", "max-tokens", "1 to 10000"),
        ("translate", "max-length-ratio", "0 to 100"),
        ("translate", "length-penalty", "0 to 2"),
        ("translate", "batch-sentences", "4096 at most"),
        ("score", "batch-tokens", "10000000 at most"),
    ],
)
def test_absurd_sizes_are_refused(call: Call, command: str, option: str, wanted: str) -> None:
    code, out, err = call(command, "-m", "none", f"--{option}", "100000000")
    assert (code, out) == (2, "")
    assert re.fullmatch(rf"--{option}: found 1\S+; expected {wanted}\n", err)


def test_weights_that_are_not_there_are_missed(call: Call, tmp_path: Path) -> None:
    weights = model_folders.write(tmp_path / "model") / "weights.safetensors"
    weights.unlink()
    assert call("info", str(weights.parent)) == (
        2,
        "",
        f"{weights}: found no such file; expected the weights that model.json names\n",
    )

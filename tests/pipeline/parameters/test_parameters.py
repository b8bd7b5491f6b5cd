"""Reading params.yaml gives typed values, or one line with the place, the value found and the value expected."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import loads_yaml

from pipeline.parameters import reading, yaml_reader
from s2s.errors import UserError

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "presets/default.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


REFUSED = {
    "misspelt key": (
        changed("  learning_rate:", "  lerning_rate:"),
        "params.yaml: unknown key train.lerning_rate; did you mean learning_rate?",
    ),
    "unlike any key": (
        TEXT + "\nzzz: 1\n",
        "params.yaml: unknown key zzz; expected one of download, clean, vocab",
    ),
    "missing key": (re.sub(r"  epochs: .*\n", "", TEXT), "params.yaml: missing key train.epochs; see presets/"),
    "a key of an earlier version": (
        changed("  epochs:", "  keep_checkpoints: 2\n  epochs:"),
        "params.yaml: unknown key train.keep_checkpoints; it is operation.keep_checkpoints now",
    ),
    "a section of an earlier version": (
        TEXT[: TEXT.index("operation:")] + "tracking: {experiment: a}\n",
        "params.yaml: unknown key tracking; it is operation.experiment now",
    ),
    "a key of an earlier version in a system": (
        changed("reversed: {}", "reversed: {train: {checkpoint_minutes: 1.0}}"),
        "systems.reversed: unknown key train.checkpoint_minutes; it is operation.checkpoint_minutes now",
    ),
    "misspelt section": (changed("model:\n", "modle:\n"), "unknown key modle; did you mean model?"),
    "out of range": (
        re.sub(r"layers: \d+", "layers: -3", TEXT),
        "model.layers: found -3; expected to be greater than or equal to 1",
    ),
    "number as text": (re.sub(r"layers: \d+", 'layers: "3"', TEXT), "model.layers: found '3'; expected to be a valid"),
    "unknown choice": (changed("cell: lstm", "cell: lstn"), "model.cell: found 'lstn'; expected to be 'lstm'"),
    "key twice": (
        "a: 1\nb:\n  cell: lstm\n  cell: lstm\n",
        "params.yaml: not YAML: line 4, column 3: key 'cell' is there twice",
    ),
    "no mapping": ("- a\n- b\n", "params.yaml: found list; expected sections such as `model:`"),
    "no YAML": ("a: [1\n", "params.yaml: not YAML: line 2, column 1: expected ',' or ']', but got '<stream end>'"),
    "empty": ("", "params.yaml: found NoneType; expected sections such as `model:`"),
    "two documents": ("a: 1\n---\nb: 1\n", "params.yaml: not YAML: line 2, column 1: but found another document"),
    "a tab": (
        "a:\n\t- 1\n",
        "params.yaml: not YAML: line 2, column 1: found character '\\t' that cannot start any token",
    ),
    "a control character": ("a: \x1b[2J\n", "params.yaml: not YAML: unacceptable character #x001b"),
    "a tag of Python's": ("a: !!python/object:os.system x\n", "not YAML: line 1, column 4: could not determine a con"),
    "no such day": ("a: 2020-13-45\n", "params.yaml: not YAML: month must be in 1..12"),
    "no such number": ("a: !!int x\n", "params.yaml: not YAML: invalid literal for int() with base 10: 'x'"),
    "a number of many digits": ("a: " + "9" * 5000, "params.yaml: not YAML: Exceeds the limit (4300 digits)"),
    "a number of many digits in base 16": (
        re.sub(r"layers: \d+", "layers: 0x" + "f" * 4000, TEXT),
        "model.layers: found a number of thousands of digits; expected to be",
    ),
    "a long text": (
        re.sub(r"cell: lstm", "cell: " + "x" * 9999, TEXT),
        f"model.cell: found '{'x' * 97}...{'x' * 98}'; expected to be 'lstm'",
    ),
    "a long path": (
        changed("probes: probes/demo.tsv", "probes: " + "x" * 9999),
        f"embeddings.probes: found '{'x' * 97}...{'x' * 98}'; expected to have at most 4096 characters",
    ),
    "a key that is no text": (changed("model:\n", "model:\n  1: 2\n"), "model.1: found 1; expected keys to be strings"),
    "a list as a key": ("? [a, b]\n: c\n", "not YAML: line 1, column 3: found a list or map as a key; expected a word"),
    "a merge key": ("a: &a {b: 1}\nc:\n  <<: *a\n", "not YAML: line 3, column 3: found a merge key <<; expected keys"),
    "merge keys that double": (
        "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)),
        "params.yaml: not YAML: line 2, column 10: found a merge key <<; expected keys written out",
    ),
    "aliases that double": (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "params.yaml: found aliases of aliases without end; expected values written out",
    ),
    "an alias of itself": ("a: &a {b: *a}\n", "params.yaml: found aliases of aliases without end; expected values"),
    "deep lists": ("[" * 600, "params.yaml: found values nested too deeply to be read; expected sections of keys"),
    "deep maps": (
        "".join(f"{' ' * depth}a:\n" for depth in range(600)),
        "params.yaml: found values nested too deeply to be read; expected sections of keys",
    ),
    "a file of many values": ("a: 1\n" * 9_999, "params.yaml: found more than 10,000 values; expected fewer"),
    "a huge file": ("a: 1\n" * 200_000, "params.yaml: found 1,000,000 characters; expected at most 250,000"),
    "misspelt in a system": (
        changed("reversed: {}", "reversed: {model: {layer: 3}}"),
        "params.yaml: systems.reversed: unknown key model.layer; did you mean layers?",
    ),
    "out of range in a system": (
        changed("reversed: {}", "reversed: {train: {epochs: 0}}"),
        "systems.reversed: train.epochs: found 0; expected to be greater than 0",
    ),
    "a section that no system changes": (
        changed("reversed: {}", "reversed: {vocab: {kind: bpe}}"),
        "systems.reversed.vocab: found 'vocab'; expected to be 'model' or 'train'",
    ),
    "misspelt in a model": (
        changed("{system: reversed, seed: 1,", "{system: reversed, sed: 1,"),
        "unknown key models.reversed-1.sed; did you mean seed?",
    ),
    "model of no system": (
        changed("reversed-1: {system: reversed,", "reversed-1: {system: forward,"),
        "models.reversed-1.system: found 'forward'; expected one of reversed",
    ),
    "model under another name": (
        changed("reversed-1: {system", "first: {system"),
        "models.first: found another name than system and seed; expected reversed-1",
    ),
    "misspelt in a vocabulary": (
        changed("base: {}", "base: {knd: bpe}"),
        "params.yaml: vocabularies.base: unknown key vocab.knd; did you mean kind?",
    ),
    "out of range in a vocabulary": (
        changed("base: {}", "base: {target_size: 7}"),
        "vocabularies.base: vocab.target_size: found 7; expected to be greater than or equal to 8",
    ),
    "model of no vocabulary": (
        changed("seed: 1, vocabulary: base}", "seed: 1, vocabulary: bpe}"),
        "models.reversed-1.vocabulary: found 'bpe'; expected one of base",
    ),
    "models of a system in two vocabularies": (
        changed("base: {}", "base: {}\n  bpe: {kind: bpe}").replace(
            "seed: 2, vocabulary: base", "seed: 2, vocabulary: bpe"
        ),
        "models.reversed-2.vocabulary: found bpe; expected base, as the other models of reversed",
    ),
    "more seeds than models": (
        changed("seeds: 2", "seeds: 3"),
        "runs.ensemble.seeds: found 3; expected at most 2, the models of reversed",
    ),
    "run of no system": (
        changed("single: {system: reversed", "single: {system: forward"),
        "runs.single.system: found 'forward'; expected one of reversed",
    ),
    "more translations than the beam is wide": (
        changed("  n_best: 1 ", "  n_best: 3 "),
        "runs.single: translate.n_best: found 3; expected at most 2, the beam",
    ),
    "misspelt in a run": (
        changed("seeds: 1, beam: 2}", "seeds: 1, beam: 2, translate: {nbest: 2}}"),
        "runs.single: unknown key translate.nbest; did you mean n_best?",
    ),
    "lengths that contradict": (
        changed("  min_tokens: 0 ", "  min_tokens: 1001 "),
        "runs.single: translate.min_tokens: found 1001; expected at most 1000, its max_tokens",
    ),
    "unknown words without a lexicon": (
        changed("  replace_unknown: false", "  replace_unknown: true").replace("  pairs: 100000", "  pairs: 0"),
        "runs.single: translate.replace_unknown: found true with lexicon.pairs 0; expected pairs to learn a lexicon",
    ),
    "unknown words of subwords": (
        changed("  replace_unknown: false", "  replace_unknown: true").replace("  kind: words", "  kind: bpe"),
        "runs.single: translate.replace_unknown: found true with vocabulary base of kind bpe; expected words",
    ),
    "a first pass by nobody": (
        changed("members/single.json}", "members/none.json}"),
        "first_passes.single: found 'members/none.json'; expected members/single.json or members/ensemble.json, or a",
    ),
    "a rescoring of no first pass": (
        changed("first_pass: single,", "first_pass: none,"),
        "rescorings.ensemble.first_pass: found 'none'; expected one of single",
    ),
    "a rescoring by no run": (
        changed("scorer: ensemble", "scorer: none"),
        "rescorings.ensemble.scorer: found 'none'; expected one of single, ensemble",
    ),
    "embeddings of no model": (
        changed("  seed: 1                     # ...", "  seed: 9                     # ..."),
        "embeddings: found reversed-9; expected one of reversed-1, reversed-2",
    ),
    "weight decay without adamw": (
        changed("  weight_decay: 0.0", "  weight_decay: 0.1"),
        "systems.reversed: train.weight_decay: found 0.1 with adam; expected 0.0, or adamw",
    ),
    "no word vectors": (
        changed('  source_embeddings: ""', '  source_embeddings: "none.vec"'),
        "systems.reversed: train.source_embeddings: found no file 'none.vec'; expected one, or nothing",
    ),
    "no checkpoint to resume": (
        changed('  resume_from: ""', '  resume_from: "none"'),
        "systems.reversed: train.resume_from: found no file 'none'; expected one, or nothing",
    ),
    "weights beside a checkpoint": (
        changed('  resume_from: ""', '  resume_from: "pyproject.toml"').replace(
            '  initial_weights: ""', '  initial_weights: "models"'
        ),
        "systems.reversed: train.initial_weights: found 'models' with resume_from, whose weights replace it; expected",
    ),
    "word vectors beside a checkpoint": (
        changed('  resume_from: ""', '  resume_from: "pyproject.toml"').replace(
            '  target_embeddings: ""', '  target_embeddings: "pyproject.toml"'
        ),
        "systems.reversed: train.target_embeddings: found 'pyproject.toml' with resume_from, whose weights replace it",
    ),
    "no model to start from": (
        changed('  initial_weights: ""', '  initial_weights: "none"'),
        "systems.reversed: train.initial_weights: found no folder 'none'; expected one of a model",
    ),
    "no probes": (
        changed("probes: probes/demo.tsv", "probes: probes/none.tsv"),
        "embeddings.probes: found no file 'probes/none.tsv'; expected one such as probes/demo.tsv",
    ),
    "no such layer": (
        changed("layer: 0", "layer: 2"),
        "embeddings.layer: found 2; expected at most 1, the layers of reversed, or 0",
    ),
    "no text files": (
        changed("source: demo", "source: files"),
        "download.files.train_source: found no file ''; expected text, one sentence a line",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_is_refused_in_one_line(name: str) -> None:
    text, message = REFUSED[name]
    with pytest.raises(UserError) as refused:
        reading.parse(text, "params.yaml")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4e-3", 0.004), ("1e3", 1000.0), ("no", "no"), ("on", "on"), ("010", 10), ("0o10", 8), ("1_000", 1000),
        ("1:30", "1:30"), ("~", None), ("'4e-3'", "4e-3"), (".5", 0.5), ("0.7", 0.7),
    ],
)  # fmt: skip
def test_values_are_read_as_dvc_reads_them(text: str, value: Any) -> None:
    assert yaml_reader.load(f"a: {text}\n", "") == loads_yaml(f"a: {text}\n") == {"a": value}


def test_a_number_with_an_exponent_and_the_language_no_are_what_they_look_like() -> None:
    text = changed("learning_rate: 0.004", "learning_rate: 4e-3").replace("target_language: fr", "target_language: no")
    read = reading.parse(text, "params.yaml")
    assert (read.train.learning_rate, read.download.target_language) == (0.004, "no")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends_and_a_byte_order_mark_change_no_value(newline: str) -> None:
    whole = reading.parse(TEXT, "params.yaml")
    assert reading.parse("\ufeff" + TEXT.replace("\n", newline), "params.yaml") == whole


def test_an_alias_stands_for_its_value() -> None:
    text = changed("base: {}", "base: &base {}").replace("reversed: {}", "reversed: *base")
    assert reading.parse(text, "params.yaml") == reading.parse(TEXT, "params.yaml")


def test_a_file_of_many_keys_is_read_in_time_that_grows_as_the_file_does() -> None:
    def seconds(keys: int) -> float:
        start = time.process_time()
        yaml_reader.load("".join(f"key{number}: 1\n" for number in range(keys)), "")
        return time.process_time() - start

    assert seconds(2000) < 12 * seconds(500)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml: no such file; expected a parameter file, see presets/"):
        reading.read(tmp_path / "params.yaml")


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"params\.yaml: found byte 0xff at 0; expected UTF-8"):
        reading.read(tmp_path / "params.yaml")


def test_a_system_is_the_base_with_its_changes() -> None:
    text = changed("reversed: {}", "reversed: {model: {layers: 3}, train: {clip_norm: 1.0}}")
    read = reading.parse(text, "params.yaml")
    model, train = read.system("reversed")
    assert model == read.model.model_copy(update={"layers": 3})
    assert train == read.train.model_copy(update={"clip_norm": 1.0})


def test_a_vocabulary_is_the_base_with_its_changes() -> None:
    text = changed("base: {}", "base: {}\n  bpe: {kind: bpe, target_size: 500}")
    read = reading.parse(text.replace("vocabulary: base", "vocabulary: bpe"), "params.yaml")
    assert read.vocabulary(read.vocabulary_of("reversed")) == read.vocab.model_copy(
        update={"kind": "bpe", "target_size": 500}
    )
    assert read.vocabulary("base") == read.vocab


def test_the_seeds_of_a_system_stand_in_the_order_of_the_file() -> None:
    text = changed("  reversed-1:", "  reversed-7: {system: reversed, seed: 7, vocabulary: base}\n  reversed-1:")
    assert reading.parse(text, "params.yaml").seeds("reversed") == [7, 1, 2]


def test_every_key_has_a_comment() -> None:
    """Users read the meaning of a key in params.yaml itself."""
    sections, uncommented = yaml.safe_load(TEXT), []
    for line in TEXT.split("\n"):
        key = re.match(r"  (?:  )?(\w+): [^#{]*$", line)
        if key and key[1] in {name for section in sections.values() if isinstance(section, dict) for name in section}:
            uncommented.append(key[1])
    assert [key for key in uncommented if not key.endswith(("target_language", "_seed"))] == []

"""A preset is the default file with its comments, overlaid with the preset's own values."""

from pathlib import Path

import pytest

from pipeline.parameters import editing, presets, reading, yaml_reader
from s2s.errors import UserError

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml") if path.stem != "default")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the repository's presets and the demo's parameters."""
    monkeypatch.chdir(tmp_path)
    for folder in ("presets", "probes"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return tmp_path


def test_all_are_listed() -> None:
    recipes = {"bahdanau2015", "cho2014", "sutskever2014", "transformer", "wmt14"}
    assert presets.names(ROOT / "presets").keys() == recipes | {"demo", "demo_tables", "family", "multi30k"}


@pytest.mark.parametrize("name", NAMES)
def test_each_is_valid_and_says_what_it_is(name: str, workspace: Path) -> None:
    text = presets.merged(name)
    reading.parse(text, name)
    assert text.startswith(f"# yaml-language-server: $schema=params.schema.json\n# {name}: {presets.names()[name]}\n")
    assert presets.names()[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_says_only_what_it_changes(name: str, workspace: Path) -> None:
    text = Path(f"presets/{name}.yaml").read_text(encoding="utf-8")
    own, default = presets.values(text), presets.values(presets.merged("demo"))
    maps = [key for key in own if key.startswith(editing.FREE)]
    assert {key for key, value in own.items() if default.get(key) == value} <= set(maps)
    merged = presets.values(presets.merged(name))
    assert {key: merged[key] for key in own} == own
    others = default.keys() - own.keys()
    replaced = {key for key in others if key.startswith(editing.FREE)}
    assert {key: merged[key] for key in others - replaced} == {key: default[key] for key in others - replaced}


@pytest.mark.parametrize("name", NAMES)
def test_each_explains_its_keys_as_params_yaml_does(name: str, workspace: Path) -> None:
    def comments(text: str) -> list[str]:
        lines = [line.partition("#")[2].strip() for line in text.split("\n")[2:]]
        return [comment for comment in lines if comment]

    assert comments(presets.merged(name)) == comments((ROOT / "params.yaml").read_text(encoding="utf-8"))


def test_the_demo_is_params_yaml(workspace: Path) -> None:
    assert presets.merged("demo").encode() == (ROOT / "params.yaml").read_bytes()


def test_the_default_is_the_demo_under_other_first_lines() -> None:
    default, demo = (ROOT / path for path in ("presets/default.yaml", "params.yaml"))
    assert default.read_text(encoding="utf-8").split("\n")[2:] == demo.read_text(encoding="utf-8").split("\n")[2:]
    schema = default.read_text(encoding="utf-8").split("\n")[0].partition("$schema=")[2]
    assert (default.parent / schema).resolve() == ROOT / "params.schema.json"


def test_the_papers_recipe(workspace: Path) -> None:
    paper = yaml_reader.load(presets.merged("sutskever2014"), "")
    wanted = {  # section 3 of the paper
        "vocab": {"kind": "words", "source_size": 160_000, "target_size": 80_000, "min_count": 1},
        "model": {"cell": "lstm", "layers": 4, "hidden": 1000, "embedding": 1000, "dropout": 0.0, "init_uniform": 0.08},
        "train": {
            "optimizer": "sgd",
            "learning_rate": 0.7,
            "decay": "halve",
            "halve_after_epochs": 5.0,
            "halve_every_epochs": 0.5,
            "epochs": 7.5,
            "batch_sentences": 128,
            "clip_norm": 5.0,
            "normalize_loss": "sentences",
        },
    }
    for section, values in wanted.items():
        assert {key: paper[section][key] for key in values} == values
    rows = {(run["system"], run["seeds"], run["beam"]) for run in paper["runs"].values()}
    table_1 = [("forward", 1), ("reversed", 1), ("reversed", 2), ("reversed", 5)]
    assert rows == {(*row, 12) for row in table_1} | {("reversed", 5, 1), ("reversed", 5, 2)}


def test_lays_a_preset_and_tells_what_changed(workspace: Path) -> None:
    changes = presets.lay("sutskever2014")
    assert (workspace / "params.yaml").read_bytes() == presets.merged("sutskever2014").encode()
    assert "model.layers: 1 -> 4" in changes
    assert "runs.single.beam: 2 -> (absent)" in changes
    assert "runs.five-beam2.beam: (absent) -> 2" in changes
    assert not [change for change in changes if change.startswith("operation.")]
    assert presets.lay("sutskever2014") == []


def test_lays_a_preset_over_a_broken_file(workspace: Path) -> None:
    (workspace / "params.yaml").write_text("model: [")
    assert "model.layers: (absent) -> 1" in presets.lay("demo")


def test_refuses_an_unknown_preset(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"^preset demi: found no such preset; expected one of bahdanau2015, c"):
        presets.lay("demi")


def write_preset(workspace: Path, text: str) -> None:
    """Write a preset `mine` into a folder that holds nothing else but the default."""
    (workspace / "presets").unlink()
    (workspace / "presets").mkdir()
    (workspace / "presets/default.yaml").symlink_to(ROOT / "presets/default.yaml")
    (workspace / "presets/mine.yaml").write_text(f"# mine: wrong\n{text}\n")


def test_a_persons_maps_are_replaced_whole_and_sections_key_by_key(workspace: Path) -> None:
    write_preset(workspace, "translate: {n_best: 2}\nruns:\n  a: {system: reversed, seeds: 1, beam: 3}  # mine\n")
    demo = yaml_reader.load((ROOT / "params.yaml").read_text(encoding="utf-8"), "")
    run = {"a": {"system": "reversed", "seeds": 1, "beam": 3}}
    wanted = demo | {"runs": run, "translate": demo["translate"] | {"n_best": 2}}
    assert yaml_reader.load(presets.merged("mine"), "") == wanted
    lines = presets.merged("mine").split("\n")
    assert "  a: {system: reversed, seeds: 1, beam: 3}" in lines
    assert (
        "  n_best: 2                   # best translations kept of each sentence, at most the run's beam; 1 to 1000"
        in lines
    )


def test_a_comment_moves_only_for_a_value_that_needs_its_room(workspace: Path) -> None:
    write_preset(workspace, "download: {demo: {seed: 7}, source: " + "a" * 40 + "}")
    lines = presets.merged("mine").split("\n")
    assert "    seed: 7                   # same seed, same bytes" in lines
    assert [line for line in lines if line.startswith(f"  source: {'a' * 40} # demo | files |")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {layers: 0}", "model.layers: found 0; expected to be greater than"),
        ("model: {layer: 1}", "unknown key model.layer; expected one of network, cell"),
        ("modle: {layers: 1}", "unknown key modle; expected one of download, clean"),
        ("model: 1", "model: found 1; expected to be a valid dictionary"),
        ("- model", "found no sections; expected some such as `model:`"),
        ("model: [", "not YAML: line 3, column 1: expected the node"),
        ("model: {layers: 1}\nmodel: {layers: 2}", "not YAML: line 3, column 1: key 'model' is there twice"),
    ],
)
def test_a_preset_that_is_not_valid_changes_nothing(text: str, message: str, workspace: Path) -> None:
    write_preset(workspace, text)
    before = (workspace / "params.yaml").read_bytes()
    with pytest.raises(UserError, match=rf"^presets/mine\.yaml: {message}"):
        presets.lay("mine")
    assert (workspace / "params.yaml").read_bytes() == before
    assert sorted(path.name for path in workspace.iterdir()) == ["params.yaml", "presets", "probes"]

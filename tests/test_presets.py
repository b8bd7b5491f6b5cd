from pathlib import Path

import pytest
import yaml

from pipeline import parameters, presets
from s2s.errors import UserError

ROOT = Path(__file__).parent.parent
NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the repository's presets and the demo's parameters."""
    monkeypatch.chdir(tmp_path)
    for folder in ("presets", "probes"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "params.yaml").write_bytes((ROOT / "presets/demo.yaml").read_bytes())
    return tmp_path


def test_the_four_are_there() -> None:
    assert {"demo", "multi30k", "sutskever2014", "wmt14"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_is_valid_and_says_what_it_is(name: str, workspace: Path) -> None:
    path = Path("presets") / f"{name}.yaml"
    parameters.read(path)
    assert path.read_text(encoding="utf-8").startswith(f"# {name}: ")
    assert presets.names()[name]


@pytest.mark.parametrize("name", NAMES)
def test_each_explains_its_keys_as_params_yaml_does(name: str) -> None:
    def comments(path: Path) -> list[str]:
        lines = [line.partition("#")[2].strip() for line in path.read_text(encoding="utf-8").split("\n")[1:]]
        return [comment for comment in lines if comment]

    assert comments(ROOT / f"presets/{name}.yaml") == comments(ROOT / "params.yaml")


def test_the_default_is_the_demo() -> None:
    assert (ROOT / "params.yaml").read_bytes() == (ROOT / "presets/demo.yaml").read_bytes()


def test_the_papers_recipe() -> None:
    paper = yaml.safe_load((ROOT / "presets/sutskever2014.yaml").read_text(encoding="utf-8"))
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
    assert (workspace / "params.yaml").read_bytes() == (ROOT / "presets/sutskever2014.yaml").read_bytes()
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


def test_a_preset_that_is_not_valid_changes_nothing(workspace: Path) -> None:
    (workspace / "presets").unlink()
    (workspace / "presets").mkdir()
    (workspace / "presets/mine.yaml").write_text("# mine: wrong\nmodel: {layers: 1}\n")
    before = (workspace / "params.yaml").read_bytes()
    with pytest.raises(UserError, match=r"^presets/mine\.yaml: missing key "):
        presets.lay("mine")
    assert (workspace / "params.yaml").read_bytes() == before
    assert sorted(path.name for path in workspace.iterdir()) == ["params.yaml", "presets", "probes"]

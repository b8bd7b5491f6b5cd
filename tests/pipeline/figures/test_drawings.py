"""The two stages that draw figures: learning curves and sentence lengths."""

from pathlib import Path

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.trained import CURVE_COLUMNS
from pipeline.stages import learning, sentence_lengths
from s2s.errors import UserError
from tests.support import project


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    project.write_parameters(tmp_path, models=project.MODELS, runs=project.RUNS)
    records.write(tmp_path / "encoding" / "base.json", project.encoding())
    for model in project.MODELS:
        write_curve(tmp_path / "curves" / f"{model}.csv", [30.5, 8.25])
    return tmp_path


def write_curve(path: Path, perplexities: list[float]) -> None:
    rows = [f"{epoch},{epoch},0.1,9.5,{value},1" for epoch, value in enumerate(perplexities, 1)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([",".join(CURVE_COLUMNS), *rows, ""]), encoding="utf-8")


def run_stages(folder: Path) -> dict[str, bytes]:
    """Run both stages and return the content of their files, by name."""
    out = folder / "out"
    sentence_lengths.main(folder / "encoding" / "base.json", out / "lengths.svg")
    learning.main(folder / "curves", out / "learning.svg")
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_each_figure_tells_the_numbers_that_it_was_drawn_from(workspace: Path) -> None:
    written = run_stages(workspace)
    assert list(written) == ["learning.png", "learning.svg", "lengths.png", "lengths.svg"]
    assert b"reversed-2, epoch 2: perplexity 8.25, in training 9.50" in written["learning.svg"]
    assert b"200 and more tokens: source 3, target 5 sentences" in written["lengths.svg"]


def test_what_is_left_of_other_models_is_not_drawn(workspace: Path) -> None:
    write_curve(workspace / "curves" / "forward-1.csv", [3.0])
    assert b"forward-1" not in run_stages(workspace)["learning.svg"]


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    assert run_stages(workspace) == run_stages(workspace)


@pytest.mark.parametrize("epoch", ["1e308", "-1", "inf", ""])
def test_an_epoch_that_cannot_be_is_told(epoch: str, workspace: Path) -> None:
    (workspace / "curves" / "reversed-1.csv").write_text(f"{','.join(CURVE_COLUMNS)}\n{epoch},1,0.1,9,9,1\n")
    with pytest.raises(UserError, match=r"reversed-1.csv line 2: epoch: Input should be .*; expected what the stage"):
        learning.main(workspace / "curves", workspace / "out" / "learning.svg")


def test_what_is_missing_is_told_and_nothing_is_written(workspace: Path) -> None:
    (workspace / "curves" / "reversed-2.csv").unlink()
    (workspace / "encoding" / "base.json").unlink()
    with pytest.raises(UserError, match=r"reversed-2.csv: no such file; expected what the stage before writes"):
        learning.main(workspace / "curves", workspace / "out" / "learning.svg")
    with pytest.raises(UserError, match=r"base.json: no such file; expected what the stage before writes"):
        sentence_lengths.main(workspace / "encoding" / "base.json", workspace / "out" / "lengths.svg")
    assert not (workspace / "out").exists()

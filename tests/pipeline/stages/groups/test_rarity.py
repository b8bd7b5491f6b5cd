"""`groups --by rarity`: BLEU over sentences sorted by the mean rank of their words."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.schemas.data import records
from pipeline.schemas.reports.scores import Group
from pipeline.stages.groups import __main__ as groups
from s2s.errors import UserError
from tests.support import project

# Counts: the 4, king 3, cat 2; sees, sleeps and a occur once and share rank 5; unseen words have rank 7.
TRAINING = ["the king sees the cat", "the cat sleeps", "the king", "a king"]
SOURCES = ["the the dog", "the king", "a dog sees the cat", "the cat"]
RANKS = [(1 + 1 + 7) / 3, 1.5, 21 / 5, 2.0]
REFERENCES = ["le chien du voisin dort", "le roi du pays dort", "un chien voit le chat & <b>", "le chat du voisin dort"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    for name, lines in (("00000", TRAINING[:1]), ("00001", TRAINING[1:])):
        project.write_split(tmp_path / "clean" / "train", name, [(line, line) for line in lines])
    project.write_test_set(tmp_path / "clean", list(zip(SOURCES, REFERENCES, strict=True)))
    for folder, name, lines in (
        ("translations", "single", REFERENCES),
        ("rescored/mine", "even", REFERENCES[::-1]),
        ("rescored/mine", "first", REFERENCES),
        ("rescored/theirs", "even", REFERENCES),
        ("rescored/theirs", "first", [""] * 4),
    ):
        project.write_run(tmp_path / folder, name, lines)
    (tmp_path / "lists").mkdir()
    (tmp_path / "baselines").mkdir()
    (tmp_path / "baselines" / "README.md").write_text("no translations")
    return tmp_path


def run_stage(folder: Path, bins: int = 2) -> dict[str, Any]:
    project.write_parameters(
        folder,
        runs={"single": {"system": "reversed", "seeds": 1, "beam": 1}},
        first_passes={"single": "members/single.json", "smt": "lists"},
        rescorings={
            "mine": {"first_pass": "single", "scorer": "single"},
            "theirs": {"first_pass": "smt", "scorer": "single"},
        },
        rarity={"bins": bins, "bootstrap_samples": 100},
    )
    reports = [folder / f"rarity.{suffix}" for suffix in ("json", "csv", "svg")]
    groups.main("rarity", *(folder / name for name in ("translations", "rescored", "baselines", "clean")), *reports)
    written: dict[str, Any] = json.loads(reports[0].read_text(encoding="utf-8"))
    return written


def test_groups_are_labelled_with_average_ranks_counted_by_hand(workspace: Path) -> None:
    rows = run_stage(workspace)["single"]
    assert [(row["lowest"], row["highest"], row["sentences"]) for row in rows] == [(1.5, 2.0, 2), (3.0, 4.2, 2)]
    assert sorted(RANKS) == [1.5, 2.0, 3.0, 4.2]
    assert {row["bleu"] for row in rows} == {100.0}


def test_runs_rescored_lists_their_baseline_and_a_persons_file_are_compared(workspace: Path) -> None:
    project.write_test_set(workspace / "clean", list(zip(SOURCES, REFERENCES, strict=True)))
    (workspace / "baselines" / "web.txt").write_text("\n".join(["« le chien »", *REFERENCES[1:]]), encoding="utf-8")
    systems = run_stage(workspace)
    assert list(systems) == ["mine (rescored)", "single", "smt (first pass)", "theirs (rescored)", "web"]
    assert {name: [row["bleu"] for row in rows] for name, rows in systems.items() if "first" in name} == {
        "smt (first pass)": [0.0, 0.0]
    }
    assert systems["web"][0]["bleu"] == 100.0 > systems["web"][1]["bleu"]
    assert systems["theirs (rescored)"] == systems["single"] != systems["mine (rescored)"]
    table = pd.read_csv(workspace / "rarity.csv")
    assert list(dict.fromkeys(table["system"])) == [
        "single", "mine (rescored)", "smt (first pass)", "theirs (rescored)", "web"
    ]  # fmt: skip
    assert table[table["system"] == "web"].drop(columns="system").to_dict("records") == systems["web"]
    svg = (workspace / "rarity.svg").read_text(encoding="utf-8")
    assert all(f">{name}<" in svg for name in systems)
    assert "web, ranks 3–4: BLEU" in svg


def test_one_sentence_is_a_group(workspace: Path) -> None:
    project.write_test_set(workspace / "clean", [(SOURCES[1], REFERENCES[1])])
    for folder in ("translations/single", "rescored/mine/even", "rescored/theirs/even", "rescored/theirs/first"):
        project.write_run((workspace / folder).parent, Path(folder).name, [REFERENCES[1]])
    (row,) = run_stage(workspace)["single"]
    assert (row["lowest"], row["highest"], row["sentences"], row["bleu"]) == (1.5, 1.5, 1, 100.0)


def test_a_second_run_gives_the_same_bytes(workspace: Path) -> None:
    contents = []
    for _ in range(2):
        run_stage(workspace)
        contents.append([(workspace / f"rarity.{suffix}").read_bytes() for suffix in ("json", "csv", "svg")])
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("web", b"a\nb\n", r"baselines/web.txt: found 2 lines; expected 4, one a test sentence"),
        ("single", b"a\n" * 4, r"baselines/single.txt: found the name of a system of ours; expected another name"),
        ("\x1b\udcff", b"a\n" * 4, r"\\x1b\\udcff.txt: found a name with invisible characters; expected a visible one"),
        ("web", b"a\n\xe9\n", r"baselines/web.txt line 2: found byte 0xe9; expected UTF-8 text"),
    ],
)
def test_a_mistake_in_a_persons_file_is_told(workspace: Path, name: str, content: bytes, message: str) -> None:
    (workspace / "baselines" / f"{name}.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        run_stage(workspace)


def test_the_groups_come_back_as_they_were_written(workspace: Path) -> None:
    systems = run_stage(workspace)
    read = records.parse(dict[str, list[Group]], (workspace / "rarity.json").read_bytes(), "x")
    assert [group.lowest for group in read["single"]] == [row["lowest"] for row in systems["single"]]

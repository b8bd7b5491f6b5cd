"""The first_pass stage: n-best lists from our own search and from another system."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.lists import FIRST_PASS, FirstPass, ListFile
from pipeline.schemas.data.translated import Members
from pipeline.stages import first_pass
from s2s.errors import UserError
from s2s.files import sha256
from s2s.inference import nbest, translator
from s2s.inference.nbest import Candidate
from s2s.inference.search import SearchSettings, beam_search
from tests.support import rescoring

PAIRS = {
    "dev": [("The king sees.", "Le roi voit."), ("The cat sleeps.", "Le chat dort.")],
    "test": [("The cat sees the king.", "Le chat voit le roi."), ("The king.", "Le roi."), ("King.", "Roi.")],
}
MOSES = """\
0 ||| l&apos; ami \u2013 dort . ||| LM0= -3 TM0= -1 -2 ||| -4.5
0 ||| le  chat ||| LM0= -4 TM0= -1 -2 ||| -5
1 ||| le roi ||| LM0= -5 TM0= 0 0 ||| -5.25
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    rescoring.write(tmp_path, PAIRS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S2S_TRACKING", "off")
    return tmp_path


def run_stage(folder: Path, made_by: str = "members/single.json") -> dict[str, list[list[Candidate]]]:
    rescoring.write_parameters(folder, made_by=made_by)
    first_pass.main("single", folder / "clean", folder / "candidates")
    return {split: rescoring.read_list(folder / "candidates", split, len(pairs)) for split, pairs in PAIRS.items()}


def test_a_run_finds_as_many_translations_as_a_list_is_to_have(workspace: Path) -> None:
    lists = run_stage(workspace)
    (model,), words = rescoring.models("single"), rescoring.VOCABULARY
    for split, pairs in PAIRS.items():
        sources = [words.encode(rescoring.tokens(english, "en")) for english, _ in pairs]
        for candidates, hypotheses in zip(
            lists[split], beam_search([model], sources, SearchSettings(beam=5, n_best=5)), strict=True
        ):
            assert [candidate.tokens for candidate in candidates] == [
                words.text(candidate.ids) for candidate in hypotheses
            ]
            assert [candidate.score for candidate in candidates] == pytest.approx(
                [candidate.score for candidate in hypotheses], abs=2e-6
            )
            assert all(candidate.features == {"log_prob": (candidate.score,)} for candidate in candidates)
    assert max(map(len, lists["test"])) == 5
    origin = records.read(FirstPass, workspace / "candidates" / FIRST_PASS)
    assert origin == FirstPass("single", records.read(Members, workspace / "members" / "single.json").members, {})


def test_what_was_found_before_a_kill_is_taken_unless_it_was_damaged(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(first_pass, "BLOCK", 2)
    whole = run_stage(workspace)
    searched: list[int] = []

    def stopping(after: int) -> Callable[..., object]:
        def search(models: object, sources: list[list[int]], settings: SearchSettings) -> object:
            searched.append(len(sources))
            if sum(searched) > after:
                raise KeyboardInterrupt
            return beam_search(models, sources, settings)  # type: ignore[arg-type]

        return search

    monkeypatch.setattr(translator, "beam_search", stopping(4))
    with pytest.raises(KeyboardInterrupt):
        run_stage(workspace)
    first = sum(searched[:-1])
    searched.clear()
    os.truncate(next((workspace / "work" / "first_pass").glob("*/dev-0000000.nbest")), 0)
    (workspace / ".candidates.0123.part").mkdir()
    monkeypatch.setattr(translator, "beam_search", stopping(99))
    assert run_stage(workspace) == whole
    assert sum(searched) == 5 - first + 2 == 3  # the block that was damaged, too
    assert "dev-0000000.nbest: found other bytes than were written" in capsys.readouterr().err
    assert not list(workspace.glob(".*.part"))
    assert not list((workspace / "work" / "first_pass").iterdir())


def test_lists_of_another_system_come_in_the_tokens_of_the_references_and_keep_their_text(workspace: Path) -> None:
    (workspace / "lists").mkdir()
    (workspace / "lists" / "dev.nbest.gz").write_bytes(gzip.compress(MOSES.encode()))
    (workspace / "lists" / "test.nbest").write_text(MOSES + "2 ||| roi ||| -1\n", encoding="utf-8")
    lists = run_stage(workspace, "lists")
    assert lists["dev"] == [
        [
            Candidate("l' ami \u2013 dort .", -4.5, {"LM0": (-3.0,), "TM0": (-1.0, -2.0)}),
            Candidate("le chat", -5.0, {"LM0": (-4.0,), "TM0": (-1.0, -2.0)}),
        ],
        [Candidate("le roi", -5.25, {"LM0": (-5.0,), "TM0": (0.0, 0.0)})],
    ]
    assert lists["test"][2] == [Candidate("roi", -1.0)]
    origin = records.read(FirstPass, workspace / "candidates" / FIRST_PASS)
    assert origin.first_pass == "lists" and origin.members == []
    assert origin.files["test"] == ListFile("test.nbest", sha256(workspace / "lists" / "test.nbest"))


def test_a_list_of_another_source_is_refused_before_anything_is_written(workspace: Path) -> None:
    (workspace / "lists").mkdir()
    for split in ("dev", "test"):
        (workspace / "lists" / f"{split}.nbest").write_text(MOSES, encoding="utf-8")
    with pytest.raises(UserError, match=r"^lists/test.nbest: found 2 sentences; expected 3, as many as the source"):
        run_stage(workspace, "lists")
    assert not (workspace / "candidates").exists()


def test_a_folder_without_both_lists_is_refused(workspace: Path) -> None:
    (workspace / "lists").mkdir()
    (workspace / "lists" / "dev.nbest").write_text(MOSES, encoding="utf-8")
    with pytest.raises(UserError, match=r"^lists: found 0 lists of test; expected one of test.nbest and test.nbest.gz"):
        run_stage(workspace, "lists")


def test_a_list_of_ours_stays_as_it_is_when_it_comes_as_a_file(workspace: Path) -> None:
    (workspace / "lists").mkdir()
    own = ["le <unk> dort . .", "l' <unk> & l' .", "( <unk> <unk> )"]
    for split in ("dev", "test"):
        rows = [[Candidate(tokens, -1.0)] for tokens in own]
        nbest.write(workspace / "lists" / f"{split}.nbest", rows[: 2 if split == "dev" else 3])
    assert [candidates[0].tokens for candidates in run_stage(workspace, "lists")["test"]] == own

"""The bleu stage: the scores of sacreBLEU's command line on the user's own files."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.raw import MANIFEST, Manifest, RawCorpus
from pipeline.stages import bleu
from pipeline.stages.clean import __main__ as clean
from tests.support import project

# Text as translators type it: typographic quotes, no-break spaces wide and narrow, ligatures apart, odd line ends.
REFERENCES = (
    "«\u00a0L’enregistrement a échoué\u00a0», dit-il\u00a0: l’espace manque.",
    "Il manque 12\u202f345\u202f678 octets, soit 5\u00a0% du disque\u202f!",
    "Fichier “introuvable” – réessayer… ou E\u0301lever le soft\u00adware\u202f? \r",
    "\u200fUn chat\u2028et un chien sont dans le jardin du voisin.",
)
TRANSLATIONS = (
    "\"L'enregistrement a échoué\", dit-il: l'espace manque.",
    "Il manque 12,345,678 octets, soit 5% du disque!",
    "Fichier « introuvable » – réessayer… ou Élever le software ?",
    "Un chat et un chien sont dans le jardin du roi.",
)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    raw, lines = tmp_path / "raw", "".join(f"{line}\n" for line in REFERENCES)
    raw.mkdir()
    (raw / "x.en").write_text("a b c d\n" * 4)
    (raw / "x.fr").write_text(lines, encoding="utf-8", newline="\n")
    splits = {split: [RawCorpus(split, "x.en", "x.fr", 4)] for split in ("dev", "test")}
    train = {"train": [RawCorpus("train", "x.en", "x.en", 4)]}
    records.write(raw / MANIFEST, Manifest("files", "en", "fr", splits | train))
    project.write_parameters(
        tmp_path,
        clean={"lowercase": True, "drop_copies": False, "max_loss": 100.0},
        bleu={"bootstrap_samples": 100},
        runs={"single": project.RUNS["single"]},
        **project.first_by("single"),
    )
    clean.main(raw, tmp_path / "clean", tmp_path / "cleaning.json", tmp_path / "cleaning.csv")
    project.write_run(tmp_path / "translations", "single", TRANSLATIONS)
    return tmp_path


def command_line(folder: Path, *options: str) -> float:
    """Return the score that sacreBLEU's command line gives to the translations against the user's own file."""
    (folder / "translations.txt").write_text("".join(f"{line}\n" for line in TRANSLATIONS), encoding="utf-8")
    command = [sys.executable, "-m", "sacrebleu", "raw/x.fr", "-i", "translations.txt", "-b", "-w", "4", *options]
    return float(subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True).stdout)


def test_scores_are_those_of_sacrebleu_on_the_files_as_they_came(workspace: Path) -> None:
    bleu.main(workspace / "translations", workspace / "clean", workspace / "bleu.json", workspace / "bleu.csv")
    scores: dict[str, Any] = json.loads((workspace / "bleu.json").read_text())["single"]
    assert scores["bleu"] == command_line(workspace)
    assert scores["chrf"] == command_line(workspace, "-m", "chrf")
    assert 10 < scores["bleu"] < 60

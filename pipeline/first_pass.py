"""Makes the n-best lists that are rescored: with the models of a run, or out of another system's lists."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from pipeline import stage, tracking, work
from pipeline.decoding import load_members, read_sources, search_settings, texts
from pipeline.lines import lines
from pipeline.parameters import Clean, Parameters, read
from pipeline.schemas import records
from pipeline.schemas.pairs import read_column
from pipeline.schemas.rescored import FIRST_PASS, FirstPass, ListFile
from pipeline.schemas.translated import Member, Members
from pipeline.workers import mapped
from s2s import data, ensemble, extensions, files, model, nbest, network, search, text, vocabulary
from s2s.device import prepare
from s2s.ensemble import batches
from s2s.errors import check
from s2s.files import sha256
from s2s.model import Seq2Seq
from s2s.nbest import Candidate
from s2s.progress import Meter
from s2s.search import Hypothesis, SearchSettings, beam_search
from s2s.vocabulary import Vocabulary

SPLITS = ("dev", "test")
BLOCK = 128  # sentences that are searched before they are put aside, so that they outlive a kill
DIGITS = 6  # of scores, behind the point


def main(first_pass: Path, clean: Path, out: Path) -> None:
    """Writes n-best lists of the development and the test set, and which system made them.

    Args:
        first_pass: the models of a run, from a members stage, or a folder of another system's dev.nbest and test.nbest.
        clean: folder of clean text, from the clean stage.
        out: folder to be written, with dev.nbest and test.nbest.
    """
    parameters = read()
    with tracking.run() as tracked, files.whole(out) as folder:
        folder.mkdir()
        if first_pass.is_dir():
            origin = take_files(parameters, first_pass, clean, folder)
        else:
            origin = Finder.prepare(parameters, first_pass, clean).write(folder)
        records.write(folder / FIRST_PASS, origin)
        tracked.metrics({f"candidates.{split}": count_lines(folder / f"{split}.nbest") for split in SPLITS})


def count_lines(path: Path) -> int:
    """The lines of a file."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def take_files(parameters: Parameters, given: Path, clean: Path, folder: Path) -> FirstPass:
    """Checks a person's lists against the sources, and writes them with texts in the form of the references."""
    paths = {split: list_of(given, split) for split in SPLITS}
    sizes = {split: len(read_column(clean / f"{split}.parquet", "source")) for split in SPLITS}
    for split, path in paths.items():  # to the last line, before the work begins
        for _ in nbest.read(lines(path), str(path), sizes[split]):
            pass
    change = partial(normalized, parameters.clean, parameters.download.target_language)
    with Meter(f"first_pass {given}", sum(sizes.values())) as meter:
        for split, path in paths.items():
            changed = mapped(change, nbest.read(lines(path), str(path), sizes[split]))
            done = sizes["dev"] if split == "test" else 0
            nbest.write(folder / f"{split}.nbest", counted(changed, meter, done))
    origins = {split: ListFile(path.name, sha256(path)) for split, path in paths.items()}
    return FirstPass(str(given), [], origins)


def list_of(folder: Path, split: str) -> Path:
    """The file of a split in a person's folder, plain or packed."""
    names = [f"{split}.nbest", f"{split}.nbest.gz"]
    found = [folder / name for name in names if (folder / name).is_file()]
    check(len(found) == 1, f"{folder}: found {len(found)} lists of {split}; expected one of {' and '.join(names)}")
    return found[0]


def counted(lists: Iterator[list[Candidate]], meter: Meter, done: int) -> Iterator[list[Candidate]]:
    """The same lists, each told to the meter."""
    for number, candidates in enumerate(lists, start=done + 1):
        meter.update(number, f"{number} sentences")
        yield candidates


def normalized(settings: Clean, language: str, candidates: list[Candidate]) -> list[Candidate]:
    """Candidates whose tokens are brought to the form of the training text, as those of tokenized corpora are."""
    found = []
    for candidate in candidates:
        plain = text.detokenize(candidate.tokens, language)
        plain = text.normalize(plain, language, settings.normalize_punctuation, settings.lowercase)
        found.append(replace(candidate, tokens=text.tokenize(plain, language)))
    return found


@dataclass(frozen=True)
class Finder:
    """The models of a run, set to find as many translations of each sentence as a list is to have."""

    run: str
    members: list[Member]
    models: list[Seq2Seq]
    target: Vocabulary
    language: str
    sentences: dict[str, list[list[int]]]
    """The sources of each split."""
    settings: SearchSettings
    together: int
    """Sentences searched at the same time."""
    place: Path
    """Where blocks are put aside."""

    @classmethod
    def prepare(cls, parameters: Parameters, members: Path, clean: Path) -> "Finder":
        """Loads what the search needs."""
        settings, decoding = parameters.rescore, parameters.translate
        device = prepare(settings.device, settings.threads)
        run = records.read(Members, members)
        models, vocabularies = load_members(run, device)
        sentences = {split: read_sources(clean, split, vocabularies["source"]) for split in SPLITS}
        wanted = replace(search_settings(decoding, settings.n_best), n_best=settings.n_best)
        # A beam takes memory for each of its hypotheses: as many are searched at a time as when the run translates.
        together = max(1, decoding.batch_sentences * run.beam // settings.n_best)
        language = parameters.download.target_language
        values = [asdict(wanted), together, BLOCK, str(device), settings.threads, language]
        values += [one.sha256 for one in run.members] + [one.sha256 for one in vocabularies.values()]
        place = work.folder("first_pass", work.fingerprint(DECISIVE, *values, sentences))
        target = vocabularies["target"]
        return cls(run.run, run.members, models, target, language, sentences, wanted, together, place)

    def write(self, folder: Path) -> FirstPass:
        """Searches both splits, block by block; blocks that were found before an interruption are taken as they are."""
        done = 0
        with Meter(f"first_pass {self.run}", sum(map(len, self.sentences.values()))) as meter:
            for split, sentences in self.sentences.items():
                blocks = []
                for start in range(0, len(sentences), BLOCK):
                    blocks.append(self.place / f"{split}-{start:07}.nbest")
                    block = sentences[start : start + BLOCK]
                    if not blocks[-1].exists():
                        nbest.write(blocks[-1], self.find(block), start)
                    done += len(block)
                    meter.update(done, f"{done} sentences")
                join(blocks, folder / f"{split}.nbest")
        shutil.rmtree(self.place)
        return FirstPass(self.run, self.members, {})

    def find(self, sentences: Sequence[Sequence[int]]) -> list[list[Candidate]]:
        """The candidates of some sentences, the best first."""
        found: dict[int, list[Candidate]] = {}
        for rows in batches([len(sentence) for sentence in sentences], self.together):
            hypotheses = beam_search(self.models, [sentences[row] for row in rows], self.settings)
            found |= {row: listed(one, self.target, self.language) for row, one in zip(rows, hypotheses, strict=True)}
        return [found[row] for row in range(len(sentences))]


def listed(hypotheses: Sequence[Hypothesis], target: Vocabulary, language: str) -> list[Candidate]:
    """Hypotheses in tokens; of those that read alike, as words cut in different ways do, the best."""
    found: dict[str, Candidate] = {}
    for one in hypotheses:
        tokens = texts(one, target, language)[1]
        features: nbest.Features = {"log_prob": (round(one.log_prob, DIGITS),)}
        found.setdefault(tokens, Candidate(tokens, round(one.score, DIGITS), features))
    return list(found.values())


DECISIVE = (search, ensemble, extensions, model, network, data, vocabulary, text, nbest)
"""Modules that decide which candidates are found and how they are written."""


def join(parts: Sequence[Path], out: Path) -> None:
    """Writes files one behind the other."""
    with out.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole)


if __name__ == "__main__":
    stage.program(main)

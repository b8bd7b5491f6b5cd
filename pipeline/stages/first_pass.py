"""Stage `first_pass`: write n-best lists of the development and test sets, from a run's models or another system."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path

from pipeline.decoding import load_translator, read_sentences, search_settings
from pipeline.parameters.parameters import Parameters
from pipeline.parameters.reading import read
from pipeline.running import program, resuming
from pipeline.schemas.data import records
from pipeline.schemas.data.lists import FIRST_PASS, FirstPass, ListFile
from pipeline.schemas.data.pairs import read_column
from pipeline.schemas.data.translated import Member, Members
from pipeline.tracking import run as tracking
from pipeline.workers import mapped
from s2s import data, files, inference, model, text
from s2s.device import prepare
from s2s.errors import check
from s2s.files import sha256
from s2s.inference import nbest
from s2s.inference.nbest import Candidate
from s2s.inference.search import SearchSettings
from s2s.inference.translator import Sentence, Translation, Translator
from s2s.progress import Meter
from s2s.text import tokenizer
from s2s.text.lines import lines

SPLITS = ("dev", "test")
BLOCK = 128  # sentences; each block is saved when it is done, so that an interrupted stage resumes
DIGITS = 6  # decimals of scores


def main(first_pass: str, clean: Path, out: Path) -> None:
    """Write the n-best lists and a record of the system that made them.

    Args:
        first_pass: one of `first_passes:` in params.yaml, which names a run's models, from a members stage, or a folder
            with another system's dev.nbest and test.nbest.
        clean: folder of clean text, from the clean stage.
        out: folder to be written, with dev.nbest and test.nbest.
    """
    parameters = read()
    given = Path(parameters.first_passes[first_pass])
    with tracking.run() as tracked, resuming.alone(out):
        if given.is_dir():
            write(out, partial(take_files, parameters, given, clean))
        else:
            finder = Finder.prepare(parameters, given, clean)
            with resuming.unfinished("first_pass", finder.work) as place:
                write(out, partial(finder.write, place))
        tracked.metrics({f"candidates.{split}": count_lines(out / f"{split}.nbest") for split in SPLITS})


def write(out: Path, make: Callable[[Path], FirstPass]) -> None:
    """Write the output folder: the lists that `make` writes, and the record that it returns."""
    with files.whole(out) as folder:
        folder.mkdir()
        records.write(folder / FIRST_PASS, make(folder))


def count_lines(path: Path) -> int:
    """Return the number of lines of a file."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def take_files(parameters: Parameters, given: Path, clean: Path, folder: Path) -> FirstPass:
    """Check another system's lists against the sources and write them in the tokens of the references."""
    paths = {split: list_of(given, split) for split in SPLITS}
    sizes = {split: len(read_column(clean / f"{split}.parquet", "source")) for split in SPLITS}
    for split, path in paths.items():  # to the last line, so that an error shows before the slow part
        for _ in nbest.read(lines(path), str(path), sizes[split]):
            pass
    change = partial(retokenized, parameters.download.target_language)
    with Meter(f"first_pass {given}", sum(sizes.values())) as meter:
        for split, path in paths.items():
            changed = mapped(change, nbest.read(lines(path), str(path), sizes[split]))
            done = sizes["dev"] if split == "test" else 0
            nbest.write(folder / f"{split}.nbest", counted(changed, meter, done))
    origins = {split: ListFile(path.name, sha256(path)) for split, path in paths.items()}
    return FirstPass(str(given), [], origins)


def list_of(folder: Path, split: str) -> Path:
    """Return the file of a split in another system's folder, plain or gzipped."""
    names = [f"{split}.nbest", f"{split}.nbest.gz"]
    paths = [folder / name for name in names if (folder / name).is_file()]
    check(len(paths) == 1, f"{folder}: found {len(paths)} lists of {split}; expected one of {' and '.join(names)}")
    return paths[0]


def counted(lists: Iterator[list[Candidate]], meter: Meter, done: int) -> Iterator[list[Candidate]]:
    """Yield the same lists and report their number to the meter, counting from `done`."""
    for number, candidates in enumerate(lists, start=done + 1):
        meter.update(number, f"{number} sentences")
        yield candidates


def retokenized(language: str, candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates in our tokens; their text stays, because scores are of what the other system wrote."""
    change = partial(tokens_of, language=language)
    return [
        replace(candidate, tokens=tokenizer.retokenize(candidate.tokens, language, change)) for candidate in candidates
    ]


@lru_cache(1 << 20)
def tokens_of(text: str, language: str) -> str:
    """Return the tokens of plain text."""
    return tokenizer.tokenize(text, language)


@dataclass(frozen=True)
class Finder:
    """A search for n-best lists with the models of a run."""

    run: str
    members: list[Member]
    translator: Translator
    sentences: dict[str, list[Sentence]]
    """The source sentences of each split."""
    settings: SearchSettings
    batch_sentences: int
    work: str
    """A digest of all that decides a list."""

    @classmethod
    def prepare(cls, parameters: Parameters, members: Path, clean: Path) -> "Finder":
        """Load the models and sentences."""
        settings, decoding = parameters.rescore, parameters.translate
        device = prepare(settings.device, settings.threads)
        run = records.read(Members, members)
        loaded = load_translator(run, device)
        sentences = {split: read_sentences(clean, split, loaded.source) for split in SPLITS}
        wanted = replace(search_settings(decoding, settings.n_best), n_best=settings.n_best)
        # Memory grows with sentences times beam, so a wider beam takes smaller batches than the run's translate stage.
        batch_sentences = max(1, decoding.batch_sentences * run.beam // settings.n_best)
        values = [asdict(wanted), batch_sentences, BLOCK, str(device), settings.threads]
        values += [loaded.description.target_language, loaded.source.sha256, loaded.target.sha256]
        values += [member.sha256 for member in run.members]
        ids = {split: [sentence.ids for sentence in part] for split, part in sentences.items()}
        work = resuming.fingerprint(DECISIVE, *values, ids)
        return cls(run.run, run.members, loaded, sentences, wanted, batch_sentences, work)

    def write(self, place: Path, folder: Path) -> FirstPass:
        """Search both splits block by block, without the blocks that an interrupted run has saved in `place`."""
        done = 0
        with Meter(f"first_pass {self.run}", sum(map(len, self.sentences.values()))) as meter:
            for split, sentences in self.sentences.items():
                blocks = []
                for start in range(0, len(sentences), BLOCK):
                    blocks.append(place / f"{split}-{start:07}.nbest")
                    block = sentences[start : start + BLOCK]
                    if not files.intact(blocks[-1]):
                        with files.kept(blocks[-1]) as beside:
                            nbest.write(beside, self.find(block), start)
                    done += len(block)
                    meter.update(done, f"{done} sentences")
                join(blocks, folder / f"{split}.nbest")
        return FirstPass(self.run, self.members, {})

    def find(self, sentences: Sequence[Sentence]) -> list[list[Candidate]]:
        """Return the candidates of each sentence, the best first."""
        lists = self.translator.translate_prepared(sentences, self.settings, self.batch_sentences)
        return [listed(translations) for translations in lists]


def listed(translations: Sequence[Translation]) -> list[Candidate]:
    """Return translations as candidates."""
    return [
        Candidate(
            translation.tokens,
            round(translation.score, DIGITS),
            {"log_prob": (round(translation.log_prob, DIGITS),)},
        )
        for translation in translations
    ]


DECISIVE = (data, inference, model, text)
"""Modules that decide which candidates are found and how they are written."""


def join(parts: Sequence[Path], out: Path) -> None:
    """Write the contents of several files into one, in their order."""
    with out.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole)


if __name__ == "__main__":
    program.program(main)

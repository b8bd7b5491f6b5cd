"""Plain text in, plain text out: a trained model, or several of the same vocabularies, with all that text needs.

Shapes: N sentences, H hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2s import alignments, forcing, model, text, vectors
from s2s.description import Description
from s2s.ensemble import batches, spread
from s2s.errors import check
from s2s.lexicon import Lexicon, load_for
from s2s.model import Seq2Seq
from s2s.sampling import Sampling, sample
from s2s.search import Hypothesis, SearchSettings, beam_search
from s2s.vocabulary import EOS, SPECIAL, UNK, Vocabulary


@dataclass(frozen=True)
class Translation:
    """What a sentence may be in the other language."""

    text: str  # plain
    tokens: str  # of Moses, joined by single spaces
    log_prob: float  # of what the model said, </s> included, in nats
    score: float  # what ranks it
    complete: bool  # False: a length limit made it end
    unknown: int  # <unk> that the model said


@dataclass(frozen=True)
class Translator:
    """Models that say each token together, and what brings text to them and back."""

    models: list[Seq2Seq]
    description: Description  # of the first; languages, vocabularies and normalization are those of all
    source: Vocabulary
    target: Vocabulary
    lexicon: Lexicon | None = None  # says what stands for <unk>

    @classmethod
    def load(cls, folders: Sequence[Path], device: str = "cpu", lexicon: Path | None = None) -> "Translator":
        """Loads one model, or several to translate together.

        Args:
            folders: of the models, as the train stage writes them.
            device: where they compute; several take turns on the GPUs of "cuda".
            lexicon: file of what replaces each <unk> of a translation; without it <unk> stays.

        Raises:
            UserError: a folder holds no model, the models differ in languages, vocabularies or normalization, or the
                lexicon is none for them.
        """
        assert folders, "one model at least"
        descriptions = [Description.read(folder) for folder in folders]
        for folder, other in zip(folders[1:], descriptions[1:], strict=True):
            check_alike(folders[0], descriptions[0], folder, other)
        source, target = (descriptions[0].vocabulary(folders[0], side) for side in ("source", "target"))
        words = None if lexicon is None else load_for(lexicon, target)
        places = spread(device, len(folders))
        models = [model.load(folder, place) for folder, place in zip(folders, places, strict=True)]
        return cls(models, descriptions[0], source, target, words)

    def encode(self, line: str) -> list[int]:
        """The ids of a source sentence, without </s>: normalized and cut as the training text was."""
        return self.ids(line, self.source, self.description.source_language)

    def ids(self, line: str, known: Vocabulary, language: str) -> list[int]:
        """The ids of a sentence of either language, without </s>."""
        line = self.normalize(line, language)
        return known.encode(text.tokenize(line, language) if known.reads_tokens else line)

    def normalize(self, line: str, language: str) -> str:
        """A sentence in the form that the training text was brought to."""
        return text.normalize(line, language, self.description.normalize_punctuation, self.description.lowercase)

    def translate(
        self,
        lines: Sequence[str],
        settings: SearchSettings,
        batch_sentences: int = 64,
        sampling: Sampling | None = None,
    ) -> list[list[Translation]]:
        """Finds the best translations of each line, or draws some.

        Args:
            lines: plain text, a sentence each; an empty one has the empty translation.
            settings: of the search.
            batch_sentences: searched together, at most; only speed and memory depend on it.
            sampling: how to draw translations instead of searching. Each line is drawn for by itself, so that its
                draws do not depend on the others.

        Returns:
            For each line 1 to `settings.n_best` translations, the best first.
        """
        sources = [self.encode(line) for line in lines]
        found: dict[int, list[Hypothesis]] = {}
        for rows in batches([len(source) for source in sources], 1 if sampling else batch_sentences):
            chosen = [sources[row] for row in rows]
            if sampling:
                said = sample(self.models, chosen, settings, sampling)
            else:
                said = beam_search(self.models, chosen, settings)
            found |= zip(rows, said, strict=True)
        lists = [found[row] for row in range(len(lines))]
        looks = alignments.of_unknown(self.models, sources, lists) if self.lexicon else {}
        return [
            [self.translation(one, line, looks.get((row, rank))) for rank, one in enumerate(lists[row])]
            for row, line in enumerate(lines)
        ]

    def translation(
        self, hypothesis: Hypothesis, line: str, attention: NDArray[np.float32] | None = None
    ) -> Translation:
        """A hypothesis about a source line, in words; attention says which word each <unk> stands for."""
        said, language = self.target.text(hypothesis.ids), self.description.target_language
        unknown = hypothesis.ids.count(UNK)
        if not self.target.reads_tokens:
            tokens, plain = text.tokenize(said, language), said
        else:
            tokens = self.replace_unknown(said, line, attention) if unknown else said
            plain = text.detokenize(tokens, language)
        return Translation(plain, tokens, hypothesis.log_prob, hypothesis.score, hypothesis.complete, unknown)

    def replace_unknown(self, tokens: str, line: str, attention: NDArray[np.float32] | None = None) -> str:
        """The tokens of a translation of a line, with words for <unk> if there is a lexicon."""
        if self.lexicon is None:
            return tokens
        language = self.description.source_language
        source = text.tokenize(self.normalize(line, language), language)
        return " ".join(self.lexicon.replace(source.split(), tokens.split(), attention))

    def score(
        self, sources: Sequence[str], targets: Sequence[str], batch_tokens: int = 4096, mean: str = "probabilities"
    ) -> list[list[tuple[str, float]]]:
        """Says how probable given translations are.

        Args:
            sources: plain text, a sentence each.
            targets: of each source a translation, plain text.
            batch_tokens: of targets computed together, at most.
            mean: what of several models is averaged at each token, as in search.

        Returns:
            For each pair the tokens of the target as the models know them, </s> the last, each with its log-probability
            in nats.
        """
        language = self.description.target_language
        read = [self.encode(line) for line in sources]
        said = [self.ids(line, self.target, language) for line in targets]
        found: dict[int, list[tuple[str, float]]] = {}
        for rows in batches([len(source) for source in read], forcing.SOURCES):
            pairs = [read[row] for row in rows], [said[row] for row in rows]
            for row, log_probs in zip(rows, forcing.score_pairs(self.models, *pairs, batch_tokens, mean), strict=True):
                names = [*self.target.tokens(said[row]), SPECIAL[EOS]]
                found[row] = list(zip(names, log_probs.tolist(), strict=True))
        return [found[row] for row in range(len(sources))]

    def embed(self, lines: Sequence[str]) -> NDArray[np.float32]:
        """Where the first model's encoder puts each sentence: its last h of the top layer, [N, H]."""
        return vectors.embed(self.models[0], [self.encode(line) for line in lines])


def check_alike(folder: Path, first: Description, other_folder: Path, other: Description) -> None:
    """Refuses models that cannot say a token together."""
    alike = ("source_language", "target_language", "source_vocabulary_sha256", "target_vocabulary_sha256")
    for name in (*alike, "normalize_punctuation", "lowercase"):
        found, wanted = (str(getattr(one, name))[:12] for one in (other, first))
        check(found == wanted, f"{other_folder}: found {name} {found}; expected {wanted}, that of {folder}")

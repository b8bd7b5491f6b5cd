"""Translate, score and embed plain text with one trained model or with several that share their vocabularies.

Shapes: N sentences, H hidden.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from s2s.errors import check
from s2s.inference import attention_maps, forcing, vectors
from s2s.inference.ensemble import batches, spread
from s2s.inference.sampling import Sampling, sample
from s2s.inference.search import Hypothesis, SearchSettings, beam_search
from s2s.lexicon.lexicon import Lexicon, load_for
from s2s.model import folder as model_folder
from s2s.model.folder import Description
from s2s.model.seq2seq import Seq2Seq
from s2s.text import tokenizer
from s2s.text.vocabulary import EOS, SPECIAL, UNK, Vocabulary


@dataclass(frozen=True)
class Sentence:
    """A source sentence prepared for the models and for the lexicon."""

    ids: list[int]  # without </s>
    tokens: str = ""  # Moses tokens joined by single spaces; read only where a lexicon replaces <unk>


@dataclass(frozen=True)
class Translation:
    """A translation of a sentence, as text."""

    text: str  # plain, detokenized
    tokens: str  # Moses tokens joined by single spaces
    log_prob: float  # of the hypothesis, </s> included, in nats
    score: float  # by which translations are ranked
    complete: bool  # False: a length limit ended the hypothesis
    unknown: int  # <unk> tokens of the hypothesis, before replacement


@dataclass(frozen=True)
class Translator:
    """An ensemble of one or more models, with the vocabularies and the text processing that they were trained with."""

    models: list[Seq2Seq]
    description: Description  # of the first model; all have its languages, vocabularies and normalization
    source: Vocabulary
    target: Vocabulary
    lexicon: Lexicon | None = None  # replaces <unk>

    @classmethod
    def load(cls, folders: Sequence[Path], device: str = "cpu", lexicon: Path | None = None) -> "Translator":
        """Load the models of some folders into one ensemble.

        Args:
            folders: folders of models, as the train stage writes them.
            device: "cpu" or "cuda"; on "cuda" the models are spread over all GPUs.
            lexicon: file of a lexicon that replaces <unk> in translations; None keeps <unk>.

        Raises:
            UserError: a folder holds no model, the models differ in languages, vocabularies or normalization, or the
                lexicon was made for another vocabulary.
        """
        assert folders, "one model at least"
        descriptions = [Description.read(folder) for folder in folders]
        for folder, description in zip(folders[1:], descriptions[1:], strict=True):
            check_alike(folders[0], descriptions[0], folder, description)
        source, target = (descriptions[0].vocabulary(folders[0], side) for side in ("source", "target"))
        words = None if lexicon is None else load_for(lexicon, target)
        devices = spread(device, len(folders))
        models = [model_folder.load(folder, place) for folder, place in zip(folders, devices, strict=True)]
        return cls(models, descriptions[0], source, target, words)

    def prepare(self, line: str) -> Sentence:
        """Normalize, tokenize and encode a plain source sentence as the training text was."""
        language = self.description.source_language
        line = self.normalize(line, language)
        tokens = tokenizer.tokenize(line, language) if self.source.reads_tokens or self.lexicon else ""
        return Sentence(self.source.encode(tokens if self.source.reads_tokens else line), tokens)

    def encode(self, line: str) -> list[int]:
        """Return the token ids of a plain source sentence, without </s>."""
        return self.prepare(line).ids

    def encode_target(self, line: str) -> list[int]:
        """Return the token ids of a plain target sentence, without </s>."""
        language = self.description.target_language
        line = self.normalize(line, language)
        return self.target.encode(tokenizer.tokenize(line, language) if self.target.reads_tokens else line)

    def normalize(self, line: str, language: str) -> str:
        """Normalize a plain sentence as the training text was."""
        return tokenizer.normalize(line, language, self.description.normalize_punctuation, self.description.lowercase)

    def translate(
        self,
        lines: Sequence[str],
        settings: SearchSettings,
        batch_sentences: int = 64,
        sampling: Sampling | None = None,
    ) -> list[list[Translation]]:
        """Translate plain sentences by beam search or by sampling.

        Args:
            lines: plain sentences; an empty line has the empty translation.
            settings: settings of the search.
            batch_sentences: the most sentences of a batch; changes speed and memory, not translations.
            sampling: if given, translations are sampled instead of searched for.

        Returns:
            For each line 1 to `settings.n_best` translations, the best first. Their texts differ, unless they are
            sampled: of hypotheses with the same text, such as two cuts of it into subwords, the best is returned.
        """
        return self.translate_prepared([self.prepare(line) for line in lines], settings, batch_sentences, sampling)

    def translate_prepared(
        self,
        sentences: Sequence[Sentence],
        settings: SearchSettings,
        batch_sentences: int = 64,
        sampling: Sampling | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> list[list[Translation]]:
        """Translate sentences that are tokenized and encoded already; see `translate`.

        Args:
            sentences: what `prepare` returns, or the same from a corpus.
            settings: as of `translate`.
            batch_sentences: as of `translate`.
            sampling: as of `translate`. A batch then has one sentence, so that samples do not depend on the others.
            progress: called after each batch with the number of sentences done.
        """
        sources = [sentence.ids for sentence in sentences]
        hypotheses: dict[int, list[Hypothesis]] = {}
        for rows in batches([len(source) for source in sources], 1 if sampling else batch_sentences):
            batch = [sources[row] for row in rows]
            if sampling:
                lists = sample(self.models, batch, settings, sampling)
            else:
                lists = beam_search(self.models, batch, settings)
            hypotheses |= zip(rows, lists, strict=True)
            progress(len(hypotheses))
        translations = self.readable(sentences, [hypotheses[row] for row in range(len(sources))])
        return translations if sampling else [distinct(candidates) for candidates in translations]

    def readable(self, sentences: Sequence[Sentence], lists: Sequence[Sequence[Hypothesis]]) -> list[list[Translation]]:
        """Return the text of all hypotheses of each sentence, with <unk> replaced if there is a lexicon."""
        sources = [sentence.ids for sentence in sentences]
        maps = attention_maps.of_unknown(self.models, sources, lists) if self.lexicon else {}
        return [
            [
                self.translation(hypothesis, sentence, maps.get((row, rank)))
                for rank, hypothesis in enumerate(hypotheses)
            ]
            for row, (sentence, hypotheses) in enumerate(zip(sentences, lists, strict=True))
        ]

    def translation(
        self, hypothesis: Hypothesis, sentence: Sentence, attention: NDArray[np.float32] | None = None
    ) -> Translation:
        """Return the text of a hypothesis.

        Args:
            hypothesis: a result of search or sampling.
            sentence: its source.
            attention: the hypothesis' attention map [T, S], which helps the lexicon to place each <unk>.
        """
        decoded, language = self.target.text(hypothesis.ids), self.description.target_language
        unknown = hypothesis.ids.count(UNK)
        if not self.target.reads_tokens:
            tokens, plain = tokenizer.tokenize(decoded, language), decoded
        else:
            tokens = self.replace_unknown(decoded, sentence, attention) if unknown else decoded
            plain = tokenizer.detokenize(tokens, language)
        return Translation(plain, tokens, hypothesis.log_prob, hypothesis.score, hypothesis.complete, unknown)

    def replace_unknown(self, tokens: str, sentence: Sentence, attention: NDArray[np.float32] | None = None) -> str:
        """Return the tokens of a translation with <unk> replaced, or unchanged if there is no lexicon."""
        if self.lexicon is None:
            return tokens
        return " ".join(self.lexicon.replace(sentence.tokens.split(), tokens.split(), attention))

    def score(
        self, sources: Sequence[str], targets: Sequence[str], batch_tokens: int = 4096, mean: str = "probabilities"
    ) -> list[list[tuple[str, float]]]:
        """Compute the log-probability of each token of given translations.

        Args:
            sources: plain sentences.
            targets: a plain translation of each source.
            batch_tokens: the most target tokens of a batch.
            mean: which mean of the models' distributions is taken, as in search.

        Returns:
            For each pair the target's tokens as the models read them, </s> last, each with its log-probability in nats.
        """
        encoded = [self.encode(line) for line in sources]
        references = [self.encode_target(line) for line in targets]
        scores: dict[int, list[tuple[str, float]]] = {}
        for rows in batches([len(source) for source in encoded], forcing.SOURCES):
            pairs = [encoded[row] for row in rows], [references[row] for row in rows]
            for row, log_probs in zip(rows, forcing.score_pairs(self.models, *pairs, batch_tokens, mean), strict=True):
                names = [*self.target.tokens(references[row]), SPECIAL[EOS]]
                scores[row] = list(zip(names, log_probs.tolist(), strict=True))
        return [scores[row] for row in range(len(sources))]

    def embed(self, lines: Sequence[str]) -> NDArray[np.float32]:
        """Return the first model's sentence vectors [N, H]: the last h of the encoder's top layer."""
        return vectors.embed(self.models[0], [self.encode(line) for line in lines])


def distinct(translations: Sequence[Translation]) -> list[Translation]:
    """Return translations without those whose text an earlier one has."""
    by_text: dict[str, Translation] = {}
    for translation in translations:
        by_text.setdefault(translation.text, translation)
    return list(by_text.values())


def check_alike(folder: Path, first: Description, other_folder: Path, other: Description) -> None:
    """Raise a UserError if two models cannot form an ensemble."""
    alike = ("source_language", "target_language", "source_vocabulary_sha256", "target_vocabulary_sha256")
    for name in (*alike, "normalize_punctuation", "lowercase"):
        found, wanted = (str(getattr(description, name))[:12] for description in (other, first))
        check(found == wanted, f"{other_folder}: found {name} {found}; expected {wanted}, that of {folder}")

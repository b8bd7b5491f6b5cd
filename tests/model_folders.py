"""Folders of models with random weights, as the train stage writes them, from a little English to a little French."""

from pathlib import Path

import torch

from s2s import files, model
from s2s.checkpoint import write_tensors
from s2s.subwords import train_sentencepiece
from s2s.vocabulary import EOS, UNK, SentencePieceVocabulary, Vocabulary, WordVocabulary
from tests import tiny

SOURCE = ["the", "king", "cat", "sees", "it", "isn", "'t", ",", ".", "!", "it", "is", "here", "there", "&", '"', "a"]
TARGET = ["le", "roi", "chat", "voit", "l'", "homme", ",", ".", "!", "?", "est", "ici", "là", "&", "un", "une"]
SENTENCES = ["The king sees the cat.", "It isn't here!", "The cat, the king & a cat sees it there.", "Here."]


def words() -> tuple[WordVocabulary, WordVocabulary]:
    """A word list of each side."""
    return WordVocabulary(list(dict.fromkeys(SOURCE))), WordVocabulary(TARGET)


def subwords() -> tuple[SentencePieceVocabulary, SentencePieceVocabulary]:
    """Subwords of each side."""
    french = ["Le roi voit le chat.", "L'homme n'est pas ici !", "Un chat, une reine.", "Là est l'homme ?"]
    return train_sentencepiece(SENTENCES, "bpe", 45), train_sentencepiece(french, "bpe", 45)


def write(
    folder: Path, seed: int = 1, vocabularies: tuple[Vocabulary, Vocabulary] | None = None, **changes: object
) -> Path:
    """Writes a model's folder.

    Args:
        folder: to be written.
        seed: of the weights.
        vocabularies: of source and target; word lists if none are given.
        changes: entries of model.json that are other than usual.
    """
    known = dict(zip(("source", "target"), vocabularies or words(), strict=True))
    sizes = {f"{side}_vocabulary": len(one) for side, one in known.items()}
    network = tiny.network(seed, hidden=8, init_uniform=1.0, **sizes)
    with torch.no_grad():
        network.decoder.output.bias[EOS] += 2  # else some translations would not end
        network.decoder.output.bias[UNK] += 1
    for side, one in known.items():
        one.save(folder, side)
    write_tensors(folder / model.WEIGHTS, network.state_dict())
    description = {
        "model": model.describe(network.architecture),
        "system": "tiny",
        "seed": seed,
        "parameters": model.parameter_count(network),
        "best_epoch": 2.0,
        "dev_perplexity": 12.5,
        "source_language": "en",
        "target_language": "fr",
        "normalize_punctuation": True,
        "lowercase": True,
    }
    description |= {f"{side}_vocabulary_sha256": one.sha256 for side, one in known.items()}
    files.write_json(folder / model.DESCRIPTION, description | changes)
    return folder

"""Folders of models as the train stage writes them, for a few English and French words."""

from pathlib import Path

import torch
from torch import nn

from s2s import files
from s2s.data.batches import pack_sources
from s2s.model import folder as model_folder
from s2s.model import seq2seq
from s2s.model.seq2seq import Seq2Seq
from s2s.text import tokenizer
from s2s.text.subwords import train_sentencepiece
from s2s.text.vocabulary import EOS, UNK, SentencePieceVocabulary, Vocabulary, WordVocabulary
from s2s.training.checkpoint import write_tensors
from tests.support import tiny

WORDS = {
    **{"the": "le", "king": "roi", "cat": "chat", "sees": "voit", "it": "il", "isn": "l'", "'t": "homme", "is": "est"},
    **{"here": "ici", "there": "là", "a": "un", "&": "&", ",": ",", ".": ".", "!": "!", '"': "?"},
}
SENTENCES = ["The king sees the cat.", "It isn't here!", "The cat, the king & a cat sees it there.", "Here."]
SIZES = {f"{side}_vocabulary": len(WORDS) + 3 for side in ("source", "target")}


def words() -> tuple[WordVocabulary, WordVocabulary]:
    """Return the vocabulary of each side, in which a word has the same id as its translation."""
    return WordVocabulary(list(WORDS)), WordVocabulary(list(WORDS.values()))


def subwords() -> tuple[SentencePieceVocabulary, SentencePieceVocabulary]:
    """Return a vocabulary of subwords for each side."""
    french = ["Le roi voit le chat.", "L'homme n'est pas ici !", "Un chat, une reine.", "Là est l'homme ?"]
    return train_sentencepiece(SENTENCES, "bpe", 45), train_sentencepiece(french, "bpe", 45)


def random(seed: int, **sizes: int) -> Seq2Seq:
    """Make an untrained model that often predicts </s>."""
    network = tiny.network(seed, hidden=8, init_uniform=1.0, **sizes)
    with torch.no_grad():
        network.decoder.output.bias[EOS] += 2
        network.decoder.output.bias[UNK] += 1
    return network


def trained(seed: int) -> Seq2Seq:
    """Train a model, for a second, to translate `SENTENCES` and an unknown word word by word."""
    network = tiny.network(seed, layers=1, hidden=32, embedding=16, init_uniform=0.2, **SIZES).train()
    optimizer, (source_vocabulary, _) = torch.optim.Adam(network.parameters(), lr=0.02), words()
    end = torch.full((1, 1), EOS)
    for _ in range(60):
        for line in (*SENTENCES, "dog"):
            ids = torch.tensor(source_vocabulary.encode(tokenizer.tokenize(line.lower(), "en"))).unsqueeze(1)  # [S, 1]
            states, _ = network.decoder(torch.cat((end, ids)), network.encoder(pack_sources([ids[:, 0]], reverse=True)))
            loss = nn.functional.cross_entropy(network.decoder.output(states)[:, 0], torch.cat((ids, end))[:, 0])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return network.eval()


def write(
    folder: Path,
    seed: int = 1,
    network: Seq2Seq | None = None,
    vocabularies: tuple[Vocabulary, Vocabulary] | None = None,
    **changes: object,
) -> Path:
    """Write a model's folder.

    Args:
        folder: to be written.
        seed: of the weights.
        network: random weights if none is given.
        vocabularies: of source and target; word lists if none are given.
        changes: entries of model.json that differ from the usual ones.
    """
    by_side = dict(zip(("source", "target"), vocabularies or words(), strict=True))
    network = network or random(seed, **{f"{side}_vocabulary": len(vocabulary) for side, vocabulary in by_side.items()})
    for side, vocabulary in by_side.items():
        vocabulary.save(folder, side)
    write_tensors(folder / model_folder.WEIGHTS, network.state_dict())
    description = {
        "model": model_folder.describe(network.architecture),
        "system": "tiny",
        "seed": seed,
        "parameters": seq2seq.parameter_count(network),
        "best_epoch": 2.0,
        "dev_perplexity": 12.5,
        "source_language": "en",
        "target_language": "fr",
        "normalize_punctuation": True,
        "lowercase": True,
        "weights_sha256": files.sha256(folder / model_folder.WEIGHTS),
    }
    description |= {f"{side}_vocabulary_sha256": vocabulary.sha256 for side, vocabulary in by_side.items()}
    files.write_json(folder / model_folder.DESCRIPTION, description | changes)
    return folder

"""A miniature project with two models that know a few words, for tests of n-best lists."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from pipeline.schemas.data import records
from pipeline.schemas.data.translated import Member, Members
from s2s import files
from s2s.inference import nbest
from s2s.inference.nbest import Candidate
from s2s.model import folder as model_folder
from s2s.model.seq2seq import Seq2Seq
from s2s.text import tokenizer
from s2s.text.lines import lines
from s2s.text.vocabulary import EOS, Vocabulary, WordVocabulary
from tests.support import project, tiny

WORDS = ["the", "king", "cat", "sees", "sleeps", ".", "The", "King", "le", "roi", "chat", "voit", "dort", "Le", "Roi"]
VOCABULARY = WordVocabulary(WORDS)  # for both sides
SEEDS = {"single": [1], "ensemble": [1, 2]}


def models(run: str, vocabulary: Vocabulary = VOCABULARY) -> list[Seq2Seq]:
    """Return the models of a run: random weights with a bias towards </s>."""
    networks, size = [], len(vocabulary)
    for seed in SEEDS[run]:
        network = tiny.network(seed, init_uniform=1.0, source_vocabulary=size, target_vocabulary=size)
        with torch.no_grad():
            network.decoder.output.bias[EOS] += 1
        networks.append(network)
    return networks


def tokens(line: str, language: str) -> str:
    """Return the tokens of a plain sentence."""
    return tokenizer.tokenize(line, language)


def write_parameters(
    folder: Path,
    scorer: str = "ensemble",
    ensemble_mean: str = "probabilities",
    made_by: str = "members/single.json",
    **changes: object,
) -> None:
    """Write params.yaml with the rescoring `list`."""
    project.write_parameters(
        folder,
        first_passes={"single": made_by},
        rescorings={"list": {"first_pass": "single", "scorer": scorer}},
        rescore={"n_best": 5, "threads": 1, "device": "cpu"} | changes,
        translate={"ensemble_mean": ensemble_mean},
        bleu={"bootstrap_samples": 100},
    )


def write(folder: Path, pairs: Mapping[str, Sequence[tuple[str, str]]], vocabulary: Vocabulary = VOCABULARY) -> None:
    """Write parameters, clean text, vocabularies, models and the members of both runs."""
    write_parameters(folder)
    for split, sentences in pairs.items():
        project.write_split(folder / "clean", split, sentences)
    described = {f"{side}_vocabulary_sha256": vocabulary.sha256 for side in ("source", "target")}
    described |= {"source_language": "en", "target_language": "fr", "system": "reversed"}
    numbers = {"parameters": 1, "best_epoch": 1.0, "dev_perplexity": 2.0}
    for side in ("source", "target"):
        for seed in SEEDS["ensemble"]:
            vocabulary.save(folder / "models" / "reversed" / str(seed), side)
    for seed, network in zip(SEEDS["ensemble"], models("ensemble", vocabulary), strict=True):
        place = folder / "models" / "reversed" / str(seed)
        save_file(network.state_dict(), place / model_folder.WEIGHTS)
        facts = {"model": model_folder.describe(network.architecture), "seed": seed}
        files.write_json(place / model_folder.DESCRIPTION, facts | described | numbers)
    for run, seeds in SEEDS.items():
        places = {seed: Path("models") / "reversed" / str(seed) for seed in seeds}
        chosen = [
            Member(place, seed, files.sha256(folder / place / model_folder.WEIGHTS)) for seed, place in places.items()
        ]
        digests = dict.fromkeys(("source", "target"), vocabulary.sha256)
        records.write(folder / "members" / f"{run}.json", Members(run, "reversed", 2, chosen, digests, None))


def read_list(folder: Path, split: str, sentences: int) -> list[list[Candidate]]:
    """Return the candidates of a split."""
    path = folder / f"{split}.nbest"
    return list(nbest.read(lines(path), str(path), sentences))

"""Measure the speed of translating against the matrix products of the same search, and print JSON.

    python -m bench.decode --model models/reversed/1 --source FILE --beam 12
    python -m bench.decode --beam 12 --peer --rounds 3      # against OpenNMT-py with weights of the same shape
    python -m bench.decode --layers 1 --hidden 8 --source-vocabulary 50 --target-vocabulary 40 --sentences 9 --words 5

Without --model, a model with random weights translates random text. All translations are forced to the same length,
so that both toolkits search equally far. Only translating is timed, without loading.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
from safetensors.torch import save_file

from bench import opennmt, plain, report
from bench.floor import Floor, Kind, Product, gpu_name, multiply, sentences_alive, timed
from bench.footprint import Footprint, run
from bench.train import RECIPE, peak_memory_mb
from pipeline.running import program
from s2s import files
from s2s.data.corpus import SIDES
from s2s.device import prepare
from s2s.errors import check
from s2s.inference.search import SearchSettings, beam_search
from s2s.model import folder as model_folder
from s2s.model.interface import Architecture
from s2s.model.seq2seq import Seq2Seq, parameter_count
from s2s.text import vocabulary
from s2s.text.vocabulary import Vocabulary

ROOT = Path(__file__).parent.parent
PEER_MODEL = "model_step_1.pt"


def main(
    model: Path | None = None,
    source: Path | None = None,
    beam: int = 12,
    words: int = 60,
    sentences: int = 200,
    batch_sentences: int = 32,
    layers: int = 4,
    hidden: int = 256,
    source_vocabulary: int = 16_000,
    target_vocabulary: int = 8_000,
    members: int = 1,
    threads: int = 2,
    device: str = "auto",
    floor: bool = True,
    peer: bool = False,
    rounds: int = 3,
) -> None:
    """Measure sentences and words per second in translating, memory, and the share of the products' speed.

    Args:
        model: folder of a trained model; by default a model with random weights.
        source: tokenized text, one sentence a line; by default random text.
        beam: beam size of the search.
        words: tokens of each translation; 0 for as many as the model likes.
        sentences: number of sentences, from the start of the text.
        batch_sentences: sentences translated together.
        layers: layers of the random model.
        hidden: units of a layer of the random model.
        source_vocabulary: entries of the random model's source vocabulary.
        target_vocabulary: entries of the random model's target vocabulary.
        members: number of copies of the model in an ensemble.
        threads: CPU threads.
        device: auto, cpu or cuda.
        floor: time the matrix products too, after each batch.
        peer: time OpenNMT-py too, in alternation.
        rounds: runs of each toolkit with --peer.
    """
    check(not peer or words > 0, "--peer: found --words 0; expected a length that is forced on both")
    with tempfile.TemporaryDirectory() as scratch:
        folder, sizes = Path(scratch), (source_vocabulary, target_vocabulary)
        source = source or random_source(folder, sizes)
        model = model or random_model(folder / "model", source, layers, hidden, *sizes)
        place = torch.device("cpu") if peer else prepare(device, threads)
        if peer:
            figures = beside_peer(model, source, folder, beam, words, sentences, batch_sentences, threads, rounds)
        else:
            figures = measured(model, source, place, members, beam, words, sentences, batch_sentences, floor)
    figures |= {"beam": beam, "words": words, "batch_sentences": batch_sentences, "members": members}
    figures |= {"threads": threads, "device": str(place)}
    report.show("speed of translating" + " against OpenNMT-py" * peer, figures, gpu_name(place))


def random_source(folder: Path, vocabularies: tuple[int, int]) -> Path:
    """Write random sentences, one a line, and return the path of the file."""
    source = folder / "drawn.txt"
    plain.drawn_text(20_000, vocabularies).write(source, folder / "drawn.target.txt")
    return source


def random_model(
    folder: Path, source: Path, layers: int, hidden: int, source_vocabulary: int, target_vocabulary: int
) -> Path:
    """Write a model with random weights whose vocabulary has the first words of a text."""
    first = list(dict.fromkeys(source.read_text(encoding="utf-8").split()))[: source_vocabulary - 3]
    words = {"source": first, "target": [f"t{number}" for number in range(target_vocabulary - 3)]}
    torch.manual_seed(1)
    shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, len(first) + 3, target_vocabulary)
    folder.mkdir()
    model = Seq2Seq(shape)
    save_file(model.state_dict(), folder / model_folder.WEIGHTS)
    description = {"model": model_folder.describe(shape), "system": "random", "seed": 1, "best_epoch": 0.0}
    description |= {"parameters": parameter_count(model), "dev_perplexity": float(target_vocabulary)}
    description |= {"source_language": "en", "target_language": "fr"}
    for side, entries in words.items():
        vocabulary.WordVocabulary(entries).save(folder, side)
        description[f"{side}_vocabulary_sha256"] = vocabulary.load(folder, side).sha256
    files.write_json(folder / model_folder.DESCRIPTION, description)
    return folder


def measured(
    folder: Path,
    source: Path,
    place: torch.device,
    members: int,
    beam: int,
    words: int,
    sentences: int,
    batch_sentences: int,
    floor: bool,
) -> dict[str, Any]:
    """Translate a text batch by batch, compute the products of each batch, and return the figures."""
    network, source_words = model_folder.load(folder, str(place)), vocabulary.load(folder, "source")
    encoded = read(source, source_words, sentences)
    settings = SearchSettings(
        beam, min_tokens=words, max_tokens=words or 1000, max_length_ratio=100.0 if words else 3.0
    )
    reference, seconds, floor_seconds, tokens = Floor(place), 0.0, 0.0, 0
    batches = [encoded[start : start + batch_sentences] for start in range(0, len(encoded), batch_sentences)]
    beam_search([network] * members, batches[-1], settings)  # warm-up
    for batch in batches:
        lengths: list[int] = []
        seconds += timed(lambda: lengths.extend(translate([network] * members, batch, settings)), place)  # noqa: B023
        tokens += sum(lengths)
        if floor:
            plan = reference.plan(list(products(network.architecture, list(map(len, batch)), lengths, beam)) * members)
            floor_seconds += timed(lambda: multiply(plan), place)  # noqa: B023
    rates = {
        "sentences_per_second": round(len(encoded) / seconds, 2),
        "target_words_per_second": round(tokens / seconds, 1),
        "seconds": round(seconds, 3),
        "sentences": len(encoded),
        "peak_memory_mb": round(peak_memory_mb(place)),
    }
    shape = {"layers": network.architecture.layers, "hidden": network.architecture.hidden}
    return rates | ({"floor_share": round(floor_seconds / seconds, 3)} if floor else {}) | shape


def translate(models: Sequence[Seq2Seq], sources: Sequence[Sequence[int]], settings: SearchSettings) -> list[int]:
    """Translate some sentences and return the number of tokens of each translation."""
    return [len(best.ids) for best, *_ in beam_search(models, sources, settings)]


def read(source: Path, vocabulary: Vocabulary, sentences: int) -> list[list[int]]:
    """Return the ids of the first sentences of a text, the longest sentence first."""
    lines = source.read_text(encoding="utf-8").splitlines()[:sentences]
    check(lines, f"{source}: found no sentence; expected one at least")
    return sorted((vocabulary.encode(line) for line in lines), key=len, reverse=True)


def products(
    shape: Architecture, source_lengths: Sequence[int], target_lengths: Sequence[int], beam: int
) -> Iterator[Product]:
    """Yield the products of a search: for the sources, and for each step of all hypotheses with the softmax."""
    gates = 4 * shape.hidden
    for layer in range(shape.layers):
        inputs = shape.hidden if layer else shape.embedding
        yield Product(Kind.FORWARD, sum(source_lengths), inputs, gates)
        for alive in sentences_alive(torch.tensor(source_lengths).numpy()):
            yield Product(Kind.FORWARD, alive, shape.hidden, gates)
    for step in range(max(target_lengths) + 1):
        rows = sum(length >= step for length in target_lengths) * (beam if step else 1)
        for layer in range(shape.layers):
            yield Product(Kind.FORWARD, rows, (shape.hidden if layer else shape.embedding) + shape.hidden, gates)
        yield Product(Kind.FORWARD, rows, shape.hidden, shape.target_vocabulary)


def beside_peer(
    folder: Path,
    source: Path,
    scratch: Path,
    beam: int,
    words: int,
    sentences: int,
    batch_sentences: int,
    threads: int,
    rounds: int,
) -> dict[str, Any]:
    """Translate with our search and with OpenNMT-py's in alternation, each in its own process."""
    opennmt.install()
    text = scratch / "sentences.txt"
    lines = source.read_text(encoding="utf-8").splitlines()[:sentences]
    files.write_text(text, "".join(f"{line}\n" for line in sorted(lines, key=lambda line: -len(line.split()))))
    peer = peer_model(folder, text, scratch / "peer", threads)
    flags = ["--model", str(folder), "--source", str(text), "--sentences", str(sentences), "--threads", str(threads)]
    flags += ["--beam", str(beam), "--words", str(words), "--batch-sentences", str(batch_sentences), "--device", "cpu"]
    ours, theirs, printed = list[tuple[float, Footprint]](), list[tuple[float, Footprint]](), scratch / "ours.json"
    for _ in range(rounds):
        command = [sys.executable, "-m", "bench.decode", *flags, "--no-floor"]
        footprint = run(command, ROOT, {}, printed, opennmt.MEMORY_SECONDS)
        ours.append((json.loads(printed.read_text(encoding="utf-8"))["seconds"], footprint))
        theirs.append(opennmt.time_translating(peer, PEER_MODEL, text, beam, words, batch_sentences, threads))
    ratios = [their_seconds / our_seconds for (our_seconds, _), (their_seconds, _) in zip(ours, theirs, strict=True)]
    summary = {"ratio": round(median(ratios), 2), "ratios": [round(ratio, 2) for ratio in ratios]}
    return summary | {"ours": of_runs(ours, len(lines)), "opennmt": of_runs(theirs, len(lines))}


def peer_model(folder: Path, text: Path, scratch: Path, threads: int) -> Path:
    """Train a model of the same shape with OpenNMT-py for one update, and return its folder."""
    shape, scratch_text = model_folder.load(folder).architecture, scratch / "text"
    scratch_text.mkdir(parents=True)
    lines = text.read_text(encoding="utf-8").splitlines()[:64]
    for side in SIDES:
        opennmt.write_vocabulary(scratch_text / f"{side}.vocab", vocabulary.load(folder, side).names())
        files.write_text(scratch_text / f"{side}.txt", "".join(f"{line}\n" for line in lines))
    settings = opennmt.configuration(
        shape, RECIPE, scratch_text, len(lines), 0, {"train_steps": 1, "save_checkpoint_steps": 1}
    )
    opennmt.train(scratch, settings, threads)
    return scratch


def of_runs(runs: Sequence[tuple[float, Footprint]], sentences: int) -> dict[str, Any]:
    """Return the median speed of some runs, the speed of each run, and the peak memory."""
    rates = [sentences / seconds for seconds, _ in runs]
    return {
        "sentences_per_second": round(median(rates), 2),
        "runs_sentences_per_second": [round(rate, 2) for rate in rates],
        "peak_memory_mb": round(max(footprint.largest_process_mb for _, footprint in runs)),
    }


if __name__ == "__main__":
    program.program(main)

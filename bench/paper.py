"""Measures training of the paper's model, 384 million parameters, on a GPU, and prints JSON.

    python -m bench.paper

The text is drawn: as many words as WMT'14's English and French sentences have, by Zipf's law. Without a GPU the same
runs at small sizes: python -m bench.paper --layers 1 --hidden 8 --source-vocabulary 50 --target-vocabulary 40
--pairs 200 --batches 8,16 --updates 3 --peak-size 64 --memory-gb 1
"""

import gc
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench import plain
from bench.floor import peak_rate, timed
from bench.train import RECIPE, WARM_UP, lengths, make_updates, operations, peak_memory_mb, start, take, versions
from pipeline import stage
from s2s.data import EncodedCorpus
from s2s.device import prepare
from s2s.model import parameter_count
from s2s.network.interface import Architecture
from s2s.recipe import Recipe

EPOCHS, EPOCH_WORDS = 7.5, 652e6  # Sutskever et al. 2014, section 3.1 and 3.4: 348M French and 304M English words


def main(
    layers: int = 4,
    hidden: int = 1000,
    source_vocabulary: int = 160_000,
    target_vocabulary: int = 80_000,
    batches: str = "128,512,1024",
    updates: int = 100,
    pairs: int = 300_000,
    memory_gb: float = 16.0,
    mixed_precision: bool = True,
    optimizer: str = "sgd",
    peak_size: int = 8192,
    threads: int = 8,
    device: str = "auto",
) -> None:
    """Trains the paper's model at several batch sizes, then within a memory budget, and prints speed and memory.

    Args:
        layers: of encoder and of decoder.
        hidden: cells a layer, and word vector size.
        source_vocabulary: entries.
        target_vocabulary: entries.
        batches: sentence pairs an update, one run each; the last also runs within the budget.
        updates: to be timed in each run.
        pairs: of drawn text.
        memory_gb: the budget; on a GPU the allocator then has no more.
        mixed_precision: on a GPU, products in bfloat16.
        optimizer: sgd (the paper's) | adam | adamw | rmsprop | adadelta.
        peak_size: of the square matrices whose product tells the machine's peak.
        threads: CPU threads.
        device: auto, cpu or cuda.
    """
    place = prepare(device, threads)
    shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, source_vocabulary, target_vocabulary)
    recipe = replace(
        RECIPE,
        optimizer=optimizer,
        learning_rate=0.7 if optimizer == "sgd" else 0.001,
        normalize_loss="sentences",
        mixed_precision=mixed_precision,
    )
    dtype = torch.bfloat16 if mixed_precision and place.type == "cuda" else torch.float32
    peak = peak_rate(place, dtype, (peak_size // 2, peak_size))
    with tempfile.TemporaryDirectory() as folder:
        corpus = plain.write(Path(folder), plain.draw(pairs, (source_vocabulary, target_vocabulary)))
        recipes = [replace(recipe, batch_sentences=int(size)) for size in batches.split(",")]
        runs = [measured(shape, one, corpus, updates, place, peak) for one in recipes]
        limit(memory_gb, place)
        budget = measured(shape, replace(recipes[-1], memory_gb=memory_gb), corpus, updates, place, peak)
    found = {
        "runs": runs,
        "within_budget": budget | {"memory_gb": memory_gb},
        "matrix_peak_tflops": round(peak / 1e12, 3),
        "matrix_peak_dtype": str(dtype).removeprefix("torch."),
        "layers": layers,
        "hidden": hidden,
        "source_vocabulary": source_vocabulary,
        "target_vocabulary": target_vocabulary,
        "optimizer": optimizer,
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else "cpu",
    }
    print(json.dumps(found | versions(), indent=2))


def measured(
    shape: Architecture, recipe: Recipe, corpus: EncodedCorpus, updates: int, place: torch.device, peak: float
) -> dict[str, Any]:
    """Trains for some updates, and says what a whole training as in the paper would take."""
    forget(place)
    trainer = start(shape, recipe, corpus, place)
    batches = take(trainer, WARM_UP + updates)
    make_updates(trainer, batches[:WARM_UP])
    counted = batches[WARM_UP:]
    seconds = timed(lambda: make_updates(trainer, counted), place)
    words = sum(int(side.sum()) for batch in counted for side in lengths(corpus, batch))
    return {
        "batch_sentences": recipe.batch_sentences,
        "sentences_an_update": round(sum(map(len, counted)) / updates, 1),
        "source_and_target_words_per_second": round(words / seconds),
        "milliseconds_an_update": round(1000 * seconds / updates, 2),
        "matrix_peak_share": round(operations(shape, corpus, counted) / seconds / peak, 4),
        "hours_of_the_papers_training": round(EPOCHS * EPOCH_WORDS * seconds / words / 3600, 2),
        "piece_tokens": trainer.updater.piece_tokens,
        "parameters": parameter_count(trainer.model),
        "peak_memory_mb": round(peak_memory_mb(place)),
        **(gpu_memory(place) if place.type == "cuda" else {}),
    }


def forget(place: torch.device) -> None:
    """Frees what the run before took, so that this one's memory is its own."""
    gc.collect()
    if place.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(place)


def limit(memory_gb: float, place: torch.device) -> None:
    """Lets this process have so much of a GPU's memory, and no more."""
    forget(place)
    if place.type == "cuda":
        total = torch.cuda.get_device_properties(place).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_gb * 1e9 / total))  # wants no device or its number


def gpu_memory(place: torch.device) -> dict[str, int]:
    """The most that the allocator held at a time, and what the device has in use now, libraries included."""
    free, total = torch.cuda.mem_get_info(place)
    return {
        "peak_reserved_mb": round(torch.cuda.max_memory_reserved(place) / 1e6),
        "device_in_use_mb": round((total - free) / 1e6),
    }


if __name__ == "__main__":
    stage.program(main)

"""Measure the training of the paper's model, 384 million parameters, on a GPU, and print JSON.

    python -m bench.paper

The text is random, by Zipf's law. Without a GPU, try small sizes:

    python -m bench.paper --layers 1 --hidden 8 --source-vocabulary 50 --target-vocabulary 40 --pairs 200 \\
        --batches 8,16 --updates 3 --peak-size 64 --memory-gb 1
"""

import gc
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from bench import plain, report
from bench.floor import gpu_name, peak_rate, timed
from bench.train import RECIPE, WARM_UP, lengths, make_updates, operations, peak_memory_mb, settings, start, take
from pipeline.running import program
from s2s.data.corpus import EncodedCorpus
from s2s.device import prepare
from s2s.model.interface import Architecture
from s2s.model.seq2seq import parameter_count
from s2s.training.recipe import Recipe

EPOCHS, EPOCH_WORDS = 7.5, 652e6  # Sutskever et al. 2014, sections 3.1 and 3.4: 348M French and 304M English words


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
    """Measure speed and memory of the paper's model at several batch sizes, and within a memory budget.

    Args:
        layers: layers of the encoder, and of the decoder.
        hidden: units of a layer, and size of word vectors.
        source_vocabulary: entries of the source vocabulary.
        target_vocabulary: entries of the target vocabulary.
        batches: sentence pairs of an update, one run for each; the last is repeated within the budget.
        updates: timed updates of each run.
        pairs: sentence pairs of the random text.
        memory_gb: the budget in GB, on a GPU also the limit of the allocator.
        mixed_precision: on a GPU, multiply in bfloat16.
        optimizer: sgd (the paper's) | adam | adamw | rmsprop | adadelta.
        peak_size: rows of the square matrices whose product measures the machine's peak.
        threads: CPU threads.
        device: auto, cpu or cuda.
    """
    place = prepare(device, threads)
    shape = Architecture("lstm", layers, hidden, hidden, 0.0, True, 0.08, source_vocabulary, target_vocabulary)
    recipes = recipes_for([int(size) for size in batches.split(",")], optimizer, mixed_precision)
    dtype = torch.bfloat16 if mixed_precision and place.type == "cuda" else torch.float32
    peak = peak_rate(place, dtype, (peak_size // 2, peak_size))
    figures = runs(shape, recipes, pairs, updates, memory_gb, place, peak)
    figures |= {"matrix_peak_tflops": round(peak / 1e12, 3), "matrix_peak_dtype": str(dtype).removeprefix("torch.")}
    figures |= settings(shape, recipes[-1], threads, place)
    report.show("training of the paper's model", figures, gpu_name(place))


def recipes_for(batch_sizes: Sequence[int], optimizer: str, mixed_precision: bool) -> list[Recipe]:
    """Return a recipe for each batch size."""
    recipe = replace(
        RECIPE,
        optimizer=optimizer,
        learning_rate=0.7 if optimizer == "sgd" else 0.001,
        normalize_loss="sentences",
        mixed_precision=mixed_precision,
    )
    return [replace(recipe, batch_sentences=size) for size in batch_sizes]


def runs(
    shape: Architecture,
    recipes: Sequence[Recipe],
    pairs: int,
    updates: int,
    memory_gb: float,
    place: torch.device,
    peak: float,
) -> dict[str, Any]:
    """Measure every recipe on random text, and the last one again within the budget."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = plain.write(Path(folder), plain.draw(pairs, (shape.source_vocabulary, shape.target_vocabulary)))
        free = [measured(shape, recipe, corpus, updates, place, peak) for recipe in recipes]
        limit(memory_gb, place)
        limited = measured(shape, replace(recipes[-1], memory_gb=memory_gb), corpus, updates, place, peak)
    return {"runs": free, "within_budget": limited | {"memory_gb": memory_gb}}


def measured(
    shape: Architecture, recipe: Recipe, corpus: EncodedCorpus, updates: int, place: torch.device, peak: float
) -> dict[str, Any]:
    """Train for some updates and return speed, memory and the hours of a whole training as in the paper."""
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
    """Free the memory of earlier runs and reset its peak."""
    gc.collect()
    if place.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(place)


def limit(memory_gb: float, place: torch.device) -> None:
    """Limit the GPU memory of this process."""
    forget(place)
    if place.type == "cuda":
        total = torch.cuda.get_device_properties(place).total_memory
        # Without a device: the function refuses a torch.device that has no index.
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_gb * 1e9 / total))


def gpu_memory(place: torch.device) -> dict[str, int]:
    """Return the allocator's peak, and the memory of the device in use now, libraries included, in MB."""
    free, total = torch.cuda.mem_get_info(place)
    return {
        "peak_reserved_mb": round(torch.cuda.max_memory_reserved(place) / 1e6),
        "device_in_use_mb": round((total - free) / 1e6),
    }


if __name__ == "__main__":
    program.program(main)

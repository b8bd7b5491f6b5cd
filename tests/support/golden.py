"""Prints the losses of 50 updates, as tests/support/golden_losses.txt keeps them.

    python -m tests.support.golden > tests/support/golden_losses.txt

after a change that is meant to change them, and says so. The libraries are told to take the same path through their
kernels on any processor, for these give other last bits elsewhere.
"""

import os
import tempfile
from pathlib import Path

import torch

from s2s.data.prefetch import prefetched
from s2s.training.trainer import Trainer
from tests.support import tiny

os.environ |= {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}


UPDATES = 50


def main() -> None:
    """Trains a small model with dropout and all that a recipe has."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = tiny.digits(Path(folder), "train", 800, seed=1)
        recipe = tiny.recipe(optimizer="adamw", weight_decay=0.01, label_smoothing=0.1, epochs=9.0, batch_sentences=16)
        model = tiny.network(hidden=16, embedding=8, dropout=0.1)
        trainer = Trainer(model, recipe, corpus, corpus, 1, torch.device("cpu"))
        batches = trainer.epoch_batches()[:UPDATES]
        for number, share in enumerate(prefetched(trainer.updater.share, batches)):
            loss, norm = trainer.updater.update(share, number, 0.01)
            print(f"{number:2} loss {loss.item():.17g} norm {norm.item():.17g}")


if __name__ == "__main__":
    main()

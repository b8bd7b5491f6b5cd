"""Display of a training on the terminal or in the log, and its record in MLflow."""

import math
from pathlib import Path

from pipeline.tracking import run as tracking
from s2s.progress import Meter, Status


class Watch:
    """A watcher that shows reports and records them in MLflow."""

    def __init__(self, name: str, run: tracking.Run, meter: Meter) -> None:
        self.name, self.run, self.meter = name, run, meter

    def say(self, text: str) -> None:
        """Print a remark."""
        print(f"train {self.name}: {text}", flush=True)

    def resumed(self, path: Path) -> None:
        """Print and record the checkpoint from which training goes on."""
        self.say(f"goes on from checkpoint {path}")
        self.run.tag("resumed", str(path))

    def status(self, status: Status) -> None:
        """Show one line, and record all numbers."""
        text = f"epoch {status.epoch:.2f}, perplexity {status.train_perplexity:.2f}"
        if status.dev_perplexity is None:
            speed = (status.source_tokens + status.target_tokens) / max(status.seconds, 1e-9)
            text += f", norm {status.gradient_norm:.2f}, rate {status.learning_rate:.3g}, {speed:,.0f} words/s"
        else:
            text += f", development {status.dev_perplexity:.2f}"
        self.run.metrics(numbers(status), step=status.update)
        self.meter.update(status.epoch, text, now=status.dev_perplexity is not None)


def numbers(status: Status) -> dict[str, float]:
    """Return the finite metrics of a report, where words are source and target tokens together, as in the paper."""
    values = {
        "epoch": status.epoch,
        "learning_rate": status.learning_rate,
        "train_perplexity": status.train_perplexity,
        "gradient_norm": status.gradient_norm,
    }
    if status.dev_perplexity is None:
        values["words_per_second"] = (status.source_tokens + status.target_tokens) / max(status.seconds, 1e-9)
        values["target_words_per_second"] = status.target_tokens / max(status.seconds, 1e-9)
    else:
        values["dev_perplexity"] = status.dev_perplexity
    for rank, machine in enumerate(status.machines):
        values |= {f"system/rank_{rank}_{name}": value for name, value in vars(machine).items()}
    return {name: value for name, value in values.items() if math.isfinite(value)}

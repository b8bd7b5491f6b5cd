"""Says what all of WMT'14 will cost on more cores, from two measurements of bench.data, and prints JSON.

    python -m bench.projection small.json large.json

What is assumed: processor time, memory and disk are straight lines in the number of pairs, through both measurements.
The time of the process that hands out the work is serial, that of the workers is shared by the cores; the share of the
sum of both that is hidden, because they work side by side, is as in the large measurement. Each core is as fast as
those measured, and the disk keeps up with them.
"""

import json
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import typer

from bench import registry

CORES = (2, 16, 64)


@dataclass(frozen=True)
class Lines:
    """Two measurements, made with as many workers."""

    small: dict[str, Any]
    large: dict[str, Any]
    pairs: int  # to which they are drawn out

    def at(self, *keys: str) -> float:
        """The value of the line through both measurements; never below either of them."""
        small, large = (value(found, keys) for found in (self.small, self.large))
        start, end = int(self.small["pairs"]), int(self.large["pairs"])
        further = (self.pairs - end) / (end - start)
        return max(small, large, large + (large - small) * further)

    def ratio(self, key: str) -> float:
        """What the large one has of the small one's."""
        return round(float(self.large[key] / self.small[key]), 3)


def value(found: Any, keys: tuple[str, ...]) -> float:
    """A number of a measurement."""
    return float(reduce(lambda part, key: part[key], keys, found))


def main(small: Path, large: Path) -> None:
    """Draws two measurements, made with as many workers, out to the full set."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (small, large)]
    print(json.dumps(projected(*found), indent=2))


def projected(small: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    """What the full set costs by number of cores, and how straight the lines are."""
    assert small["workers"] == large["workers"] and small["pairs"] < large["pairs"], "two sizes, as many workers"
    real = [corpus.pairs or 0 for corpus in registry.corpora() if corpus.split == "train"]
    archives = sum(copies[0].bytes or 0 for copies in registry.wmt14().files.values())
    lines = Lines(small, large, sum(real))
    stages = {name: Stage.drawn_out(name, lines) for name in large["stages"]}
    return {
        "pairs": lines.pairs,
        "measured_pairs": [small["pairs"], large["pairs"]],
        "measured_workers": large["workers"],
        "pairs_per_second_large_to_small": lines.ratio("pairs_per_second_per_core"),
        "peak_memory_large_to_small": lines.ratio("peak_memory_mb"),
        "serial_share": {name: round(one.serial / (one.serial + one.shared), 3) for name, one in stages.items()},
        "cores": {str(count): on_cores(count, stages) for count in CORES},
        "disk_gb": {place: round(lines.at("disk_mb", place) / 1e3, 1) for place in large["disk_mb"]}
        | {"archives": round(archives / 1e9, 1)},
    }


@dataclass(frozen=True)
class Stage:
    """A stage on the full set."""

    serial: float  # seconds of the process that hands out the work
    shared: float  # seconds of the workers, all together
    visible: float  # share of the time that both take one after the other
    main_gb: float
    worker_gb: float  # each

    @classmethod
    def drawn_out(cls, name: str, lines: Lines) -> "Stage":
        """A stage from its measurements."""
        large, workers = lines.large["stages"][name], lines.large["workers"]
        main = lines.at("stages", name, "main_memory_mb")
        return cls(
            serial=lines.at("stages", name, "main_cpu_seconds"),
            shared=lines.at("stages", name, "workers_cpu_seconds"),
            visible=large["seconds"] / (large["main_cpu_seconds"] + large["workers_cpu_seconds"] / workers),
            main_gb=main / 1e3,
            worker_gb=(lines.at("stages", name, "peak_memory_mb") - main) / workers / 1e3,
        )

    def hours(self, cores: int) -> float:
        """Its time on so many cores: what is serial is never hidden."""
        return max(self.serial, self.visible * (self.serial + self.shared / cores)) / 3600

    def gigabytes(self, cores: int) -> float:
        """Its memory with a worker a core."""
        return self.main_gb + cores * self.worker_gb


def on_cores(count: int, stages: dict[str, Stage]) -> dict[str, Any]:
    """Hours by stage and in all, and gigabytes of memory."""
    hours = {name: round(one.hours(count), 2) for name, one in stages.items()}
    memory = max(one.gigabytes(count) for one in stages.values())
    return {"hours": round(sum(hours.values()), 2), "hours_by_stage": hours, "peak_memory_gb": round(memory, 1)}


if __name__ == "__main__":
    typer.run(main)

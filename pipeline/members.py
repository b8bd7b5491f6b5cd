"""Names the models of a run by their content, so that a model of another seed changes no translation."""

from pathlib import Path

from pipeline import stage, tracking
from pipeline.parameters import read
from pipeline.schemas.translated import Member, write_members
from s2s.files import sha256
from s2s.model import WEIGHTS


def main(run: str, models: Path, out: Path) -> None:
    """Writes which models a run translates with: the first seeds of its system, each with the SHA-256 of its weights.

    Args:
        run: one of `runs:` in params.yaml.
        models: folder of the system's models, one folder a seed.
        out: JSON file to be written.
    """
    parameters = read()
    chosen = parameters.runs[run]
    with tracking.run() as tracked:
        seeds = parameters.seeds(chosen.system)[: chosen.seeds]
        members = [Member(models / str(seed), seed, sha256(models / str(seed) / WEIGHTS)) for seed in seeds]
        write_members(out, run, chosen.system, chosen.beam, members)
        tracked.metrics({"members": len(members)})


if __name__ == "__main__":
    stage.program(main)

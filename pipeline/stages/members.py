"""Stage `members`: record the checksums of a run's models, so that other models of its system change nothing."""

from pathlib import Path

from pipeline.parameters.reading import read
from pipeline.running import program
from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import vocabularies_of
from pipeline.schemas.data.translated import Member, Members, NamedFile
from pipeline.tracking import run as tracking
from s2s.files import sha256
from s2s.model import folder as model_folder


def main(run: str, models: Path, lexicons: Path, out: Path) -> None:
    """Write the members of a run: the first models of its system, their vocabularies and its lexicon.

    Args:
        run: one of `runs:` in params.yaml.
        models: folder of the system's models, one folder for each seed.
        lexicons: folder of the lexicons, one file for each vocabulary.
        out: JSON file to be written.
    """
    parameters = read()
    chosen = parameters.runs[run]
    with tracking.run() as tracked:
        seeds = parameters.seeds(chosen.system)[: chosen.seeds]
        members = [member(models / str(seed), seed) for seed in seeds]
        path = lexicons / f"{parameters.vocabulary_of(chosen.system)}.parquet"
        lexicon = NamedFile(path, sha256(path)) if parameters.run(run).replace_unknown else None
        record = Members(run, chosen.system, chosen.beam, members, vocabularies_of(members[0].path), lexicon)
        records.write(out, record)
        tracked.metrics({"members": len(members)})


def member(folder: Path, seed: int) -> Member:
    """Return a model's folder and the checksum of its weights."""
    return Member(folder, seed, model_folder.verified(folder).weights_sha256)


if __name__ == "__main__":
    program.program(main)

"""A stage's line to MLflow: a pipe to a recorder process, which can neither slow nor break the stage."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class Run:
    """The MLflow run of the stage that is running."""

    def metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Records numbers, those of a curve with their step."""

    def artifact(self, path: Path) -> None:
        """Keeps a copy of a file; it must stay in its place until the stage ends."""

    def tag(self, name: str, value: str) -> None:
        """Records a remark such as `resumed`."""


@contextmanager
def run() -> Iterator[Run]:
    """Opens the stage's run."""
    yield Run()

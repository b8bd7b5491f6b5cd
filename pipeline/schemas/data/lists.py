"""N-best lists that the first_pass stage writes and the rescore stage reads."""

from dataclasses import dataclass

from pipeline.schemas.data.records import EXACT
from pipeline.schemas.data.translated import Member


@dataclass(frozen=True)
class ListFile:
    """A user's file of n-best lists."""

    __pydantic_config__ = EXACT
    name: str
    sha256: str


@dataclass(frozen=True)
class FirstPass:
    """candidates/<first pass>/first_pass.json: the system that made the n-best lists beside it."""

    __pydantic_config__ = EXACT
    first_pass: str
    """A run of ours, or the folder of another system's lists."""
    members: list[Member]
    """The models of the run; empty for another system."""
    files: dict[str, ListFile]
    """The lists of another system by split; empty for a run."""


FIRST_PASS = "first_pass.json"

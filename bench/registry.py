"""Reads from the registry of sources what WMT'14 is made of, and writes one that leads to archives of our own."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import sources
from pipeline.sources import Copy, Corpus, Source

LANGUAGES = ("en", "fr")
NAME = "wmt14"


@cache
def wmt14() -> Source:
    """The registry's entry."""
    return sources.read()[NAME]


def corpora() -> tuple[Corpus, ...]:
    """The corpora of the entry, in its order."""
    return wmt14().corpora


def write_sources(path: Path, url: str, files: Mapping[str, Mapping[str, Any]], pairs: Mapping[str, int]) -> None:
    """Writes a registry, as JSON, which is YAML too, whose archives are those of a server.

    Args:
        path: the registry to be written.
        url: of the folder of the archives.
        files: bytes and sha256 by name.
        pairs: of each corpus.
    """
    places = {
        name: (Copy(address=f"{url}/{name}", bytes=one["bytes"], checksum=f"sha256:{one['sha256']}"),)
        for name, one in files.items()
    }
    own = tuple(corpus.model_copy(update={"pairs": pairs[corpus.name], "checksums": {}}) for corpus in corpora())
    entry = wmt14().model_copy(update={"files": places, "corpora": own})
    path.write_text(json.dumps({NAME: entry.model_dump(exclude_none=True)}, indent=2), encoding="utf-8")

"""The catalog's entry of WMT'14, and a catalog that leads to generated archives instead."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.sources import catalog
from pipeline.sources.catalog import Copy, Corpus, Source

LANGUAGES = ("en", "fr")
NAME = "wmt14"


@cache
def wmt14() -> Source:
    """Return the catalog's entry."""
    return catalog.read()[NAME]


def corpora() -> tuple[Corpus, ...]:
    """Return the corpora of the entry, in order."""
    return wmt14().corpora


def write_sources(path: Path, url: str, files: Mapping[str, Mapping[str, Any]], pairs: Mapping[str, int]) -> None:
    """Write a catalog, as JSON, which is valid YAML, with the archives of a server.

    Args:
        path: the catalog to write.
        url: address of the archives' folder.
        files: bytes and SHA-256 by name.
        pairs: number of pairs of each corpus.
    """
    places = {
        name: (Copy(address=f"{url}/{name}", bytes=file["bytes"], checksum=f"sha256:{file['sha256']}"),)
        for name, file in files.items()
    }
    own = tuple(corpus.model_copy(update={"pairs": pairs[corpus.name], "checksums": {}}) for corpus in corpora())
    entry = wmt14().model_copy(update={"files": places, "corpora": own})
    path.write_text(json.dumps({NAME: entry.model_dump(exclude_none=True)}, indent=2), encoding="utf-8")

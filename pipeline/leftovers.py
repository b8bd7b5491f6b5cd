"""Outputs that no stage declares any more, such as those of a run that was taken out of params.yaml.

Stages that gather depend on whole folders, so a leftover there would make their results depend on what ran before.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline import dag

DECLARED = Path("data/declared.txt")
"""Output of the stage `check`: all outputs that were declared then, one a line."""
LINK = re.compile(r"/files/md5/[0-9a-f]{2}/[0-9a-f]{30}$")  # target of a link into DVC's cache


def find(outs: Sequence[str], declared: Path = DECLARED) -> list[Path]:
    """Return the leftovers: outputs that were declared before, and links into DVC's cache.

    Other files in the folders of outputs are the user's.

    Args:
        outs: the declared outputs of all stages.
        declared: file of those that were declared when parameters were last checked.
    """
    tops = dict.fromkeys(Path(out).parts[0] for out in outs)
    lines = declared.read_text(encoding="utf-8").splitlines() if declared.is_file() else []
    before = [path for path in map(Path, lines) if path.parts[:1] and path.parts[0] in tops and ".." not in path.parts]
    gone = [
        path
        for path in before
        if os.path.lexists(path) and not any(dag.within(str(path), out) or dag.within(out, str(path)) for out in outs)
    ]
    links = [link for top in tops for link in links_in(Path(top), frozenset(outs))]
    return gone + [link for link in links if not any(link.is_relative_to(path) for path in gone)]


def links_in(folder: Path, outs: frozenset[str]) -> Iterator[Path]:
    """Yield the links into DVC's cache in a folder, but for those in some outputs."""
    if str(folder) in outs or not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            if str(path) not in outs and LINK.search(str(path.readlink())):
                yield path
        else:
            yield from links_in(path, outs)


def remove(path: Path) -> None:
    """Remove a file or folder, and the folders above it that are empty then."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    for folder in list(path.parents)[:-1]:
        if not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()

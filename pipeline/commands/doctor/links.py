"""Links among the results that lead to nothing or into another checkout's cache."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from pipeline.commands.doctor.findings import Finding
from pipeline.commands.doctor.repository import Link, links
from s2s.files import whole


def dangling() -> Iterator[Finding]:
    """Find links whose object is lost, or stands in this checkout's cache and is looked for in another."""
    lost: dict[Path, list[Link]] = defaultdict(list)
    strange: dict[Path, list[Link]] = defaultdict(list)
    for link in links():
        if link.target == link.own and link.own.exists():
            continue
        if not link.own.exists():
            lost[link.path.parent] += [link] * (not link.target.exists())
        elif not link.target.exists() or not link.target.samefile(link.own):
            strange[link.target.parents[1]].append(link)
    for other, members in strange.items():
        fault = f"{len(members)} that lead into {other}, such as {members[0].path}"
        yield Finding("links", fault, "led into the cache of this checkout", partial(lead, members))
    for folder, members in lost.items():
        if members:
            cure = "removed: dvc repro makes it again, or dvc pull fetches it"
            fault = f"{len(members)} links to lost files, such as {members[0].path.name}"
            yield Finding(folder, fault, cure, partial(remove, members))


def lead(members: Sequence[Link]) -> None:
    """Let links lead into this checkout's cache."""
    for link in members:
        with whole(link.path) as partial_link:
            partial_link.symlink_to(link.own)


def remove(members: Sequence[Link]) -> None:
    """Remove links."""
    for link in members:
        link.path.unlink(missing_ok=True)

import gzip
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.sources import File
from pipeline.transfer import fetch, mirrors, place_in
from s2s.errors import UserError
from tests import servers

NAME = "text one.gz"
CONTENT = gzip.compress(random.Random(1).randbytes(2_500_000), mtime=0)  # more than two chunks
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / NAME).write_bytes(CONTENT)
    return tmp_path / "mirror"


@pytest.fixture
def site(folder: Path) -> Iterator[str]:
    with servers.serving(folder) as url:
        yield url


def listed(address: str, digest: str = f"sha256:{DIGEST}", name: str = NAME, size: int = len(CONTENT)) -> File:
    return File(f"{address}/{name}", size, digest)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def whole_and_alone(path: Path) -> bool:
    """Whether a file is there as it should be, with nothing half-written beside it."""
    return path.read_bytes() == CONTENT and names(path.parent) == [path.name]


def test_a_file_comes_from_its_address_when_no_mirror_is_named(site: str, tmp_path: Path) -> None:
    out = tmp_path / "out" / NAME
    assert fetch(listed(site), out, [], 5) == f"{site}/{NAME}"
    assert whole_and_alone(out)


def test_a_mirror_folder_comes_first(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / NAME
    assert fetch(listed(servers.dead()), out, [str(folder)], 5) == str(folder / NAME)
    assert whole_and_alone(out)


def test_a_mirror_url_comes_first(site: str, tmp_path: Path) -> None:
    out = tmp_path / "out" / NAME
    assert fetch(listed(servers.dead()), out, [f"{site}/"], 5) == f"{site}/text%20one.gz"
    assert whole_and_alone(out)


def test_an_md5_is_verified_where_there_is_no_better(folder: Path, tmp_path: Path) -> None:
    file = listed(servers.dead(), f"md5:{hashlib.md5(CONTENT).hexdigest()}")
    fetch(file, tmp_path / "out" / NAME, [str(folder)], 5)
    assert whole_and_alone(tmp_path / "out" / NAME)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("absent folder", "no such file or directory"),
        ("site without it", "HTTP 404 File not found"),
        ("dead site", "[Errno 111] Connection refused"),
        ("strange scheme", "Request URL has an unsupported protocol 'gopher://'."),
        ("flipped byte", f"expected {DIGEST} of {len(CONTENT)}"),
        ("cut off", f"expected {DIGEST} of {len(CONTENT)}"),
        ("too long", f"found more than {len(CONTENT)} bytes"),
    ],
)
def test_a_bad_mirror_is_passed_over_with_a_line(
    bad: str, reason: str, site: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled = tmp_path / "spoiled"
    spoiled.mkdir()
    contents = {
        "flipped byte": CONTENT[:100] + bytes([CONTENT[100] ^ 1]) + CONTENT[101:],
        "cut off": CONTENT[:-1],
        "too long": CONTENT + b"x",
    }
    if bad in contents:
        (spoiled / NAME).write_bytes(contents[bad])
    places = {"site without it": f"{site}/deeper", "dead site": servers.dead(), "strange scheme": "gopher://x"}
    mirror = places.get(bad, str(spoiled))
    out = tmp_path / "out" / NAME
    assert fetch(listed("http://never.invalid"), out, [mirror, str(folder)], 5) == str(folder / NAME)
    assert whole_and_alone(out)
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert said.startswith(f"{NAME}: not from {place_in(mirror, listed(''))}: ")
    assert said.endswith(f"{reason}\n")


def test_a_wrong_checksum_names_file_found_and_wanted_and_leaves_nothing(site: str, tmp_path: Path) -> None:
    wanted = "0" * 64
    with pytest.raises(UserError) as caught:
        fetch(listed(site, f"sha256:{wanted}"), tmp_path / "out" / NAME, [], 5)
    size = len(CONTENT)
    assert str(caught.value) == (
        f"{NAME}: found at no place: {site}/{NAME} (found sha256 {DIGEST} of {size} bytes; "
        f"expected {wanted} of {size}); expected one that has it, see S2S_MIRRORS"
    )
    assert names(tmp_path / "out") == []


def test_a_site_that_breaks_off_leaves_nothing(folder: Path, site: str, tmp_path: Path) -> None:
    (folder / "broken.gz").write_bytes(CONTENT)
    with pytest.raises(UserError, match=r"broken.gz: found at no place: .*closed connection"):
        fetch(listed(site, name="broken.gz"), tmp_path / "out" / "broken.gz", [], 5)
    assert names(tmp_path / "out") == []


def test_all_places_that_were_tried_are_named_when_none_answers(tmp_path: Path) -> None:
    with servers.silent() as url, pytest.raises(UserError) as caught:
        fetch(listed(url), tmp_path / "out" / NAME, [str(tmp_path / "absent")], 0.2)
    assert str(caught.value) == (
        f"{NAME}: found at no place: {tmp_path}/absent/{NAME} (no such file or directory), "
        f"{url}/{NAME} (no answer within 0.2 s); expected one that has it, see S2S_MIRRORS"
    )
    assert names(tmp_path / "out") == []


def test_mirrors_of_the_parameters_come_before_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mirrors(["a"]) == ["a"]
    monkeypatch.setenv("S2S_MIRRORS", "/a folder/with space, https://example.org/x,\n/b,")
    assert mirrors(["a", "b"]) == ["a", "b", "/a folder/with space", "https://example.org/x", "/b"]


def test_relative_mirrors_start_from_the_repository_even_in_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    file = File("https://example.org/a.gz", 1, "")
    assert place_in("data/mirror", file) == "data/mirror/a.gz"
    monkeypatch.setenv("DVC_ROOT", "/repository")
    assert place_in("data/mirror", file) == "/repository/data/mirror/a.gz"
    assert place_in("/mirror", file) == "/mirror/a.gz"

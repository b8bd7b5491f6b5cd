"""Downloads: mirrors, retries, resuming, and checks of size and checksum."""

import gzip
import hashlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.fetching import client, part, transfer
from pipeline.fetching.part import part_of
from pipeline.fetching.transfer import Fetch, mirrors, place_in
from pipeline.sources.catalog import Copy
from s2s.errors import UserError
from tests.support import servers
from tests.support.servers import Conduct

NAME = "text one.gz"
CONTENT = gzip.compress(random.Random(1).randbytes(2_500_000), mtime=0)
SIZE = len(CONTENT)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
FLIPPED = CONTENT[:100] + bytes([CONTENT[100] ^ 1]) + CONTENT[101:]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSES_SECONDS", (0.0, 0.0, 0.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / NAME).write_bytes(CONTENT)
    return tmp_path / "mirror"


@pytest.fixture
def conduct() -> Conduct:
    return Conduct()


@pytest.fixture
def site(folder: Path, conduct: Conduct) -> Iterator[str]:
    with servers.serving(folder, conduct) as url:
        yield url


def listed(address: str, checksum: str = f"sha256:{DIGEST}", name: str = NAME, size: int | None = SIZE) -> Copy:
    return Copy(address=f"{address}/{name}", bytes=size, checksum=checksum)


def fetch(work: Path, *copies: Copy, mirrors: tuple[str, ...] = (), timeout_seconds: float = 5) -> Path:
    return Fetch("one", copies, mirrors, timeout_seconds, work / "download")()


def kept(work: Path) -> dict[str, int]:
    """Return the sizes in bytes of the files in the folder of downloads, by name."""
    folder = work / "download"
    return {path.name: path.stat().st_size for path in folder.iterdir()} if folder.exists() else {}


def leave(work: Path, copy: Copy, content: bytes) -> Path:
    """Write part of a file, as an interrupted download leaves it, and return its path."""
    part = part_of(copy, work / "download")
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(content)
    return part


def test_a_file_comes_from_its_address_when_no_mirror_is_named(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fetch(tmp_path, listed(site))
    assert path.read_bytes() == CONTENT
    assert kept(tmp_path) == {f"{NAME}.{DIGEST[:16]}": SIZE}
    assert capsys.readouterr().out == f"one: from {site}/{NAME}\n"


def test_a_file_of_a_mirror_folder_is_used_where_it_lies(folder: Path, tmp_path: Path) -> None:
    assert fetch(tmp_path, listed(servers.dead()), mirrors=(str(folder),)) == folder / NAME
    assert kept(tmp_path) == {}


def test_a_mirror_url_comes_first(site: str, tmp_path: Path, conduct: Conduct) -> None:
    assert fetch(tmp_path, listed(servers.dead()), mirrors=(f"{site}/",)).read_bytes() == CONTENT
    assert conduct.requests == [(NAME, None)]


def test_a_mirror_may_hold_another_packing_with_its_own_name_and_checksum(folder: Path, tmp_path: Path) -> None:
    packed = b"other bytes"
    (folder / "packed.zip").write_bytes(packed)
    second = listed(servers.dead(), f"sha256:{hashlib.sha256(packed).hexdigest()}", "packed.zip", len(packed))
    first = listed(servers.dead(), name="absent.tgz")
    assert fetch(tmp_path, first, second, mirrors=(str(folder),)) == folder / "packed.zip"


def test_the_next_address_is_tried_when_the_first_has_no_such_file(
    site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fetch(tmp_path, listed(f"{site}/deeper"), listed(site))
    assert path.read_bytes() == CONTENT
    assert f"one: not from {site}/deeper/{NAME}: HTTP 404 File not found\n" in capsys.readouterr().out


def test_an_md5_is_verified_and_a_size_may_be_unknown(site: str, tmp_path: Path) -> None:
    copy = listed(site, f"md5:{hashlib.md5(CONTENT).hexdigest()}", size=None)
    assert fetch(tmp_path, copy).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("absent folder", "no such file or directory"),
        ("site without it", "HTTP 404 File not found"),
        ("dead site", "[Errno 111] Connection refused"),
        ("strange scheme", "Request URL has an unsupported protocol 'gopher://'."),
        ("flipped byte", f"found sha256 {hashlib.sha256(FLIPPED).hexdigest()} of {SIZE} bytes; expected {DIGEST}"),
        ("cut off", f"found {SIZE - 1} bytes; expected {SIZE}"),
        ("too long", f"found {SIZE + 1} bytes; expected {SIZE}"),
    ],
)
def test_a_bad_mirror_is_passed_over_with_a_line(
    bad: str, reason: str, site: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoiled = tmp_path / "spoiled"
    spoiled.mkdir()
    contents = {"flipped byte": FLIPPED, "cut off": CONTENT[:-1], "too long": CONTENT + b"x"}
    if bad in contents:
        (spoiled / NAME).write_bytes(contents[bad])
    places = {"site without it": f"{site}/deeper", "dead site": servers.dead(), "strange scheme": "gopher://x"}
    mirror = places.get(bad, str(spoiled))
    assert fetch(tmp_path, listed("http://never.invalid"), mirrors=(mirror, str(folder))) == folder / NAME
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"one: not from {place_in(mirror, listed('http://x'))}: {reason}", f"one: from {folder / NAME}"]
    assert kept(tmp_path) == {}


def test_one_flipped_byte_is_named_kept_aside_and_fetched_from_the_next_place(
    folder: Path, site: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "spoiled").mkdir()
    (folder / "spoiled" / NAME).write_bytes(FLIPPED)
    assert fetch(tmp_path, listed(f"{site}/spoiled"), listed(site)).read_bytes() == CONTENT
    aside = tmp_path / "download" / f"{NAME}.bad"
    assert aside.read_bytes() == FLIPPED
    bad = hashlib.sha256(FLIPPED).hexdigest()
    assert capsys.readouterr().out.splitlines()[0] == (
        f"one: not from {site}/spoiled/{NAME}: found sha256 {bad} of {SIZE} bytes; expected {DIGEST}; kept as {aside}"
    )


def test_a_connection_that_is_cut_at_60_percent_goes_on_from_there(
    site: str, tmp_path: Path, conduct: Conduct, capsys: pytest.CaptureFixture[str]
) -> None:
    conduct.cuts = [0.6]
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert conduct.requests == [(NAME, None), (NAME, f"bytes={int(SIZE * 0.6)}-")]
    assert capsys.readouterr().out == f"one: from {site}/{NAME}\n"


def test_a_server_that_cuts_again_and_again_is_called_as_long_as_it_gives_more(
    site: str, tmp_path: Path, conduct: Conduct
) -> None:
    conduct.cuts = [0.1] * 30
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert len(conduct.requests) == 31


def test_a_server_that_gives_nothing_more_is_given_up_and_what_it_gave_is_kept(
    site: str, tmp_path: Path, conduct: Conduct
) -> None:
    conduct.cuts = [0.5, 0, 0, 0, 0, 0]
    with pytest.raises(UserError, match=r"one: found at no place: .*closed connection .*; expected one that has it"):
        fetch(tmp_path, listed(site))
    assert kept(tmp_path) == {f"{NAME}.{DIGEST[:16]}": SIZE // 2}
    assert len(conduct.requests) == 4
    conduct.cuts.clear()
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT  # a later run
    assert conduct.requests[-1] == (NAME, f"bytes={SIZE // 2}-")


def test_a_server_that_is_busy_for_a_moment_is_called_again(site: str, tmp_path: Path, conduct: Conduct) -> None:
    conduct.cuts, conduct.refusals = [0.5], [0, 503, 429]
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert len(conduct.requests) == 4


def test_what_one_place_began_another_finishes(folder: Path, site: str, tmp_path: Path, conduct: Conduct) -> None:
    conduct.cuts = [0.5, 0, 0, 0, 0]
    with servers.serving(folder, second := Conduct()) as address:
        assert fetch(tmp_path, listed(address), mirrors=(site,)).read_bytes() == CONTENT
    assert second.requests == [(NAME, f"bytes={SIZE // 2}-")]


def test_a_server_without_ranges_starts_from_zero(site: str, tmp_path: Path, conduct: Conduct) -> None:
    conduct.ranges, conduct.cuts = False, [0.6]
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert [asked for _, asked in conduct.requests] == [None, f"bytes={int(SIZE * 0.6)}-"]


def test_a_server_without_lengths_that_ends_early_goes_on(site: str, tmp_path: Path, conduct: Conduct) -> None:
    conduct.lengths, conduct.cuts = False, [0.6]
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert len(conduct.requests) == 2


def test_a_server_without_lengths_that_sends_too_much_is_cut_short(site: str, tmp_path: Path, conduct: Conduct) -> None:
    conduct.lengths = False
    with pytest.raises(UserError, match=rf"\(found more than {SIZE - 1} bytes\)"):
        fetch(tmp_path, listed(site, size=SIZE - 1))
    assert kept(tmp_path) == {}


@pytest.mark.parametrize(
    "left", [FLIPPED[: SIZE // 2], FLIPPED, CONTENT + b"x"], ids=["spoiled half", "spoiled whole", "too long"]
)
def test_a_spoiled_part_is_fetched_once_more_from_zero(
    left: bytes, site: str, tmp_path: Path, conduct: Conduct
) -> None:
    leave(tmp_path, listed(site), left)
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert conduct.requests == [(NAME, f"bytes={len(left)}-"), (NAME, None)]
    assert kept(tmp_path) == {f"{NAME}.{DIGEST[:16]}": SIZE}


def test_a_file_that_is_whole_is_not_fetched_again(site: str, tmp_path: Path, conduct: Conduct) -> None:
    leave(tmp_path, listed(site), CONTENT)
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert conduct.requests == []


def test_two_versions_of_a_file_are_not_mixed(site: str, tmp_path: Path, conduct: Conduct) -> None:
    leave(tmp_path, listed(site, f"sha256:{'0' * 64}"), CONTENT[:1000])
    assert fetch(tmp_path, listed(site)).read_bytes() == CONTENT
    assert conduct.requests == [(NAME, None)]


def redirect(place: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"


STRANGE = {
    "long label": redirect(b"http://" + b"a" * 70 + b".com/x"),
    "empty label": redirect(b"http://me:s3cret@a..b/x"),
    "no IDNA": redirect(b"http://xn--a/x"),
    "bidi host": redirect("http://\u2603\u202e.com/x".encode()),
    "port": redirect(b"http://127.0.0.1:99999/x"),
    "script": redirect(b"javascript:1"),
    "scheme": redirect(b"file:///etc/passwd"),
    "loop": redirect(b"/"),
    "range of 5,000 digits": b"HTTP/1.1 206 OK\r\nContent-Range: bytes 0-1/" + b"9" * 5000 + b"\r\n\r\nab",
    "length of 5,000 digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nab",
    "length of 20 digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 20 + b"\r\n\r\nab",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nab",
    "no HTTP": b"\x1b[31mgarbage\r\n\r\n",
    "nothing": b"",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
    "switch": b"HTTP/1.1 101 Switching\r\n\r\n",
    "colors": b"HTTP/1.1 404 \x1b[31mred\x9b\xff\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
@pytest.mark.parametrize("size", [SIZE, None])
def test_a_strange_answer_leads_to_the_next_place(
    answer: bytes, size: int | None, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with servers.answering(answer) as url:
        mirrors = (url.replace("//", "//me:s3cret@"), str(folder))
        assert fetch(tmp_path, listed(servers.dead(), size=size), mirrors=mirrors) == folder / NAME
    refused, taken = capsys.readouterr().out.splitlines()
    assert refused.startswith(f"one: not from {url.replace('//', '//***@')}/") and taken == f"one: from {folder / NAME}"
    assert refused.isprintable() and "s3cret" not in refused and len(refused) < 600


TRICKLES = {
    "body": (b"HTTP/1.1 200 OK\r\n\r\n", b"a"),
    "header": (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
    "chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a"),
}


@pytest.mark.parametrize("kind", TRICKLES)
def test_a_server_of_some_bytes_a_second_is_given_up(
    kind: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "WINDOW_SECONDS", 0.2)
    with servers.answering(*TRICKLES[kind], seconds=0.02) as url:
        assert fetch(tmp_path, listed(url), mirrors=(url, str(folder)), timeout_seconds=0.1) == folder / NAME
    assert "found fewer than 1,000 bytes a second for 0.2 s; expected a faster server" in capsys.readouterr().out


def test_a_server_of_one_byte_a_connection_is_given_up(
    site: str, folder: Path, tmp_path: Path, conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "WINDOW_SECONDS", 0.2)
    conduct.cuts = [1.1 / SIZE] * 10_000
    assert fetch(tmp_path, listed(site), mirrors=(site, str(folder)), timeout_seconds=0.1) == folder / NAME


def test_an_answer_without_end_is_given_up_where_the_size_is_unknown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part, "MOST_BYTES", SIZE)
    said = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE + 1}\r\n\r\n".encode()
    for head in (b"HTTP/1.1 200 OK\r\n\r\n", said):
        with servers.answering(head, b"a" * 100_000) as url:
            assert fetch(tmp_path, listed(url, size=None), mirrors=(url, str(folder))) == folder / NAME
        assert f"found more than {SIZE} bytes, and sources.yaml does not say how many" in capsys.readouterr().out
    assert kept(tmp_path) == {}


def test_the_body_of_a_redirect_is_not_read(site: str, tmp_path: Path) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {site}/{NAME}\r\n\r\n".replace(" one", "%20one").encode()
    with servers.answering(head, b"a" * 100_000) as url:
        assert fetch(tmp_path, listed(url)).read_bytes() == CONTENT


@pytest.mark.parametrize("mirror", ["~nobody-of-this-name/x", "a\0b", "a" * 5000, "http://a..b", "http://[::1", "://"])
def test_a_mirror_that_cannot_be_is_passed_over(mirror: str, folder: Path, tmp_path: Path) -> None:
    assert fetch(tmp_path, listed(servers.dead()), mirrors=(mirror, str(folder))) == folder / NAME


@pytest.mark.parametrize(("name", "value"), [("HTTP_PROXY", "bogus://me:s3cret@x"), ("SSL_CERT_FILE", "/nowhere")])
def test_a_wrong_setting_of_the_network_is_told(
    name: str, value: str, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"one: found at no place: .*(Unknown scheme|No such file).*; expected") as told:
        fetch(tmp_path, listed(site))
    assert "s3cret" not in str(told.value)


def test_a_pipe_in_a_mirror_folder_is_passed_over(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / NAME)
    mirrors = (str(tmp_path / "pipes"), str(folder))
    assert fetch(tmp_path, listed(servers.dead(), size=None), mirrors=mirrors) == folder / NAME


def test_progress_counts_each_byte_once(site: str, tmp_path: Path, conduct: Conduct) -> None:
    conduct.cuts = [0.6]
    seen: list[tuple[int, int | None]] = []
    Fetch("one", [listed(site)], (), 5, tmp_path, lambda loaded, size: seen.append((loaded, size)))()
    assert seen == sorted(seen)
    assert seen[-1] == (SIZE, SIZE)


def test_all_places_that_were_tried_are_named_when_none_answers(tmp_path: Path) -> None:
    with servers.silent() as url, pytest.raises(UserError) as caught:
        fetch(tmp_path, listed(url), mirrors=(str(tmp_path / "absent"),), timeout_seconds=0.2)
    assert str(caught.value) == (
        f"one: found at no place: {tmp_path}/absent/{NAME} (no such file or directory), "
        f"{url}/{NAME} (no answer within 0.2 s); expected one that has it, see S2S_MIRRORS"
    )
    assert kept(tmp_path) == {}


def test_mirrors_of_the_parameters_come_before_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mirrors(["a"]) == ["a"]
    monkeypatch.setenv("S2S_MIRRORS", "/a folder/with space, https://example.org/x,\n/b,")
    assert mirrors(["a", "b"]) == ["a", "b", "/a folder/with space", "https://example.org/x", "/b"]


def test_relative_mirrors_start_from_the_repository_even_in_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    copy = listed("https://example.org", name="a.gz")
    assert place_in("data/mirror", copy) == "data/mirror/a.gz"
    monkeypatch.setenv("DVC_ROOT", "/repository")
    assert place_in("data/mirror", copy) == "/repository/data/mirror/a.gz"
    assert place_in("/mirror", copy) == "/mirror/a.gz"

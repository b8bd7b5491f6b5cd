"""Extraction from tar, tar.gz and zip archives, and the refusal of damaged and hostile archives."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sources import archives
from pipeline.sources.archives import extract
from s2s.errors import UserError

MEMBERS = {"training/a.en": b"one\ntwo\n", "training/a.fr.gz": gzip.compress(b"un\ndeux\n", mtime=0), "b.de": b"eins\n"}


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def tgz(path: Path, members: dict[str, bytes]) -> Path:
    return tar(path, members, "w:gz")


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def special(path: Path, name: str, **fields: object) -> Path:
    """Write a tar archive with a single, unusual member, such as a link, and return its path."""
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(info, field, value)
        archive.addfile(info)
    return path


Packer = Callable[[Path, dict[str, bytes]], Path]
PACKERS = pytest.mark.parametrize("pack", [tar, tgz, zipped])


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@PACKERS
def test_wanted_members_come_out_as_they_are_whatever_the_archive_is_called(pack: Packer, tmp_path: Path) -> None:
    archive = pack(tmp_path / "text.doc", MEMBERS)
    extract(archive, {"training/a.en": tmp_path / "x", "training/a.fr.gz": tmp_path / "y"})
    assert (tmp_path / "x").read_bytes() == MEMBERS["training/a.en"]
    assert (tmp_path / "y").read_bytes() == MEMBERS["training/a.fr.gz"]
    assert below(tmp_path) == ["text.doc", "x", "y"]


def test_members_below_a_dot_are_known_without_it(tmp_path: Path) -> None:
    extract(tgz(tmp_path / "a.tgz", {"./training/a.en": b"one\n"}), {"training/a.en": tmp_path / "x"})
    assert (tmp_path / "x").read_bytes() == b"one\n"


def test_gzip_of_several_parts_is_read_to_its_end(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar", MEMBERS).read_bytes()
    (tmp_path / "a.tgz").write_bytes(gzip.compress(whole[:700]) + gzip.compress(whole[700:]))
    extract(tmp_path / "a.tgz", {"b.de": tmp_path / "x"})
    assert (tmp_path / "x").read_bytes() == b"eins\n"


@PACKERS
def test_a_missing_member_is_named(pack: Packer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a.x: found no member training/a.es; expected it in the archive"):
        extract(pack(tmp_path / "a.x", MEMBERS), {"training/a.es": tmp_path / "x"})


@PACKERS
@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_truncated_archive_is_named(share: float, pack: Packer, tmp_path: Path) -> None:
    noise = bytes(hash((n, 1)) % 251 for n in range(200_000))
    archive = pack(tmp_path / "a.x", {"a": noise, "b": noise[::-1]})
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])
    with pytest.raises(UserError, match=r"a.x: damaged \(.+\); expected a whole tar, tar.gz or zip"):
        extract(archive, {"b": tmp_path / "x"})


@pytest.mark.parametrize("content", [b"", b"plain text\n" * 100, gzip.compress(b"plain text\n", mtime=0)])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tgz").write_bytes(content)
    with pytest.raises(UserError, match=r"a.tgz: damaged \(.+\); expected a whole tar, tar.gz or zip"):
        extract(tmp_path / "a.tgz", {"b": tmp_path / "x"})


@PACKERS
@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "a/../../outside"])
def test_members_that_lead_out_are_refused_when_wanted_and_passed_over_otherwise(
    name: str, pack: Packer, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    archive = pack(tmp_path / "in" / "a.x", {name: b"evil", "a.en": b"one\n"})
    with pytest.raises(UserError, match=r"a.x: found member .*outside, which leads out of the archive; expected a nam"):
        extract(archive, {name: tmp_path / "in" / "x"})
    extract(archive, {"a.en": tmp_path / "in" / "x"})
    assert below(tmp_path) == ["in/a.x", "in/x"]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "link to /etc/passwd"),
        ({"type": tarfile.LNKTYPE, "linkname": "../secret"}, "link to ../secret"),
        ({"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}, "device"),
        ({"type": tarfile.FIFOTYPE}, "device"),
        ({"type": tarfile.DIRTYPE}, "folder"),
    ],
)
def test_links_and_devices_are_refused(fields: dict[str, object], kind: str, tmp_path: Path) -> None:
    archive = special(tmp_path / "a.tar", "a.en", **fields)
    with pytest.raises(UserError, match=rf"a.tar: found member a.en, which is a {kind}; expected a file"):
        extract(archive, {"a.en": tmp_path / "x"})
    assert below(tmp_path) == ["a.tar"]


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("a.en")
    member.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(UserError, match=r"a.zip: found member a.en, which is a link; expected a file"):
        extract(tmp_path / "a.zip", {"a.en": tmp_path / "x"})


def pax(**headers: str) -> bytes:
    """Return a tar archive whose only member has extended headers; two underscores of a name become a point."""
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.en")
        info.size, info.pax_headers = 4, {name.replace("__", "."): value for name, value in headers.items()}
        archive.addfile(info, io.BytesIO(b"one\n"))
    return file.getvalue()


def header(content: bytes, kind: bytes = tarfile.XHDTYPE, times: int = 1) -> bytes:
    """Return a tar archive that starts with headers of some content."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, len(content)
    return (info.tobuf(tarfile.USTAR_FORMAT) + content + b"\0" * (-len(content) % 512)) * times + pax()


def zip_with(changes: dict[int, bytes], name: str = "a.en") -> bytes:
    """Return a zip archive of a text with changed fields of its entry in the central directory, by their place."""
    with zipfile.ZipFile(file := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"one\n")
    content = bytearray(file.getvalue())
    entry = content.index(b"PK\1\2")
    for place, value in changes.items():
        content[entry + place : entry + place + len(value)] = value
    return bytes(content)


SPARSE = "found member a.en, which is a file with holes; expected a file"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pax(GNU__sparse__map="0,1", GNU__sparse__size="10"), SPARSE),
        (pax(GNU__sparse__map="0,-5,-9,3", GNU__sparse__size="-10"), SPARSE),
        (pax(GNU__sparse__map="a,b", GNU__sparse__size="10"), "damaged (invalid literal for int()"),
        (pax(GNU__sparse__map="0,1", GNU__sparse__size="9" * 5000), "damaged (Exceeds the limit (4300 digits)"),
        (pax(GNU__sparse__major="1", GNU__sparse__minor="0", GNU__sparse__realsize="9"), "damaged (invalid literal"),
        (pax(size="-5"), "found member a.en, which is a file of negative size; expected a file"),
        (pax(size="9" * 25), "found 9,999,999,999,999,999,999,999,999 bytes with member a.en; expected at most"),
        (header(b"1" * 20_000), "found a header of 20,000 bytes; expected at most 16,384"),
        (header(b"a" * 20_000, tarfile.GNUTYPE_LONGNAME), "found a header of 20,000 bytes; expected at most 16,384"),
        (header(b"6 a=b\n", times=2000), "damaged (maximum recursion depth exceeded"),
        (zip_with({10: b"\x63\0"}), "found member a.en, which is compressed by method 99; expected a file"),
        (zip_with({10: b"\x0c\0"}), "damaged (Invalid data stream)"),
        (zip_with({8: b"\1\0"}), "found member a.en, which is encrypted; expected a file"),
        (zip_with({6: b"\x63"}), "damaged (zip file version 9.9)"),
        (zip_with({46: b"\xff"}, "é.en"), "damaged ('utf-8' codec can't decode byte 0xff"),
    ],
)
def test_hostile_headers_are_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.x").write_bytes(content)
    with pytest.raises(UserError) as caught:
        extract(tmp_path / "a.x", {"a.en": tmp_path / "x"})
    assert str(caught.value).startswith(f"{tmp_path}/a.x: {message}")


def test_names_that_are_no_utf8_are_passed_over(tmp_path: Path) -> None:
    info = tarfile.TarInfo("caf\udce9.fr")
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        archive.addfile(info)
        archive.addfile(tarfile.TarInfo("a.en"))
    extract(tmp_path / "a.tar", {"a.en": tmp_path / "x"})
    with pytest.raises(UserError, match=r"found no member b.en; expected it in the archive"):
        extract(tmp_path / "a.tar", {"b.en": tmp_path / "x"})


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower the size that is always allowed, so that tests need only small bombs."""
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED", 100_000)


@pytest.mark.usefixtures("strict")
def test_a_bomb_is_refused_by_its_declared_size_before_it_is_unpacked(tmp_path: Path) -> None:
    small = zipped(tmp_path / "a.zip", {"a.en": b"\0" * 3_000_000})
    with pytest.raises(UserError, match=r"a.zip: found 3,000,000 bytes with member a.en; expected at most"):
        extract(small, {"a.en": tmp_path / "x"})
    smaller = special(tmp_path / "a.tar", "a.en", size=10**12)
    with pytest.raises(UserError, match=r"a.tar: found 1,000,000,000,000 bytes with member a.en; expected at most"):
        extract(smaller, {"a.en": tmp_path / "x"})
    assert below(tmp_path) == ["a.tar", "a.zip"]


@pytest.mark.usefixtures("strict")
def test_members_count_together(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", dict.fromkeys("ab", b"\0" * 60_000))
    extract(archive, {"a": tmp_path / "x"})
    with pytest.raises(UserError, match=r"a.zip: found 120,000 bytes with member b; expected at most 100,000 from"):
        extract(archive, {"a": tmp_path / "x", "b": tmp_path / "y"})


@pytest.mark.usefixtures("strict")
def test_a_bomb_before_the_wanted_member_is_refused_too(tmp_path: Path) -> None:
    archive = tgz(tmp_path / "a.tgz", {"bomb": b"\0" * 3_000_000, "a.en": b"one\n"})
    with pytest.raises(UserError, match=r"a.tgz: found more than \d+,\d+ bytes; expected at most as many from"):
        extract(archive, {"a.en": tmp_path / "x"})


def test_a_zip_that_declares_less_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.en": b"\0" * 1_000_000})
    size = (1_000_000).to_bytes(4, "little")
    assert path.read_bytes().count(size) == 2  # in the local header and in the central directory
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(UserError, match=r"a.zip: damaged \(Bad CRC-32 for file 'a.en'\)"):
        extract(path, {"a.en": tmp_path / "x"})
    assert (tmp_path / "x").stat().st_size <= 10


def test_the_work_can_be_ended(tmp_path: Path) -> None:
    def pulse() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        extract(tgz(tmp_path / "a.tgz", MEMBERS), {"b.de": tmp_path / "x"}, pulse)

"""Reading lines of plain and gzipped text, alone and in pairs."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from s2s.errors import UserError
from s2s.text.lines import Block, blocks, lines, pairs

PACKED = gzip.compress(b"line\n" * 9, mtime=0)
TEXT = "one\rtwo\u2028three\x0b\x85four\n\nfünf\n".encode()
EXPECTED = ["one\rtwo\u2028three\x0b\x85four", "", "fünf"]


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_lines_end_at_line_feeds_alone(tmp_path: Path) -> None:
    path = put(tmp_path / "text", TEXT)
    assert list(lines(path)) == EXPECTED


def test_gzip_is_known_by_its_first_bytes_not_its_name(tmp_path: Path) -> None:
    assert list(lines(put(tmp_path / "text", gzip.compress(TEXT, mtime=0)))) == EXPECTED
    assert list(lines(put(tmp_path / "text.gz", TEXT))) == EXPECTED


def test_a_last_line_without_end_counts(tmp_path: Path) -> None:
    assert list(lines(put(tmp_path / "text", b"a\nb"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"good\nb\xe9b\xe9\n", r"text line 2: found byte 0xe9; expected UTF-8 text$"),
        ("é".encode("utf-16"), r"text line 1: found byte 0xff; expected UTF-8 text$"),
        (gzip.compress(b"good\n\xff\n", mtime=0), r"text line 2: found byte 0xff; expected UTF-8 text$"),
        (PACKED[:-12], r"text: damaged gzip \(.*\); expected a whole file$"),
        (PACKED[:-8] + bytes(8), r"text: damaged gzip \(CRC.*\); expected a whole"),
    ],
)
def test_what_is_no_utf8_text_is_refused_with_its_place(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        list(lines(put(tmp_path / "text", content)))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent: no such file; expected text, one sentence a line$"):
        list(lines(tmp_path / "absent"))


def test_pairs_are_lines_side_by_side(tmp_path: Path) -> None:
    source, target = put(tmp_path / "en", b"a\nb\n"), put(tmp_path / "fr", gzip.compress(b"c\nd\n", mtime=0))
    assert list(pairs(source, target)) == [("a", "c"), ("b", "d")]


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (b"a\nb\nc\n", b"d\n", r"en has 3 lines and .*fr has 1; expected as many of each$"),
        (b"a\n", b"d\ne\n", r"en has 1 lines and .*fr has 2; expected as many of each$"),
        (b"", b"d\ne\n", r"en: found no line; expected text, one sentence a line$"),
        (b"d\n", b"", r"fr: found no line; expected text, one sentence a line$"),
    ],
)
def test_texts_that_do_not_match_are_refused_with_both_numbers(
    source: bytes, target: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        list(pairs(put(tmp_path / "en", source), put(tmp_path / "fr", target)))


@pytest.mark.parametrize("pack", [bytes, lambda content: gzip.compress(content, mtime=0)])
def test_blocks_hold_so_many_lines_of_both_texts(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    source, target = put(tmp_path / "en", pack(b"a\nb\rB\n\nc")), put(tmp_path / "fr", pack(b"1\n2\n3\n4\n"))
    small_blocks = list(blocks(source, target, 3))
    assert small_blocks == [Block(1, b"a\nb\rB\n\n", b"1\n2\n3\n"), Block(4, b"c\n", b"4\n")]
    assert list(blocks(source, target, 4)) == [Block(1, b"a\nb\rB\n\nc\n", b"1\n2\n3\n4\n")]


def test_blocks_of_damaged_or_unequal_texts_are_refused(tmp_path: Path) -> None:
    text, cut = put(tmp_path / "en", b"line\n" * 9), put(tmp_path / "fr", PACKED[:-12])
    with pytest.raises(UserError, match=r"fr: damaged gzip \(.*\); expected a whole file$"):
        list(blocks(text, cut, 4))
    with pytest.raises(UserError, match=r"en and .*fr: found 1 and 0 lines from line 9 on; expected as many of each$"):
        list(blocks(text, put(tmp_path / "fr", b"line\n" * 8), 4))

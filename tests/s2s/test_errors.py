"""Messages that are safe to print, and the errors of reading files that become messages."""

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from s2s.errors import MOST, UserError, printable, reading

LONG = "ab" * 5000


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("a.txt: found l'été; expected “text”", "a.txt: found l'été; expected “text”"),
        ("a.txt: found\n  two\tlines;\nexpected one", "a.txt: found two lines; expected one"),
        ("a: found \x1b[31mred\x07\x00\x9b; expected b", r"a: found \x1b[31mred\x07\x00\x9b; expected b"),
        ("a: found \u202eevil\u2066\u200b\u2060; expected b", r"a: found \u202eevil\u2066\u200b\u2060; expected b"),
        ("a\udcff: found \ud800; expected b", r"a\udcff: found \ud800; expected b"),
        ("m: https://me:s3cret@host/a and ftp://me@b; expected c", "m: https://***@host/a and ftp://***@b; expected c"),
        ("mail me@host: found a://b/c@d; expected e", "mail me@host: found a://b/c@d; expected e"),
    ],
)
def test_messages_are_one_printable_line_without_credentials(message: str, line: str) -> None:
    assert str(UserError(message)) == line
    assert str(UserError(line)) == line
    assert str(pickle.loads(pickle.dumps(UserError(message)))) == line  # of a worker


@pytest.mark.parametrize("filler", [LONG, "\x1b" * 9999, "😀" * 9999, "http://me:s3cret@host/ " * 999])
@pytest.mark.parametrize("form", ["{}: found b; expected c", "a: found {}; expected c", "a: found b; expected {}"])
def test_long_parts_are_cut_and_the_others_stay(form: str, filler: str) -> None:
    line = str(UserError(form.format(filler)))
    start, end = form.split("{}")
    assert line.startswith(start) and line.endswith(end)
    assert len(line) <= len(form) + MOST and line.isprintable() and "s3cret" not in line
    assert str(UserError(line)) == line


def test_text_of_others_is_printable_in_any_line() -> None:
    assert printable("caf\u00e9 http://a:b@c/ \x1b]0;title\x07") == r"café http://***@c/ \x1b]0;title\x07"


def a_folder(path: Path) -> None:
    path.mkdir()


def a_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def a_link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (lambda path: None, "no such file"),
        (a_folder, "found a folder"),
        (a_dangling_link, "found a link to no file"),
        (a_link_to_itself, os.strerror(errno.ELOOP).lower()),
        (below_a_file, "not a directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(place: Callable[[Path], None], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "in" / "a.txt"
    path.parent.mkdir()
    place(path)
    with pytest.raises(UserError) as caught, reading(path, "text"):
        path.read_bytes()
    assert str(caught.value) == f"{path}: {reason}; expected text"


@pytest.mark.parametrize("error", [ValueError("bad"), EOFError("bad"), OSError("bad"), KeyError("bad")])
def test_a_damaged_file_is_named(error: Exception, tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"a.txt: damaged \('?bad'?\); expected text"),
        reading(tmp_path / "a.txt", "text", KeyError),
    ):
        raise error


def test_a_name_that_cannot_be_is_told(tmp_path: Path) -> None:
    for name, reason in ((LONG, "file name too long"), ("a\0b", r"damaged \(embedded null byte\)")):
        with pytest.raises(UserError, match=rf"{reason}; expected text"), reading(tmp_path / name, "text"):
            (tmp_path / name).read_bytes()


def test_an_error_about_another_file_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), reading(tmp_path / "in", "text"):
        (tmp_path / "absent" / "out").write_bytes(b"")

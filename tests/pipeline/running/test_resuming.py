"""Fingerprints of code change with the computation alone; work folders are locked, and removed if work succeeds."""

import threading
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.running import resuming
from s2s import files, model
from s2s.errors import UserError
from s2s.model import attention, interface, layers

CODE = '''"""A module."""

SCALE = 2
"""By how much."""


class Model:
    """A model."""

    width: int = 3
    """Of a layer."""

    async def run(self, x: int) -> int:
        """Run."""
        try:
            return SCALE * x  # twice
        finally:
            "done"


def name() -> str:
    """Return a name."""
    if SCALE:
        "a remark"
    return "a name"
'''


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], ModuleType]:
    def write_module(code: str) -> ModuleType:
        path = tmp_path / "model.py"
        path.write_text(code, encoding="utf-8")
        spec = spec_from_file_location("model", path)
        assert spec is not None
        return module_from_spec(spec)

    return write_module


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""\n', '"""Another text."""\n'),
        ('"""A module."""\n', ""),
        ('"""By how much."""', '"""A factor."""'),
        ('    """A model."""\n\n', '    """A kind\n    of model."""\n'),
        ('    """Of a layer."""\n', ""),
        ('"""Run."""', '"""Run the model."""'),
        ('"done"', '"finished"'),
        ('"a remark"', '"another"'),
        ("# twice", "# two times"),
        ("SCALE * x", "(SCALE  *  x)"),
    ],
)
def test_an_edited_docstring_or_comment_keeps_the_fingerprint(
    write: Callable[[str], ModuleType], old: str, new: str
) -> None:
    before = resuming.fingerprint([write(CODE)])
    assert old in CODE
    assert resuming.fingerprint([write(CODE.replace(old, new))]) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 2", "SCALE = 3"),
        ("SCALE * x", "SCALE + x"),
        ("width: int = 3", "width: int = 4"),
        ('return "a name"', 'return "another"'),
        ('return "a name"', '"a name"'),
        ("async def", "def"),
        ("if SCALE", "if not SCALE"),
    ],
)
def test_an_edited_expression_changes_the_fingerprint(write: Callable[[str], ModuleType], old: str, new: str) -> None:
    before = resuming.fingerprint([write(CODE)])
    assert old in CODE
    assert resuming.fingerprint([write(CODE.replace(old, new))]) != before


def test_values_are_in_the_fingerprint(write: Callable[[str], ModuleType]) -> None:
    module = write(CODE)
    assert resuming.fingerprint([module], {"a": 1, "b": 2}) == resuming.fingerprint([module], {"b": 2, "a": 1})
    assert resuming.fingerprint([module], {"a": 1}) != resuming.fingerprint([module], {"a": 2})


def test_a_package_stands_for_all_of_its_modules() -> None:
    files = resuming.sources(Path(str(model.__file__)))
    assert {Path(str(module.__file__)) for module in (attention, layers, interface)} <= set(files)


def test_a_full_disk_is_refused_with_what_is_needed(tmp_path: Path) -> None:
    resuming.check_free(tmp_path, 1, "one byte")
    with pytest.raises(UserError, match=r"found [\d,.]+ GB free; expected 1,000,000,000.00 GB \(a corpus\)"):
        resuming.check_free(tmp_path, 10**18, "a corpus")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_unfinished_work_stays_until_it_succeeds(project: Path) -> None:
    with pytest.raises(KeyboardInterrupt), resuming.unfinished("clean", "abc") as place:
        with files.kept(place / "00000.parquet") as partial:
            partial.write_text("a block")
        raise KeyboardInterrupt
    assert list(resuming.kept()) == [Path("work/clean/abc/00000.parquet")]
    with resuming.unfinished("clean", "abc") as place:
        assert files.intact(place / "00000.parquet")
    assert not list(resuming.kept())
    assert not list((project / "work/clean").iterdir())
    assert not list((project / "work/locks").iterdir())


def test_the_second_of_two_waits_and_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = []

    def second() -> None:
        with resuming.unfinished("clean", "abc") as place:
            events.append(f"second, {place.is_dir()}")

    with resuming.unfinished("clean", "abc"):
        thread = threading.Thread(target=second)
        thread.start()
        while "waits" not in (told := capsys.readouterr().err):
            assert thread.is_alive()
        events.append("first")
    thread.join(20)
    assert events == ["first", "second, True"]
    assert told == "work/clean/abc: waits for another process that works on it\n"


def test_a_file_in_a_work_folders_place_is_told(project: Path) -> None:
    (project / "work").write_text("a file")
    with pytest.raises(UserError, match=r"^work/clean: found a file in its place; expected a folder, or nothing"):
        resuming.folder("clean")

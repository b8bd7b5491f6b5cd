"""Files of strangers: whatever stands in them, reading gives values or one short line, and soon."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.commands import sweep
from pipeline.parameters import presets, reading, yaml_reader
from pipeline.sources import catalog
from s2s.errors import UserError

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "presets/default.yaml").read_text(encoding="utf-8")
SOURCES = (ROOT / "pipeline/sources/sources.yaml").read_text(encoding="utf-8")
VALUES = [
    "", "~", "true", "-1", "1e999", ".nan", "-.inf", "9" * 400, "0x" + "f" * 4000, "9" * 5000, "2020-13-45",
    "2020-01-01", "2001-12-14t21:59:43.10-05:00",
    '"\\e[31mred\\a"', '"\\ud800"', '"\\0"', '"\\u202e\\u2028\\x85"', "x" * 300,
    "a/" + "x" * 256, "é/" * 3000, "$(touch x) a", "'it''s'", "-x", "[]", "{}", "[[[1]]]", "{a: {b: [1, 2]}}", "&a [1]",
    "*a", "*nobody", "!!python/name:os.system x", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]", "!!binary AAAA",
    "!!int x", "!!float x", "!!timestamp x", "!!bool x", "!mine x", "|\n    a", ">-\n    a", "? a", "? [a, b]\n  : c",
    "? {a: b}\n  : c", "<<: {a: 1}", "- a", ": ", "%YAML 1.1", "---", "...", "@", "`", "\t", "\x1b[2J", "\ufeff",
    "\x85", "# a", "'", '"', "{", "[",
]  # fmt: skip
"""Text of YAML that a person or a stranger may write in a value's place."""


def mutated(text: str, draw: random.Random) -> str:
    """Return a text with one to three random changes."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(text))
        if draw.random() < 0.2:
            text = text[:start] + draw.choice(VALUES) + text[start + draw.randrange(40) :]
        else:
            lines = text.split("\n")
            place = draw.randrange(len(lines))
            lines[place] = changed(lines[place], draw.choice(lines), draw)
            text = "\n".join(lines)
    return text


def changed(line: str, other: str, draw: random.Random) -> str:
    """Return a line with another value, key or indent, twice, or followed by another line."""
    key, colon, value = line.partition(":")
    changes = [f"{key}{colon} {draw.choice(VALUES)}"] * 2 + [f"  {draw.choice(VALUES)}{colon}{value}"]
    changes += [f"{line}\n{line}", f"{line}\n{other}", draw.choice(["", " ", "    ", "- "]) + line.strip()]
    return draw.choice(changes)


def message(read: Callable[[], object]) -> str:
    """Return the message of a refusal, or "" if a file is taken."""
    try:
        read()
    except UserError as error:
        return str(error)
    return ""


def mistold(read: Callable[[], object]) -> bool:
    """Return True if a refusal is not one short line that a terminal shows as it is."""
    told = message(read)
    return len(told) > 400 or not told.isprintable()


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("probes", "presets"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("seed", range(2))
def test_any_parameter_file_is_valid_or_refused_in_one_line(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(20):
        text = mutated(TEXT, draw)
        assert not mistold(lambda: reading.parse(text, "params.yaml")), text  # noqa: B023


def test_any_catalog_is_valid_or_refused_in_one_line() -> None:
    draw = random.Random(5)
    for _ in range(20):
        Path("sources.yaml").write_bytes(mutated(SOURCES, draw).encode("utf-8", "surrogatepass"))
        assert not mistold(lambda: catalog.read(Path("sources.yaml")))


def test_any_preset_is_taken_or_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "FOLDER", Path("mine"))
    Path("mine").mkdir()
    Path("mine/default.yaml").write_text(TEXT, encoding="utf-8")
    draw = random.Random(6)
    for _ in range(20):
        Path("params.yaml").write_text(mutated(TEXT, draw), encoding="utf-8")
        Path("mine/other.yaml").write_text("# other\n" + mutated("model: {layers: 2}\ntrain:\n  epochs: 1.0\n", draw))
        assert not mistold(lambda: (presets.merged("other", Path("mine")), presets.lay("other")))


@pytest.mark.parametrize("value", VALUES)
def test_any_value_of_a_sweep_is_taken_or_refused_in_one_line(value: str) -> None:
    Path("params.yaml").write_text(TEXT, encoding="utf-8")
    assert not mistold(lambda: sweep.main([f"layers={value}"], dry_run=True))
    assert not mistold(lambda: sweep.main(["layers=2"], seeds=value, base=value, dry_run=True))


LARGE = {
    "runs": TEXT.replace("runs:\n", "runs:\n" + "".join(f"  r{number}: {{beam: 1}}\n" for number in range(9_000))),
    "a list": TEXT + "x: [" + "1," * 100_000 + "]",
    "keys in braces": TEXT + "x: {" + ",".join(f"k{number}: 1" for number in range(20_000)) + "}",
    "anchors": TEXT + "".join(f"k{number}: &a{number} 1\n" for number in range(10_000)),
    "aliases": TEXT + "x: &a 1\ny: [" + "*a," * 50_000 + "]",
    "brackets": TEXT + "x: " + "[" * 3_000,
    "aliases in a chain": "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{x: *a{n - 1}}}\n" for n in range(1, 2_000)),
    "one line": TEXT + "x: " + "a" * 80_000_000,
    "one text": TEXT + "x: |\n" + " a\n" * 50_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_file_is_refused_soon(name: str) -> None:
    start = time.process_time()
    assert not mistold(lambda: reading.parse(LARGE[name], "params.yaml"))
    assert time.process_time() - start < 3  # a second here; slower machines are allowed more


def pipe(path: Path) -> None:
    os.mkfifo(path)


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 3 * 2**30)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda path: None, "no such file; expected a parameter file, see presets/default.yaml"),
    "a folder": (lambda path: path.mkdir(), "found a folder; expected a parameter file"),
    "a pipe": (pipe, "found a pipe or device; expected a parameter file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "found a pipe or device; expected a parameter file"),
    "a link to nothing": (lambda path: path.symlink_to("none"), "found a link to no file; expected a parameter file"),
    "a link to itself": (lambda path: path.symlink_to(path), "too many levels of symbolic links; expected a parameter"),
    "UTF-16": (lambda path: path.write_text(TEXT, encoding="utf-16"), "found byte 0xff at 0; expected UTF-8"),
    "Latin-1": (lambda path: path.write_bytes(b"a: \xe9"), "found byte 0xe9 at 3; expected UTF-8"),
    "NUL": (lambda path: path.write_bytes(TEXT.encode() + b"\0"), "not YAML: unacceptable character #x0000"),
    "gigabytes": (sparse, "found 3,221,225,472 bytes; expected at most 1,000,000"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_text_is_named(name: str, tmp_path: Path) -> None:
    make, wanted = FILES[name]
    make(tmp_path / "params.yaml")
    told = message(lambda: reading.read(Path("params.yaml")))
    assert told.startswith("params.yaml: ") and wanted in told
    if name != "no file":
        (tmp_path / "mine").mkdir()
        make(tmp_path / "mine" / "other.yaml")
        assert message(lambda: presets.names(Path("mine"))).startswith("mine/other.yaml: ") or name == "NUL"
        assert message(lambda: catalog.read(Path("mine/other.yaml"))).startswith("mine/other.yaml: ")


PATHS = {
    "download.files.train_source": {"download": {"source": "files"}},
    "embeddings.probes": {},
    "first_passes.single": {},
    "train.source_embeddings": {},
    "train.initial_weights": {},
    "train.resume_from": {},
}


@pytest.mark.parametrize("path", ["a/" + "x" * 256 + "/b", "é" * 128, "a\0b", "\ud800", "params.yaml/a", "a/" * 2047])
@pytest.mark.parametrize("place", PATHS)
def test_a_path_that_cannot_be_is_refused(place: str, path: str) -> None:
    values = yaml.safe_load(TEXT)
    for section, changes in PATHS[place].items():
        values[section] |= changes
    *sections, key = place.split(".")
    inner = values
    for section in sections:
        inner = inner[section]
    inner[key] = path
    Path("params.yaml").touch()
    reader = yaml_reader.load
    try:
        yaml_reader.load = lambda text, place: values
        told = message(lambda: reading.parse("", "params.yaml"))
    finally:
        yaml_reader.load = reader
    assert place in told and "found" in told and told.isprintable()

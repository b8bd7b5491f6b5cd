"""Adding entries to a parameter file leaves all its other bytes unchanged."""

import pytest

from pipeline.parameters import editing
from pipeline.parameters.yaml_reader import load
from s2s.errors import UserError

ENTRIES = {"b-2": {"model": {"layers": 2}}, "c": {}}
LINES = "b-2: {model: {layers: 2}}", "c: {}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# all\nruns:\n  a: {}   # b\n\n# next\nc: 1\n", "# all\nruns:\n  a: {}   # b\n  %s\n  %s\n\n# next\nc: 1\n"),
        ("runs:\n   a:\n      x: 1 # y\n   # z\nw: 1\n", "runs:\n   a:\n      x: 1 # y\n   %s\n   %s\n   # z\nw: 1\n"),
        ("runs:\n  a:\n  - 1\n  - {x: 2}\nlast: 1", "runs:\n  a:\n  - 1\n  - {x: 2}\n  %s\n  %s\nlast: 1"),
        ("last: 1\nruns:\n  a: 'é # no comment'", "last: 1\nruns:\n  a: 'é # no comment'\n  %s\n  %s\n"),
        ("runs: {a: {x: 1}} # in a line\nlast: 1\n", "runs: {a: {x: 1}, %s, %s} # in a line\nlast: 1\n"),
        ("runs: {}\nlast: 1\n", "runs: {%s, %s}\nlast: 1\n"),
        ("runs: {\n  a: 1, # one\n}\nlast: 1\n", "runs: {\n  a: 1, # one\n%s, %s}\nlast: 1\n"),
    ],
)  # fmt: skip
def test_entries_come_last_and_all_else_stays(before: str, after: str) -> None:
    changed = editing.insert(before, "runs", ENTRIES)
    assert changed == after % LINES
    assert load(changed, "") == load(before, "") | {"runs": load(before, "")["runs"] | ENTRIES}


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
@pytest.mark.parametrize(
    "text", ["# all\nruns:\n  a: {}   # b\n\n# next\nc: 1\n", "last: 1\nruns:\n  a: 1", "runs: {}\nc: 1\n"]
)
def test_line_ends_stay(text: str, newline: str) -> None:
    wanted = editing.insert(text, "runs", ENTRIES).replace("\n", newline)
    assert editing.insert(text.replace("\n", newline), "runs", ENTRIES) == wanted


def test_nothing_to_add_changes_nothing() -> None:
    assert editing.insert("runs: {}\n", "runs", {}) == "runs: {}\n"


@pytest.mark.parametrize("text", ["x: &x {a: 1}\nruns: *x\n", "x: &x {c: 1}\nruns:\n  a: *x\nlast: 1\n"])
def test_what_cannot_be_added_to_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="runs: found a map that cannot be added to; expected one written without"):
        editing.insert(text, "runs", ENTRIES)


@pytest.mark.parametrize(
    "value", [1e-05, 4e20, 0.1, True, "no", "4e-3", "0o10", "a: b", "é", "a\nb", "", {"x": {}}, 2**40]
)
def test_values_are_read_as_they_were_written(value: object) -> None:
    assert load(editing.entry("key", value), "") == {"key": value}

"""Outputs that are declared no more are found, and files of the user are left."""

from pathlib import Path

import pytest

from pipeline import leftovers

CACHE = f"/cache/files/md5/ab/{'0' * 30}"
OUTS = ["models/a/1", "out/a.jsonl", "data/clean"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the outputs of three stages, leftovers of others with a 9 in their path, and files of a person."""
    monkeypatch.chdir(tmp_path)
    for path in ("models/a/1/weights", "models/a/9/weights", "models/9/1/weights", "out/a.jsonl", "out/9.jsonl"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).symlink_to(CACHE)
    for path in ("data/clean/text", "out/killed9.jsonl", "out/mine.jsonl", "models/mine/weights"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("")
    Path("out/link.jsonl").symlink_to("mine.jsonl")
    Path("../outside9").write_text("")
    lines = [
        *OUTS,
        "out/killed9.jsonl",
        "models/a/9",
        "models/9/1",
        "out/never9",
        "",
        "../outside9",
        "/etc/passwd",
        "models",
    ]
    Path("data/declared.txt").write_text("\n".join(lines))
    return tmp_path


def test_leftovers_are_outputs_of_before_and_links_into_the_cache(workspace: Path) -> None:
    found = leftovers.find(OUTS)
    assert sorted(map(str, found)) == ["models/9/1", "models/a/9", "out/9.jsonl", "out/killed9.jsonl"]
    for path in found:
        leftovers.remove(path)
    assert leftovers.find(OUTS) == []
    kept = {str(path) for path in Path().rglob("*")}
    assert not {path for path in kept if "9" in path}, "folders that are empty then are removed too"
    assert {"out/mine.jsonl", "out/link.jsonl", "models/mine/weights", "models/a/1/weights", "out/a.jsonl"} <= kept

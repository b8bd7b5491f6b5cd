"""The clean stage: rules, repairs, selection, the ledger, and interrupted runs."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.parameters import reading
from pipeline.parameters.sections import Clean
from pipeline.schemas.data import records
from pipeline.schemas.data.pairs import HELD_OUT as SCORED_SPLITS
from pipeline.schemas.data.pairs import PAIRS as PAIRS_SCHEMA
from pipeline.schemas.data.pairs import SPLITS, read_column, shards
from pipeline.schemas.data.raw import MANIFEST, Manifest, RawCorpus
from pipeline.stages.clean import __main__ as clean
from pipeline.stages.clean import rules
from pipeline.stages.clean.rules import Cleaner
from s2s.errors import UserError
from tests.support import project

SETTINGS: dict[str, Any] = {
    "normalize_punctuation": True,
    "lowercase": False,
    "max_words": 6,
    "max_length_ratio": 2.0,
    "max_word_characters": 20,
    "drop_copies": False,
    "drop_held_out": False,
    "drop_other_languages": False,
    "drop_duplicates": True,
    "selection": {},
    "max_loss": 100.0,
}
EVERY: dict[str, Any] = {"drop_copies": True, "drop_held_out": True, "drop_other_languages": True, "max_words": 40}
GOOD = [("The dog’s  bone.", "L’os du\u00a0chien.")]
HELD_OUT = [("Held out.", "À part.")]
TOKENS = ("The dog's bone.", "L'os du chien.", "The dog 's bone .", "L' os du chien .")
Pairs = Sequence[tuple[str | bytes, str | bytes]]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(path: Path, texts: Iterable[str | bytes]) -> None:
    """Write a raw text file, one text per line."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join((text.encode() if isinstance(text, str) else text) + b"\n" for text in texts))


def run(
    folder: Path,
    train: Mapping[str, Pairs],
    dev: Pairs = HELD_OUT,
    test: Pairs = HELD_OUT,
    tokenized: bool = False,
    **settings: Any,
) -> dict[str, Any]:
    """Run the stage on corpora given as pairs, and return its report."""
    project.write_parameters(folder, clean=SETTINGS | settings)
    splits: dict[str, list[RawCorpus]] = {}
    for split, corpora in {"train": train, "dev": {"held": dev}, "test": {"held": test}}.items():
        for name, pairs in corpora.items():
            in_tokens = tokenized and split == "train"
            corpus = RawCorpus(name, f"{split}-{name}.en", f"{split}-{name}.fr", len(pairs), in_tokens)
            for number, file in enumerate((corpus.source, corpus.target)):
                put(folder / "raw" / file, (pair[number] for pair in pairs))
            splits.setdefault(split, []).append(corpus)
    records.write(folder / "raw" / MANIFEST, Manifest("files", "en", "fr", splits))
    return again(folder)


def again(folder: Path) -> dict[str, Any]:
    """Run the stage on the raw text as it is, and return its report."""
    clean.main(folder / "raw", folder / "clean", folder / "cleaning.json", folder / "cleaning.csv")
    report: dict[str, Any] = json.loads((folder / "cleaning.json").read_text())
    return report


def names(report: dict[str, Any]) -> list[str]:
    return [rule["rule"] for rule in report["rules"]]


def column(folder: Path, split: str, name: str) -> list[Any]:
    return [text for path in shards(folder / "clean", split) for text in read_column(path, name)]


def rows(folder: Path, split: str) -> list[tuple[Any, ...]]:
    return list(zip(*(column(folder, split, name) for name in PAIRS_SCHEMA.names), strict=True))


def outputs(folder: Path) -> dict[str, bytes]:
    paths = [*sorted((folder / "clean").rglob("*.parquet")), folder / "cleaning.json", folder / "cleaning.csv"]
    return {str(path): path.read_bytes() for path in paths}


def test_text_is_normalized_and_tokenized_in_both_languages(workspace: Path) -> None:
    run(workspace, {"a": GOOD}, dev=GOOD, test=GOOD)
    for split in SPLITS:
        assert rows(workspace, split) == [(0, *TOKENS)]


def test_what_is_scored_against_is_the_target_as_it_came(workspace: Path) -> None:
    typed = "«\u202fL’os\u202f»  du\u00a0Chien\u200b,\u202f5\u202f000"
    run(workspace, {"a": GOOD}, dev=[("A dog.", typed)], test=[("A dog.", f" {typed} \r")], lowercase=True)
    assert [column(workspace, split, "reference") for split in SCORED_SPLITS] == [[typed], [f" {typed}"]]
    assert column(workspace, "test", "reference_tokens") == ["« L ’ os » du Chien \u200b , 5 000"]
    assert column(workspace, "test", "target") == ['"l\'os" du chien, 5 000']


def test_what_is_scored_against_is_plain_where_the_text_came_in_tokens() -> None:
    cleaner = Cleaner(Clean(**SETTINGS), ("en", "fr"), tokenized=True)
    assert cleaner.reference("L&apos; os “ d&apos; or .") == ("L'os “d'or.", "L' os “ d' or .")


def test_punctuation_is_normalized_and_case_lost_only_on_demand(workspace: Path) -> None:
    run(workspace, {"a": GOOD}, normalize_punctuation=False, lowercase=True)
    assert column(workspace, "train", "source") == ["the dog’s bone."]


FIVE_THOUSAND = "word " * 5000
GERMAN = "Die Abgeordneten haben gestern über den Haushalt des kommenden Jahres gesprochen und abgestimmt ."


@pytest.mark.parametrize(
    ("pair", "rule", "settings"),
    [
        (("", "mot"), "empty", {}),
        (("word", " \u00a0\u200b"), "empty", {}),
        ((b"caf\xe9", "café"), "not_utf8", {}),
        (("caf\u00e9", b"caf\xc3"), "not_utf8", {}),
        (("a b c d e f g", "a b c d"), "too_long", {}),
        (("a b c d e f", "a b c d e f !"), "too_long", {}),
        ((FIVE_THOUSAND, FIVE_THOUSAND), "too_long", {}),
        (("a b c d e", "a b"), "ratio", {}),
        (("a", "a b !"), "ratio", {}),
        (("a b c d", "a b"), "out", {}),
        (("a b c d e f", "a b c"), "out", {}),
        (("a" * 21, "a"), "long_word", {}),
        (("a" * 20, "a"), "out", {}),
        (("The same.", "The  same."), "copy", EVERY),
        (("The same.", "The  same."), "out", {}),
        (('He said "yes", twice', 'He said "yes", twice'), "copy", EVERY),
        (('The "end".', 'The \u200b"end".\r'), "copy", EVERY),
        (("5\u00a0000 men", "5\u202f000 men"), "copy", EVERY),
        (("a “curly” one", 'a "curly" one'), "copy", EVERY),
        (("The Same", "the same"), "out", EVERY),
        (("The Same", "the same"), "copy", EVERY | {"lowercase": True}),
        (("Held  out.", "À part."), "held_out", EVERY),
        (("Held  out.", "À part."), "out", {}),
        ((GERMAN, "Les députés ont parlé hier du budget de l'année prochaine et ont voté ."), "other_language", EVERY),
        ((GERMAN, "Les députés ont parlé hier du budget de l'année."), "out", {"max_words": 40}),
        (GOOD[0], "duplicate", EVERY),
        (("The\u00a0dog's bone.", "L'os du chien."), "duplicate", {}),
        (GOOD[0], "out", {"drop_duplicates": False}),
    ],
)
def test_the_rule_that_a_training_pair_breaks(
    pair: tuple[str | bytes, str | bytes], rule: str, settings: dict[str, Any], workspace: Path
) -> None:
    report = run(workspace, {"a": [*GOOD, pair]}, **settings)
    counts = Counter(dict.fromkeys(names(report), 0) | {"in": 2, "out": 1})
    counts[rule] += 1
    assert report["ledger"]["a"] == counts
    shown = report["examples"].get(rule, [])
    assert [(example["corpus"], example["line"]) for example in shown] == [("a", 2)] * (rule != "out")


@pytest.mark.parametrize("odd", ["\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\x1c"])
def test_lines_end_at_line_feeds_alone_and_stay_aligned(odd: str, workspace: Path) -> None:
    report = run(workspace, {"a": [(f"one{odd}two", "un deux"), ("three", "trois")]})
    assert column(workspace, "train", "source") == ["one two", "three"]
    assert column(workspace, "train", "target") == ["un deux", "trois"]
    assert sum(report["repairs"]["a"].values()) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("one\u2028two", "separators"),
        ("soft\u00adhyphen", "invisible"),
        ("e\u0301te\u0301", "not_nfc"),
        ("a\x01b", "control"),
    ],
)
def test_repairs_are_counted_and_shown(text: str, kind: str, workspace: Path) -> None:
    report = run(workspace, {"a": [*GOOD, (text, "un deux")]})
    assert report["repairs"]["a"] == {name: int(name == kind) for name in report["repairs"]["a"]}
    assert report["examples"][kind] == [{"corpus": "a", "line": 2, "source": text, "target": "un deux"}]


def test_the_ledger_accounts_for_every_pair_of_every_corpus(workspace: Path) -> None:
    first = [*GOOD, ("x", "y"), ("x", "z"), ("x ", "y"), ("", ""), ("a b c d e", "a b")]
    second = [("x", "y"), ("new", "neuf")]
    report = run(workspace, {"one": first, "two": second})
    assert report["splits"] == {"train": 4, "dev": 1, "test": 1}
    first_row, second_row = report["ledger"]["one"], report["ledger"]["two"]
    none = dict.fromkeys(names(report), 0)
    assert first_row == none | {"in": 6, "out": 3, "empty": 1, "ratio": 1, "duplicate": 1}
    assert second_row == none | {"in": 2, "out": 1, "duplicate": 1}
    assert column(workspace, "train", "target") == [TOKENS[1], "y", "z", "neuf"]
    assert column(workspace, "train", "id") == [0, 1, 2, 3]
    table = (workspace / "cleaning.csv").read_text().splitlines()
    assert table[0].startswith("corpus,in,out,not_utf8,empty,too_long,ratio,long_word,duplicate,repaired_")
    assert table[2].startswith("two,2,1,0,0,0,0,0,1,")


def test_rules_that_are_off_are_not_in_the_ledger(workspace: Path) -> None:
    off = names(run(workspace, {"a": GOOD}, drop_duplicates=False))
    assert off == ["not_utf8", "empty", "too_long", "ratio", "long_word"]
    on = names(run(workspace, {"a": GOOD}, **EVERY, selection={"a": 100.0}))
    assert {*on} - {*off} == {"copy", "held_out", "other_language", "duplicate", "selection"}


def test_three_examples_of_a_rule_are_enough(workspace: Path) -> None:
    report = run(workspace, {"a": GOOD, "b": [("", f"{n}") for n in range(2)], "c": [("", f"{n}") for n in range(9)]})
    shown = report["examples"]["empty"]
    assert [(example["corpus"], example["line"]) for example in shown] == [("b", 1), ("b", 2), ("c", 1)]


def test_text_that_comes_in_tokens_is_put_together_first(workspace: Path) -> None:
    run(workspace, {"a": [("The dog &apos;s bone .", "L&apos; os du chien .")]}, tokenized=True)
    assert rows(workspace, "train") == [(0, *TOKENS)]


def test_selection_keeps_what_is_like_the_development_set(workspace: Path) -> None:
    near = [(f"the dog sees the cat {n}", f"le chien voit le chat {n}") for n in range(40)]
    far = [(f"stocks fell by {n} points", f"les actions perdent {n} points") for n in range(40)]
    dev = [("the dog eats", "le chien mange"), ("a cat sees the dog", "un chat voit le chien")] * 9
    mixed = [pair for both in zip(near, far, strict=True) for pair in both]
    report = run(workspace, {"a": mixed, "whole": [("x", "y")]}, dev=dev, selection={"a": 50.0})
    assert {text.split()[0] for text in column(workspace, "train", "source")} == {"the", "x"}
    assert report["ledger"]["whole"]["selection"] == 0
    assert report["ledger"]["a"]["in"] == report["ledger"]["a"]["out"] + report["ledger"]["a"]["selection"] == 80


def test_selecting_from_an_unknown_corpus_is_refused(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"clean.selection: found un; expected some of a, b$"):
        run(workspace, {"a": GOOD, "b": GOOD}, selection={"un": 34.0})


def test_selection_works_with_a_development_set_shorter_than_a_training_pair(workspace: Path) -> None:
    train = [(f"one two three four {number}", f"un deux trois quatre {number}") for number in range(20)]
    report = run(workspace, {"a": train}, dev=[("a", "b")], selection={"a": 60.0})
    assert report["ledger"]["a"]["selection"] == 8


LATIN = [(f"name {number}", f"pr\xe9nom {number}".encode("latin-1")) for number in range(6)]


def test_a_rule_that_drops_much_of_a_corpus_is_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [*[(f"{number}", f"{number} x") for number in range(19)], ("", "x")]  # 5 %
    report = run(workspace, {"a": [*GOOD, *LATIN], "b": few, "c": few[10:]}, selection={"b": 10.0})
    assert capsys.readouterr().out.splitlines() == [
        "clean: a: found 6 of 7 pairs dropped by not_utf8 (a side is not UTF-8), the first on line 2",
        "clean: c: found 1 of 10 pairs dropped by empty (a side holds no text), the first on line 10",
        "clean: c: found 9 of 10 pairs dropped by duplicate (the pair was kept before), the first on line 1",
    ]
    assert report["ledger"]["b"]["selection"] > 10


def test_a_rule_that_drops_more_than_the_limit_ends_the_stage(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"a: found 6 of 7 pairs dropped by not_utf8 .* expected at most 85 % \(clean"):
        run(workspace, {"a": [*GOOD, *LATIN]}, max_loss=85.0)
    monkeypatch.delattr(rules, "sift")
    project.write_parameters(workspace, clean=SETTINGS | {"max_loss": 86.0})
    assert again(workspace)["splits"]["train"] == 1  # of blocks that the first run has sifted


def test_duplicates_are_kept_on_demand(workspace: Path) -> None:
    assert run(workspace, {"a": GOOD * 3}, drop_duplicates=False)["splits"]["train"] == 3


def test_no_pair_that_is_scored_is_dropped(workspace: Path) -> None:
    dev = [("a " * 20, "b"), ("a", "b"), ("a", "b")]
    assert run(workspace, {"a": GOOD}, dev=dev)["splits"]["dev"] == 3


def test_a_scored_line_that_normalizing_empties_is_refused(workspace: Path) -> None:
    with pytest.raises(
        UserError, match=r"test-held.en or test-held.fr line 2: found no text; expected some on every line"
    ):
        run(workspace, {"a": GOOD}, test=[*GOOD, ("word", "\u200b")])
    assert not (workspace / "clean").exists()
    assert not (workspace / "cleaning.json").exists()


def test_a_corpus_of_which_nothing_is_left_is_refused(workspace: Path) -> None:
    with pytest.raises(UserError, match=r"clean keep; expected some of 1 \(dropped: 1 empty\)$"):
        run(workspace, {"a": [("", "")]})
    assert not (workspace / "clean").exists()


def test_raw_text_that_has_lost_lines_is_refused(workspace: Path) -> None:
    run(workspace, {"a": GOOD})
    (workspace / "raw" / "train-a.fr").write_text("un\ndeux\n")
    with pytest.raises(UserError, match=r"train-a.en and .*train-a.fr: found 1 and 2 lines from line 1 on; exp"):
        again(workspace)


PAIRS = [(f"a {number % 17}", f"b {number % 13}") for number in range(400)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make shards, parts and row groups so small that there are many."""
    monkeypatch.setattr(clean, "SHARD_PAIRS", 30)
    monkeypatch.setattr("pipeline.schemas.data.pairs.ROW_GROUP", 7)
    monkeypatch.setattr("pipeline.stages.clean.shards.PART_ROWS", 50)


@pytest.mark.usefixtures("small")
def test_the_bytes_are_the_same_whatever_the_number_of_processes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = []
    for number in ("1", "3"):
        monkeypatch.setenv("S2S_WORKERS", number)
        run(workspace, {"a": PAIRS[:190], "b": PAIRS[190:]}, selection={"b": 60.0})
        contents.append(outputs(workspace))
    assert contents[0] == contents[1]
    assert len(contents[0]) == 14 + 4


@pytest.mark.usefixtures("small")
def test_a_pair_is_kept_once_however_far_apart_its_copies_are(workspace: Path) -> None:
    run(workspace, {"a": PAIRS[:190], "b": PAIRS[190:]})
    kept = list(zip(column(workspace, "train", "source"), column(workspace, "train", "target"), strict=True))
    assert kept == list(dict.fromkeys(PAIRS))


@pytest.mark.usefixtures("small")
def test_what_was_sifted_before_an_interruption_is_not_sifted_again_unless_it_was_damaged(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(workspace, {"a": PAIRS})
    expected = outputs(workspace)
    monkeypatch.setenv("S2S_WORKERS", "1")
    sift, sifted = rules.sift, []

    def until_killed(*job: Any) -> Any:
        sifted.append(job[-1].name)
        if len(sifted) == 6:
            raise KeyboardInterrupt
        return sift(*job)

    monkeypatch.setattr(rules, "sift", until_killed)
    with pytest.raises(KeyboardInterrupt):
        again(workspace)
    place = next((workspace / "work" / "clean").iterdir())
    os.truncate(place / "00001.parquet", 200)
    (place / "00002.parquet").unlink()
    (place / "00002.parquet").symlink_to("nowhere")
    again(workspace)
    assert sifted == [f"{number:05}.parquet" for number in (0, 1, 2, 3, 4, 5, 1, 2, *range(5, 14))]
    assert [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines() if "work/clean" in line] == [
        "found other bytes than were written; expected a whole file, removes it",
        "found no file; expected a whole file, removes it",
    ]
    assert outputs(workspace) == expected
    assert not list(workspace.glob("work/clean/*"))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("change", [{"max_words": 5}, {"lowercase": True}])
def test_work_is_never_taken_up_under_other_rules(change: dict[str, Any], workspace: Path) -> None:
    run(workspace, {"a": PAIRS})
    names = []
    for settings in ({}, change):
        project.write_parameters(workspace, clean=SETTINGS | settings)
        manifest = records.read(Manifest, workspace / "raw" / MANIFEST)
        names.append(clean.fingerprint(workspace / "raw", manifest, reading.read().clean))
    assert names[0] != names[1]


def test_a_disk_without_room_is_refused_before_work_starts(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10**9))
    run(workspace, {"a": GOOD})
    (workspace / "raw" / "train-a.en").write_bytes(b"")
    os.truncate(workspace / "raw" / "train-a.en", 5 * 10**8)
    with pytest.raises(UserError, match=r"work/clean/\w+: found 1.00 GB free; expected 1.25 GB \(for clean text, a"):
        again(workspace)


def test_gzip_is_read(workspace: Path) -> None:
    run(workspace, {"a": GOOD})
    path = workspace / "raw" / "train-a.en"
    path.write_bytes(gzip.compress(path.read_bytes()))
    again(workspace)
    assert column(workspace, "train", "source") == [TOKENS[0]]


def test_words_are_counted_in_tokens() -> None:
    cleaner = Cleaner(Clean(**SETTINGS), ("en", "fr"))
    assert cleaner.clean("a, b, c, d", "a b c d") == "too_long"

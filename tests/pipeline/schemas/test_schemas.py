"""Files between stages: four formats of records, and the refusal of other contents."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.schemas.data import records
from pipeline.schemas.data.encoded import Encoded, EncodedSplit, check_vocabularies, vocabularies_of
from pipeline.schemas.data.pairs import PAIRS, SCORED, open_pairs, read_column, stream_columns, write_pairs
from pipeline.schemas.data.raw import Manifest, RawCorpus
from pipeline.schemas.data.translated import Member, Members, Translation, read_translations, write_translations
from s2s.errors import UserError

PAIR = ("A b.", "C d.", "A b .", "C d .", "C  d.", "C d .")
ENCODED = Encoded("a" * 64, "b" * 64, {"train": EncodedSplit(1, 2, 3, 0, 1)})
TRANSLATIONS = [Translation("Oui.", "Oui .", -1.5, 0), Translation("", "", -2.0, 1)]


def test_pairs_come_back_numbered_and_by_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.schemas.data.pairs.ROW_GROUP", 2)
    for name, schema in (("00001.parquet", PAIRS), ("test.parquet", SCORED)):
        path = tmp_path / name
        write_pairs(path, 7, pa.table(list(zip(PAIR, PAIR, PAIR, strict=True)), SCORED.names[1:]))
        assert open_pairs(path).schema_arrow.names == schema.names
        assert list(stream_columns(path, ["target", "id"])) == [[("C d.", 7), ("C d.", 8)], [("C d.", 9)]]
        assert read_column(path, schema.names[-2]) == [PAIR[len(schema) - 3]] * 3


def test_parquet_of_other_columns_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"x.parquet: found columns text; expected id, source, target, source_tokens, "):
        read_column(tmp_path / "x.parquet", "source")


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x.parquet: no such file; expected what the clean stage writes"):
        open_pairs(tmp_path / "x.parquet")
    (tmp_path / "x.parquet").write_text("text")
    with pytest.raises(UserError, match=r"x.parquet: damaged \(.*\); expected what the clean stage writes"):
        open_pairs(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    "record",
    [
        ENCODED,
        Manifest("demo", "en", "fr", {"train": [RawCorpus("demo", "train.en", "train.fr", 3)]}),
        Members("single", "reversed", 2, [Member(Path("models/reversed/1"), 1, "c" * 64)], {"source": "d" * 64}, None),
    ],
)
def test_records_come_back_as_they_were_written(record: object, tmp_path: Path) -> None:
    records.write(tmp_path / "record.json", record)
    assert records.read(type(record), tmp_path / "record.json") == record


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"source": "demo"}', r"manifest.json: source_language: Field required; expected what the stage before"),
        ('{"splitz": {}}', r"manifest.json: .*; expected what the stage before writes"),
        ("{", r"manifest.json: JSON: Invalid JSON: .*; expected what the stage before writes"),
        (
            '{"source": 1, "source_language": "en", "target_language": "fr", "splits": {}}',
            r"manifest.json: source: Input should be a valid string; expected",
        ),
        (
            '{"source": "demo", "source_language": "en", "target_language": "fr", "splits": {}, "more": 1}',
            r"manifest.json: more: Unexpected keyword argument; expected",
        ),
    ],
)
def test_a_record_of_another_form_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(UserError, match=message):
        records.read(Manifest, tmp_path / "manifest.json")


def test_a_missing_record_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest.json: no such file; expected what the stage before writes"):
        records.read(Manifest, tmp_path / "manifest.json")


def test_mappings_and_lists_of_records_come_back(tmp_path: Path) -> None:
    value = {"b": [EncodedSplit(1, 2, 3, 0, 1)], "a": []}
    records.write(tmp_path / "x.json", value)
    assert records.read(dict[str, list[EncodedSplit]], tmp_path / "x.json") == value


@dataclass(frozen=True)
class Row:
    name: str
    count: int
    share: float


def test_rows_of_csv_come_back_and_empty_cells_are_nan(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [Row("a, b", 1, 0.25), Row('"c"', 2, 1e-7)]
    records.write_csv(path, rows)
    assert path.read_bytes() == b'name,count,share\n"a, b",1,0.25\n"""c""",2,1e-07\n'
    assert records.read_csv(Row, path) == rows
    path.write_text("name,count,share\na,1,\n")
    assert str(records.read_csv(Row, path)[0].share) == "nan"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"x.csv: found titles nothing; expected name,count,share"),
        ("name,share\n", r"x.csv: found titles name,share; expected name,count,share"),
        ("name,count,share\na,many,0.5\n", r"x.csv line 2: count: Input should be a valid integer.*; expected what"),
        ("name,count,share\na,1,1\na,1\n", r"x.csv line 3: found 2 cells; expected 3, what the stage before writes"),
    ],
)
def test_csv_of_another_form_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        records.read_csv(Row, tmp_path / "x.csv")


def test_the_fields_of_a_record_are_its_parquet_columns() -> None:
    @dataclass(frozen=True)
    class Sifted(Row):
        digest: Annotated[int, pa.uint64()]

    kinds = {"name": pa.string(), "count": pa.int64(), "share": pa.float64(), "digest": pa.uint64()}
    assert records.schema(Sifted).equals(pa.schema([pa.field(*column, nullable=False) for column in kinds.items()]))


@pytest.mark.parametrize("name", ["encoded.json", "model.json"])
def test_vocabularies_other_than_those_wanted_are_refused(name: str, tmp_path: Path) -> None:
    records.write(tmp_path / name, ENCODED)
    wanted = {"source": "a" * 64, "target": "b" * 64}
    check_vocabularies(tmp_path, wanted)
    assert vocabularies_of(tmp_path) == wanted
    with pytest.raises(UserError, match=r"found a target vocabulary of sha256 bbbbbbbbbbbb; expected cccccccccccc"):
        check_vocabularies(tmp_path, wanted | {"target": "c" * 64})


def test_a_description_without_vocabularies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(UserError, match=r"model.json: found no source_vocabulary_sha256; expected"):
        vocabularies_of(tmp_path)


def test_translations_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write_translations(path, TRANSLATIONS)
    assert path.read_text().split("\n")[0] == (
        '{"id": 0, "log_prob": -1.5, "n_best": [], "tokens": "Oui .", "translation": "Oui.", "unknown": 0}'
    )
    rows = read_translations(path, 2)
    assert [row.translation for row in rows] == ["Oui.", ""]
    assert [row.id for row in rows] == [0, 1]


def test_translations_of_another_test_set_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write_translations(path, TRANSLATIONS)
    with pytest.raises(UserError, match=r"run.jsonl: found 2 translations; expected 3, one a test sentence"):
        read_translations(path, 3)
    path.write_text(path.read_text().replace('"id": 1', '"id": 2'))
    with pytest.raises(UserError, match=r"run.jsonl line 2: found id 2; expected 1"):
        read_translations(path, 2)
    path.write_text("{}\n")
    with pytest.raises(UserError, match=r"run.jsonl line 1: translation: Field required; expected"):
        read_translations(path, 1)

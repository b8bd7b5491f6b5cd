"""Records between stages: a dataclass names and types them, here they are written and read in four formats.

JSON holds a record, or a mapping or list of records. JSON Lines, CSV and Parquet hold one record a line or row.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from s2s import files
from s2s.errors import UserError, check, reading

EXACT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""The `__pydantic_config__` of a record: other keys than its fields are refused, and NaN, which JSON does not have."""
EARLIER_STAGE = "what the stage before writes"
PARQUET: dict[str, Any] = {"compression": "zstd", "use_dictionary": False}
"""Options of every Parquet file."""
ARROW = {int: pa.int64(), float: pa.float64(), str: pa.string()}
Record = TypeVar("Record")

adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
"""The validator of a type; making one takes longer than using it."""


def write(path: Path, value: object) -> None:
    """Write a record, or a mapping or list of records, as a JSON file with sorted keys."""
    files.write_json(path, to_jsonable_python(value))


def read(kind: type[Record], path: Path) -> Record:
    """Read a JSON file that holds one value of a type: a record, or a `dict` or `list` of records.

    Raises:
        UserError: the file is absent, or its keys or types are not those of `kind`.
    """
    return parse(kind, content_of(path), str(path))


def read_named(kind: type[Record], path: Path, names: Iterable[str]) -> dict[str, Record]:
    """Read the records of some names, in their order, from a JSON file that maps names to records.

    Raises:
        UserError: a name is missing. Further names are no error: they remain of parameters that were changed.
    """
    known = read(dict[str, kind], path)  # type: ignore[valid-type]
    for name in names:
        check(name in known, f"{path}: found no {name}; expected all that params.yaml names")
    return {name: known[name] for name in names}


def parse(kind: type[Record], content: bytes, place: str) -> Record:
    """Parse a value of a type from JSON.

    Args:
        kind: a record, or a `dict` or `list` of records.
        content: UTF-8 JSON.
        place: where it stands, for messages.

    Raises:
        UserError: `content` is not JSON, or its keys or types are not those of `kind`.
    """
    value: Record = validated(lambda: adapter(kind).validate_json(content, strict=True), place)
    return value


def validated(validate: Callable[[], Record], place: str) -> Record:
    """Return what a validation returns; its first complaint becomes a message of one line.

    Raises:
        UserError: the validation failed.
    """
    try:
        return validate()
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise UserError(f"{place}: {key}: {first['msg']}; expected {EARLIER_STAGE}") from None


def content_of(path: Path) -> bytes:
    """Read the bytes of a file that an earlier stage should have written.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    with reading(path, EARLIER_STAGE):
        return path.read_bytes()


def write_lines(path: Path, records: Iterable[object]) -> None:
    """Write a JSON Lines file: one record a line, keys sorted."""
    files.write_json_lines(path, map(to_jsonable_python, records))


def read_lines(kind: type[Record], path: Path) -> list[Record]:
    """Read a JSON Lines file.

    Raises:
        UserError: the file is absent, its end is missing, or a line is not a record of this kind.
    """
    lines = lines_of(path)
    return [parse(kind, line, f"{path} line {number}") for number, line in enumerate(lines, start=1)]


def lines_of(path: Path) -> list[bytes]:
    """Read the lines of a file without their line ends.

    Raises:
        UserError: the file is absent, or its last line has no end, so that more may be missing.
    """
    *lines, rest = content_of(path).split(b"\n")
    check(not rest, f"{path}: found no line end after the last line; expected {EARLIER_STAGE}")
    return lines


def write_csv(path: Path, rows: Iterable[object]) -> None:
    """Write a CSV file with a line of titles.

    Args:
        path: the file.
        rows: flat records, or mappings from title to value. None and NaN become empty cells.
    """
    import pandas as pd  # noqa: PLC0415  # loading takes a second, and most stages write no table

    files.write_text(path, pd.DataFrame(list(rows)).to_csv(index=False, lineterminator="\n"))


def read_csv(kind: type[Record], path: Path) -> list[Record]:
    """Read a CSV file; empty cells are NaN.

    Raises:
        UserError: the file is absent, its titles are not the fields of the record, or a cell has another type.
    """
    lines = lines_of(path)
    with reading(path, EARLIER_STAGE, csv.Error):
        titles, *rows = list(csv.reader(line.decode() for line in lines)) or [["nothing"]]
    expected = field_names(kind)
    check(titles == expected, f"{path}: found titles {','.join(titles)}; expected {','.join(expected)}")
    return [parse_row(kind, titles, row, f"{path} line {number}") for number, row in enumerate(rows, start=2)]


def parse_row(kind: type[Record], titles: Sequence[str], row: Sequence[str], place: str) -> Record:
    """Parse a record from the cells of a CSV row.

    Raises:
        UserError: the row has more or fewer cells than titles, or a cell of another type.
    """
    check(len(row) == len(titles), f"{place}: found {len(row)} cells; expected {len(titles)}, {EARLIER_STAGE}")
    cells = {title: cell or "nan" for title, cell in zip(titles, row, strict=True)}
    record: Record = validated(partial(adapter(kind).validate_strings, cells), place)
    return record


def write_parquet(path: Path, table: pa.Table, row_group_size: int | None = None) -> None:
    """Write a Parquet file.

    Args:
        path: the file.
        table: has the `schema` of a record, or columns of several records.
        row_group_size: rows that a reader has in memory at a time.
    """
    with files.naming(path), files.whole(path) as beside:
        pq.write_table(table, beside, row_group_size=row_group_size, **PARQUET)


def open_parquet(path: Path, wanted: pa.Schema | None = None, expected: str = EARLIER_STAGE) -> pq.ParquetFile:
    """Open a Parquet file.

    Args:
        path: the file.
        wanted: the schema that it must have.
        expected: what the file should be, for messages.

    Raises:
        UserError: the file is absent or not Parquet, or has other columns.
    """
    with reading(path, expected):
        file = pq.ParquetFile(path)
        found = file.schema_arrow
    if wanted is not None:
        columns = ", ".join(found.names)
        check(found.equals(wanted), f"{path}: found columns {columns}; expected {', '.join(wanted.names)}")
    return file


def read_parquet(
    path: Path, names: Sequence[str] | None = None, wanted: pa.Schema | None = None, expected: str = EARLIER_STAGE
) -> pa.Table:
    """Read some columns of a Parquet file, or all, in one thread: each processor has a worker already.

    Args:
        path: the file.
        names: of the columns.
        wanted: the schema that the file must have.
        expected: what the file should be, for messages.

    Raises:
        UserError: the file is absent, not Parquet or damaged, or has other columns.
    """
    file = open_parquet(path, wanted, expected)
    with reading(path, expected):
        table = file.read(columns=names, use_threads=False)
        table.validate(full=True)  # that all text is UTF-8
    return table


def schema(kind: type) -> pa.Schema:
    """Return the Parquet schema of a record: int64, double and string columns without missing values.

    A field that is `Annotated` with an Arrow type has that type.
    """
    hints = get_type_hints(kind, include_extras=True)
    return pa.schema([pa.field(name, arrow_type(hints[name]), nullable=False) for name in field_names(kind)])


def arrow_type(hint: Any) -> pa.DataType:
    """Return the Arrow type of a field."""
    return next((part for part in get_args(hint) if isinstance(part, pa.DataType)), None) or ARROW[hint]


def field_names(kind: Any) -> list[str]:
    """Return the names of a record's fields, which are the titles of its columns."""
    return [field.name for field in fields(kind)]

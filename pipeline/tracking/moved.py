"""Places of artifacts in an SQLite store, which MLflow writes as absolute: they follow a folder that was moved."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Columns of MLflow's tables that name a place, where its version has them."""


def follow(database: Path) -> None:
    """Let the artifacts of a database lie beside it again, if they did so before it was moved or copied.

    Experiments whose artifacts a person put elsewhere stay. A database that is damaged is left to MLflow's own message.
    """
    if not database.exists():
        return
    with suppress(sqlite3.DatabaseError):
        move(database)


def move(database: Path) -> None:
    """Write the new places into a database."""
    here = (database.parent / "mlartifacts").as_uri()
    with closing(sqlite3.connect(database, timeout=20)) as connection, connection:
        columns = {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in PLACES}
        if "artifact_location" not in columns["experiments"]:
            return  # MLflow has not made its tables yet
        rows = connection.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
        for (old,) in rows:
            if old and old != here and is_left_behind(old, database):
                for table, names in PLACES.items():
                    for name in {*names} & {*columns[table]}:
                        statement = f"UPDATE {table} SET {name} = ? || substr({name}, ?) WHERE substr({name}, 1, ?) = ?"
                        connection.execute(statement, (here, len(old) + 1, len(old), old))


def is_left_behind(place: str, database: Path) -> bool:
    """Return True for artifacts that lay beside a database of the same name, in a folder that is gone or another's."""
    folder = Path(unquote(urlsplit(place).path))
    if not place.startswith("file:///") or folder.name != "mlartifacts":
        return False
    return not folder.exists() or (
        folder.with_name(database.name).exists() and (database.parent / folder.name).exists()
    )

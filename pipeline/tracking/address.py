"""The MLflow store's address, and the user's repository, in which messages wait for it."""

import os
import re
from pathlib import Path

SERVERS = ("http://", "https://", "databricks")


def root() -> Path:
    """Return the user's repository, also when called in a temporary copy made by `dvc exp run --temp`."""
    return Path(os.environ.get("DVC_ROOT") or ".").resolve()


def uri() -> str:
    """Return the address of the store: MLFLOW_TRACKING_URI, or a database in the repository's root.

    A relative path is one from that root, because a temporary copy of the repository goes with all that lies in it.
    """
    given = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if match := re.fullmatch(r"(sqlite(?:\+\w+)?:///)(?![/:])(.+)", given):
        return f"{match[1]}{root() / match[2]}"
    if match := re.fullmatch(r"file:(?!/)(.+)", given):
        return (root() / match[1]).as_uri()
    has_scheme = re.match(r"[A-Za-z][\w+.-]*:", given) or given.startswith(SERVERS)
    return given if has_scheme else str(root() / given)


def database() -> Path | None:
    """Return the file of an SQLite store, None for any other."""
    match = re.fullmatch(r"sqlite(?:\+\w+)?:///(?!:)(.+)", uri())
    return Path(match[1]) if match else None


def artifacts() -> str | None:
    """Return the place of a new experiment's artifacts, None if a server or a folder of runs decides itself.

    MLflow would take the current folder, which may be a temporary copy of the repository.
    """
    if file := database():
        return (file.parent / "mlartifacts").as_uri()
    is_database = "://" in uri() and not uri().startswith((*SERVERS, "file:"))
    return (root() / "mlartifacts").as_uri() if is_database else None


def shown(text: str) -> str:
    """Remove user names and passwords from all addresses in a text."""
    return re.sub(r"//[^/@\s]*@", "//", text)

"""Names and values in MLflow: the tags of this project, and text in a form that every store takes."""

import hashlib
import posixpath
import re

from s2s.errors import printable

PARENT, STAGE, PROCESS, KEY = "mlflow.parentRunId", "stage", "process", "stage_key"
SENDER = "outbox"
"""Tag with the name of the folder in work/tracking/ that a run was sent from, by which it is found again."""
COMMIT, DIRTY, USER = "mlflow.source.git.commit", "git.dirty", "mlflow.user"
OUTPUT, HARDWARE, VERSION = "output.", "hardware.", "version."  # prefixes of tags
PIPELINE = "pipeline"
PACKAGE = "package"  # folder among a run's artifacts


def legal(name: str) -> str:
    """Replace what MLflow refuses in names: `train@reversed-1` becomes `train:reversed-1`."""
    plain = re.sub(r"[^\w.\- :/]", ":", name) or ":"
    if len(plain) > 250:
        plain = f"{plain[:200]}:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"
    is_path = posixpath.normpath(plain) == plain and not plain.startswith(("/", ".."))
    return plain if is_path and plain != "." else plain.replace("/", ":").replace(".", ":")


def value(text: str) -> str:
    """Return a text as a value that every store takes: printable and not too long."""
    return printable(text)[:5000]

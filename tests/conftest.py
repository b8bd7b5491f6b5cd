"""Fixtures and marks of all tests: stages record nothing, and no setting of the user reaches them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # the library's tests also run where no browser is
    from playwright.sync_api import Browser


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_TRACKING", "off")
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "S2S_MIRRORS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session", autouse=True)
def unsynced() -> Iterator[None]:
    """Let no test wait for the disk: only a power cut shows the difference."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty MLflow database, to be copied."""
    from tests.support import tracked

    base = tmp_path_factory.getbasetemp()
    return tracked.empty_database(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "no Chromium was found; install it (Debian: apt-get install chromium) to test the report page"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        # Without a sandbox of its own it also starts as root and in containers; the page is our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: "Browser") -> "Iterator[Browser]":
    """Return a browser whose pages are closed after the test, because each keeps processes alive."""
    yield chromium
    for context in chromium.contexts:
        context.close()


KINDS = ("slow", "engine", "process", "browser")
TESTS = Path(__file__).parent
PLACES = {
    TESTS / "system": "engine",
    TESTS / "pipeline" / "stages": "process",
    TESTS / "pipeline" / "tracking": "process",
}
"""Folders whose tests run pipelines, whole stages or MLflow, which takes seconds to load."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its kind, those without one as `unit`, and move files of long tests ahead.

    Workers take whole files in this order, so that none is left alone with a long file at the end.
    """
    ranks: dict[Path, int] = {}
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        for folder, kind in PLACES.items():
            if item.path.is_relative_to(folder):
                item.add_marker(kind)
        kinds = [rank for rank, kind in enumerate(KINDS) if item.get_closest_marker(kind)]
        if not kinds:
            item.add_marker("unit")
        ranks[item.path] = min([ranks.get(item.path, len(KINDS)), *kinds])
    items.sort(key=lambda item: ranks[item.path])

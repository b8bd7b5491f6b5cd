"""Open a page from disk in a real browser, and check its accessibility with axe-core."""

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page


def open_page(browser: Browser, path: Path, width: int = 1280, **settings: Any) -> Page:
    """Open a page, and fail if it requests another address or logs a message or an error."""
    page = browser.new_page(viewport={"width": width, "height": 900}, offline=True, **settings)
    page.on("request", lambda request: complaints.append(request.url) if request.url != path.as_uri() else None)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    complaints: list[str] = []
    page.goto(path.as_uri())
    assert [complaint for complaint in complaints if not complaint.startswith("data:")] == []
    return page


def barriers(page: Page) -> list[str]:
    """Return the accessibility violations that axe-core rates serious or critical, with the HTML concerned."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]}: {node['failureSummary']}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]

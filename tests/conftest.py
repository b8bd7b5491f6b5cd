"""What every test has: stages called directly record nothing, and no setting of the person who tests reaches them."""

import pytest


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S2S_TRACKING", "off")
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "S2S_MIRRORS"):
        monkeypatch.delenv(name, raising=False)

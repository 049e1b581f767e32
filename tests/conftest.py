"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' shared data folder; the test skips, with the reason, where it is absent."""
    shared = Path(os.environ.get("INGLENOOK_SHARED", ROOT.parent / "shared"))
    if not (shared / "data").is_dir():
        pytest.skip(f"no shared data folder at {shared}; set INGLENOOK_SHARED to run this test")
    return shared / "data"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder that the settings point to."""
    folder = tmp_path / "home"
    monkeypatch.setenv("INGLENOOK_HOME", str(folder))
    return folder

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _own_data_dir(monkeypatch, tmp_path):
    """No test leaves tasks in the working directory, or finds another's."""
    monkeypatch.setenv("ACOUSTICSENSE_DATA_DIR", str(tmp_path / "var"))

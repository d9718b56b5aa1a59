"""`make evaluate` runs to its end against what is served."""

import subprocess
import sys

import pytest

from tests.conftest import PROJECT
from tests.sounds import SHARED_SONGS


@pytest.mark.skipif(not SHARED_SONGS.is_dir(), reason="the shared data are not here")
def test_both_models_are_evaluated_as_served(triton):
    command = [sys.executable, "-m", "export.training.evaluate", "all"]
    options = ["--url", f"127.0.0.1:{triton.ports.grpc}", "--data", str(SHARED_SONGS.parent)]
    done = subprocess.run([*command, *options], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "| bundled network |" in done.stdout
    assert "## genre" in done.stdout
    assert "Hip-Hop" in done.stdout

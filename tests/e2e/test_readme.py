"""The README's snippets do what it says."""

import re
import subprocess
import sys

import pytest

from gateway.settings import Settings
from tests.conftest import PROJECT

READMES = {name: (PROJECT / name).read_text() for name in ("README.md", "README.zh-CN.md")}


@pytest.mark.parametrize("name", READMES)
def test_the_snippets_run_as_they_stand(name, gateway, triton, sample_mp3, tmp_path):
    direct, client = re.findall(r"```python\n(.*?)```", READMES[name], re.DOTALL)
    assert "127.0.0.1:8001" in direct and "127.0.0.1:8080" in client
    song = tmp_path / "out" / "song.mp3"
    song.parent.mkdir()
    song.write_bytes(sample_mp3)
    output = _run(direct.replace("127.0.0.1:8001", f"127.0.0.1:{triton.ports.grpc}"), tmp_path)
    assert "chorus_prob" in output
    assert re.search(r"0\.\d+:\d+:\w", output)
    output = _run(client.replace("http://127.0.0.1:8080", gateway.url), tmp_path)
    assert re.fullmatch(r"\w+\n\[\d+\.\d+, \d+\.\d+\]\n", output)


def _run(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_every_setting_is_in_its_table_and_every_link_leads_somewhere():
    settings = (PROJECT / "docs" / "settings.md").read_text()
    for name in Settings.model_fields.keys() - {"port"}:
        assert f"`ACOUSTICSENSE_{name.upper()}`" in settings
    for readme in READMES.values():
        for path in re.findall(r"(?:\]\(|src=\"|srcset=\")([^)#:\"]+)[)\"]", readme):
            assert (PROJECT / path).exists(), path


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for readme in READMES.values():
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", readme, re.MULTILINE))
        assert named and named <= targets

"""The README's snippets do what it says."""

import re
import subprocess
import sys

from gateway.settings import Settings
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text()


def test_the_triton_snippet_runs_as_it_stands(triton, sample_mp3, tmp_path):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert "127.0.0.1:8001" in snippet
    song = tmp_path / "out" / "song.mp3"
    song.parent.mkdir()
    song.write_bytes(sample_mp3)
    code = snippet.replace("127.0.0.1:8001", f"127.0.0.1:{triton.ports.grpc}")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "chorus_prob" in done.stdout
    assert re.search(r"0\.\d+:\d+:\w", done.stdout)


def test_every_setting_is_in_its_table_and_every_link_leads_somewhere():
    settings = (PROJECT / "docs" / "settings.md").read_text()
    for name in Settings.model_fields.keys() - {"port"}:
        assert f"`ACOUSTICSENSE_{name.upper()}`" in settings
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (PROJECT / path).exists(), path


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets | {"serve"}

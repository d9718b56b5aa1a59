"""What docs/sdk.md and docs/cli.md show runs, in a folder with a song, against a real gateway."""

import re
import subprocess
import sys

import pytest

from tests.client.collections_of_songs import child_environment
from tests.conftest import PROJECT
from tests.e2e.contract import KARAOKE

SDK, CLI = ((PROJECT / "docs" / f"{name}.md").read_text("utf-8") for name in ("sdk", "cli"))
SNIPPETS = re.findall(r"```python\n(.*?)```", SDK, re.DOTALL)
LINES = re.findall(r"^\$ (.*)$", CLI, re.MULTILINE)
PRINTED = [
    r"^Jazz \d\d\.\d+\n\d\d\.\d to \d\d\.\d s\n",
    r"^Jazz \[\d+\.\d+, \d+\.\d+\]$",
    r"^IllegalData 40000012 not audio",
    r"^missing\.mp3 .*No such file.*\n\{'genre_distribution': \{'Jazz': 1\}, 'total_analyzed': 1",
    r"^\{'Jazz': 1\} \['Jazz'\]\nleft out: missing\.mp3 .*\n\[\{'title': 'Take 5'.*'Blue'",
    r"^\[\d+\.\d+, \d+\.\d+\]$",
]
SHOWN = {
    "analyze song.mp3": "Jazz",
    "analyze Music": "",
    "cut": "clip.wav: 0:26 to 0:43 of song.mp3",
    "doctor": "healthy",
    "app new": "API key",
    "export": "Triton model repository",
    "serve": "usage: python -m deploy.embedded",
}


@pytest.fixture
def folder(song_file, tmp_path):
    """Where the documents' song is, and a folder of music."""
    (tmp_path / "song.mp3").write_bytes(song_file.read_bytes())
    (tmp_path / "Music").mkdir()
    (tmp_path / "Music" / "one.mp3").write_bytes(song_file.read_bytes())
    return tmp_path


def run(arguments, folder, **environment):
    return subprocess.run(
        arguments,
        cwd=folder,
        env=child_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("snippet", "printed"), list(zip(SNIPPETS, PRINTED, strict=True)), ids=range(len(PRINTED))
)
def test_a_snippet_of_the_sdk_runs_and_prints(snippet, printed, gateway, front, folder):
    assert "http://127.0.0.1:8080" in snippet
    url = front.url if "my appkey" in snippet else gateway.url
    code = snippet.replace("http://127.0.0.1:8080", url)
    for words, key in (
        ("my appkey", KARAOKE.appkey),
        ("my access key", KARAOKE.access_key),
        ("my secret key", KARAOKE.secret_key),
    ):
        code = code.replace(words, key)
    done = run([sys.executable, "-c", code], folder)
    assert done.returncode == 0, done.stderr
    assert re.search(printed, done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("line", [each for each in LINES if " listen " not in each])
def test_a_line_of_the_command_runs_and_shows(line, gateway, folder):
    (shown,) = (each for name, each in SHOWN.items() if line.startswith(f"acousticsense {name}"))
    python = f"'{sys.executable}' -m acousticsense"
    command = line.replace("acousticsense", python, 1)
    done = run(["bash", "-c", command], folder, ACOUSTICSENSE_URL=gateway.url)
    assert done.returncode == 0 or " doctor" in line, done.stderr
    assert shown in done.stdout
    if "--report" in line:
        assert (folder / "all.html").read_text("utf-8").startswith("<!doctype html>")


def test_every_command_and_every_public_name_is_documented():
    import acousticsense
    from acousticsense.command.main import app, apps

    names = [each.name or each.callback.__name__ for each in app.registered_commands]
    names += [f"app {each.name or each.callback.__name__}" for each in apps.registered_commands]
    assert {name for name in names if f"`{name}`" not in CLI} == set()
    types = {"ApiError", "Failure", "GenreScore", "Segment", "Task", "VerificationError"}
    for name in set(acousticsense.__all__) - types:
        assert name in SDK, name
    for path in re.findall(r"\]\(([^)#:]+)\)", SDK + CLI):
        assert (PROJECT / "docs" / path).exists(), path

"""The other commands, run as a user runs them."""

import os
import re
import signal
import subprocess
import sys

import pytest

from gateway.webhooks.signature import headers
from tests.client.collections_of_songs import acousticsense, begun, child_environment
from tests.conftest import PROJECT, free_ports
from tests.e2e.contract import KARAOKE
from tests.web import web

BODY = b'{"request_id": "5f0c", "top_genre": "R&B"}'
ALONE = """
import importlib, pkgutil, sys
import acousticsense
for each in pkgutil.walk_packages(acousticsense.__path__, "acousticsense."):
    if not each.name.endswith("__main__"):
        importlib.import_module(each.name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture
def listening():
    process = begun("listen", "--port", 0, "--secret", "my secret")
    url = re.search(r"http://\S+", process.stderr.readline()).group()
    yield process, url
    if process.poll() is None:
        process.kill()
        process.communicate()


def post(url, secret, now=None):
    import time

    signed = headers("5f0c", now or int(time.time()), BODY, secret)
    return web.post(f"{url}hook", content=BODY, headers=signed).status_code


def test_listen_verifies_prints_and_knows_what_it_has_seen(listening):
    process, url = listening
    assert [post(url, "my secret"), post(url, "my secret"), post(url, "another")] == [200, 200, 401]
    assert web.post(url, content=b"\xff no JSON").status_code == 401
    assert web.post(url, content=iter([b"x"])).status_code == 411
    process.send_signal(signal.SIGINT)
    told, trouble = process.communicate(timeout=60)
    assert process.returncode == 130
    assert trouble.strip() == "Stopped."
    rules = [line for line in told.splitlines() if "/hook" in line]
    assert "genuine 5f0c" in rules[0] and "seen before" not in rules[0]
    assert "genuine 5f0c, seen before" in rules[1]
    assert "refused: the signature is wrong" in rules[2]
    assert '"top_genre": "R&B"' in told
    assert "refused: the request is not signed" in told


def test_listen_takes_what_a_real_gateway_delivers(listening, front, clip):
    from acousticsense import AcousticSenseClient

    process, url = listening
    with AcousticSenseClient(front.url, KARAOKE.api_key) as client:
        task = client.submit(clip, webhook_url=url, webhook_token="my secret")
        while client.task(task).delivery == "waiting":  # bounded by the test's timeout
            pass
        assert client.task(task).delivery == "delivered"
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert f"genuine {task}" in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["listen", "--secret", "whsec_!"], "base64"),
        (["listen", "--host", "203.0.113.7"], "cannot be listened on"),
    ],
)
def test_listen_says_what_it_cannot(arguments, words):
    done = acousticsense(*arguments)
    assert done.returncode == 2
    assert words in done.stderr and "Traceback" not in done.stderr


def test_doctor_finds_a_server_and_what_is_missing(front):
    well = acousticsense("doctor", "--url", front.url, "--api-key", KARAOKE.api_key)
    assert "✓ it lets you in" in well.stdout
    assert re.search(rf"✓ {front.url} answers in \d+ ms, healthy", well.stdout)
    stranger = acousticsense("doctor", "--url", front.url)
    assert stranger.returncode == 1
    assert "✗ it lets you in: InvalidAccess" in stranger.stdout
    (port,) = free_ports(1)
    alone = acousticsense("doctor", "--url", f"http://127.0.0.1:{port}")
    assert alone.returncode == 1
    assert "✗ a server answers: nothing answers at" in alone.stdout
    assert "Traceback" not in alone.stdout + alone.stderr


def test_doctor_says_how_to_get_what_is_not_installed():
    """The packages around are hidden: -S leaves only what is named."""
    done = without_the_server("doctor")
    assert done.returncode == 1, done.stderr
    assert "✗ soundfile: pip install 'acousticsense[cut]'" in done.stdout
    assert "✗ the server's package: in a clone" in done.stdout


@pytest.mark.parametrize("command", [["serve"], ["export", "check"], ["app", "new", "karaoke"]])
def test_the_servers_commands_say_how_to_get_them(command):
    done = without_the_server(*command)
    assert done.returncode == 2
    assert "belongs to the server, which is not installed here" in done.stderr
    assert "make serve" in done.stderr


def test_cut_says_what_it_needs(clip):
    done = without_the_server("cut", clip, "-o", "x.wav")
    assert done.returncode == 2
    assert "pip install 'acousticsense[cut]'" in done.stderr


def without_the_server(*arguments):
    hide = (
        "import sys\n"
        "hidden = {'deploy', 'export', 'gateway', 'soundfile', 'onnx', 'torch'}\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in hidden: raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from acousticsense.command.main import main\n"
        "sys.exit(main())"
    )
    return subprocess.run(
        [sys.executable, "-c", hide, *map(str, arguments)],
        env=child_environment(),
        capture_output=True,
        text=True,
        cwd="/",
    )


def test_serve_export_and_app_new_run_the_servers_own_programs(tmp_path):
    for command, words in (
        (["serve", "--help"], "usage: python -m deploy.embedded"),
        (["export", "--help"], "Triton model repository"),
    ):
        done = acousticsense(*command, PYTHONPATH=f"{PROJECT / 'client'}{os.pathsep}{PROJECT}")
        assert done.returncode == 0, done.stderr
        assert words in done.stdout
    file = tmp_path / "apps.toml"
    made = acousticsense("app", "new", "karaoke", "--file", file)
    assert made.returncode == 0, made.stderr
    assert "API key" in made.stdout and 'name = "karaoke"' in file.read_text()
    assert acousticsense("app", "new").returncode == 2


def test_serve_ends_as_the_server_ends():
    done = acousticsense("serve", ACOUSTICSENSE_CORES="many")
    assert done.returncode == 2
    assert done.stderr.startswith("Cannot start: ACOUSTICSENSE_CORES is 'many'")


def test_help_teaches_by_example():
    assert "acousticsense analyze song.mp3" in acousticsense("--help").stdout
    for command in ("analyze", "cut", "listen", "doctor"):
        done = acousticsense(command, "--help")
        assert done.returncode == 0
        assert re.search(rf"^ +acousticsense {command} ", done.stdout, re.MULTILINE)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", acousticsense("--version").stdout)
    assert acousticsense("anlyze").returncode == 2


def test_the_shell_completes_commands_and_options():
    for words, found in (
        ("acousticsense an", "analyze"),
        ("acousticsense analyze --res", "--resume"),
    ):
        done = acousticsense(
            _ACOUSTICSENSE_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD=str(words.count(" ")),
        )
        assert found in done.stdout.split()
    for shell in ("bash", "zsh", "fish"):
        shown = acousticsense(
            "--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
        )
        assert "acousticsense" in shown.stdout, shown.stderr


def test_the_client_loads_nothing_that_it_does_not_depend_on():
    done = subprocess.run(
        [sys.executable, "-c", ALONE], env=child_environment(), capture_output=True, text=True
    )
    loaded = set(done.stdout.split())
    assert {"acousticsense", "httpx", "typer"} <= loaded
    assert not loaded & {
        *("audio", "deploy", "export", "gateway"),
        *("numpy", "soundfile", "fastapi", "pydantic", "starlette"),
    }

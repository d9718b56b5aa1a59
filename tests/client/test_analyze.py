"""``acousticsense analyze`` as it is run: by hand, over folders, killed in the middle."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.client.collections_of_songs import (
    acousticsense,
    begun,
    mixed_songs,
)
from tests.client.scripted import base_url, scripted
from tests.conftest import free_ports
from tests.e2e.contract import ALONE, CLIP, KARAOKE
from tests.gateway.receiver import raw, silence, status
from tests.gateway.strangers import ok
from tests.sounds import encode, tones

GOOD, BROKEN = 180, 20


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def wait_for_lines(file: Path, count: int, process) -> None:
    deadline = time.monotonic() + 120
    while not file.exists() or file.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def uploads(gateway) -> int:
    return gateway.log.read_text().count('"path": "/analyze-audio"')


def test_200_mixed_songs_survive_a_kill_in_the_middle(gateway, tmp_path):
    folder, out, report = tmp_path / "songs", tmp_path / "all.jsonl", tmp_path / "all.html"
    mixed_songs(folder, GOOD, BROKEN)
    command = ("analyze", folder, "--genre", "--out", out, "--resume", "--report", report)
    before = uploads(gateway)
    process = begun(*command, ACOUSTICSENSE_URL=gateway.url)
    wait_for_lines(out, 60, process)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    first = len(lines(out))
    assert 60 <= first < 190, "the kill did not land in the middle"
    with out.open("ab") as file:  # as a kill within a line would have left it
        file.write(b'{"source":"cut off')

    done = acousticsense(*command, ACOUSTICSENSE_URL=gateway.url)
    assert done.returncode == 1, done.stderr
    assert re.search(r"^200 songs in \d+:\d\d: ", done.stderr, re.MULTILINE)
    assert f"{GOOD} analysed, {BROKEN} failed, {first} of all were done before" in done.stderr
    entries = lines(out)
    files = [each for each in folder.rglob("*") if each.suffix != ".jpg" and each.is_file()]
    wanted = {
        hashlib.sha256(each.read_bytes()).hexdigest()
        for each in files
        if not each.name.startswith(".")
    }
    assert Counter(each["sha256"] for each in entries) == Counter(wanted)
    assert sum(each["error"] is not None for each in entries) == BROKEN
    assert all("broken" in each["source"] for each in entries if each["error"])
    in_work_when_killed = 4
    assert 200 <= uploads(gateway) - before <= 200 + in_work_when_killed
    page = report.read_text("utf-8")
    assert f"<b>{GOOD}</b>" in page and f"<b>{BROKEN}</b>" in page


def test_a_song_is_shown_with_its_genres_and_choruses(gateway, song_file):
    done = acousticsense("analyze", song_file, "--url", gateway.url)
    assert done.returncode == 0, done.stderr
    assert re.search(r"Jazz +\d\d\.\d\d %", done.stdout)
    assert done.stdout.count("chorus") == 3
    assert done.stdout.count("likeliest") == 1
    assert re.search(r"chorus +0:2\d to 0:4\d", done.stdout)
    assert done.stderr == ""


def test_several_songs_are_a_table_and_a_bad_one_is_named(gateway, song_file, clip, tmp_path):
    bad = tmp_path / "words.mp3"
    bad.write_text("words, no music")
    done = acousticsense("analyze", song_file, bad, clip, "--chorus", "--url", gateway.url)
    assert done.returncode == 1
    assert re.search(r"song\.mp3 +0:2\d to 0:4\d", done.stdout)
    assert "clip.mp3" in done.stdout and "words.mp3" not in done.stdout
    assert "words.mp3: not audio" in done.stderr
    assert "3 songs in 0:" in done.stderr and "2 analysed, 1 failed" in done.stderr
    assert "1 x IllegalData" in done.stderr


def test_urls_are_downloaded_by_the_server_and_asked_again_if_they_failed(front, tmp_path):
    out = tmp_path / "all.jsonl"
    options = ("--out", out, "--url", front.url, "--api-key", KARAOKE.api_key)
    (port,) = free_ports(1)
    dead = f"http://127.0.0.1:{port}/song.mp3"
    with scripted(raw(ok(CLIP))) as there:
        done = acousticsense("analyze", there.url, dead, *options)
        again = acousticsense("analyze", there.url, dead, *options, "--resume")
        assert len(there.calls) == 2  # genre and chorus, once
    assert (done.returncode, again.returncode) == (1, 1)
    assert "1 x FailedDownload" in done.stderr and "1 x FailedDownload" in again.stderr
    found = {each["source"]: each for each in lines(out)}
    assert found[there.url]["genre"]["top_genre"] and found[there.url]["chorus"]["thumbnail"]
    assert [each["source"] for each in lines(out)].count(dead) == 2


def test_the_same_song_under_two_names_is_sent_once(gateway, clip, tmp_path):
    (tmp_path / "copy.mp3").write_bytes(clip.read_bytes())
    out = tmp_path / "all.jsonl"
    before = uploads(gateway)
    done = acousticsense("analyze", tmp_path, "--genre", "--out", out, "--url", gateway.url)
    assert done.returncode == 0, done.stderr
    assert len(lines(out)) == 1
    assert uploads(gateway) - before == 1
    more = acousticsense("analyze", tmp_path, "--out", out, "--resume", "--url", gateway.url)
    assert more.returncode == 0, more.stderr
    assert len(lines(out)) == 2  # the choruses were not asked the first time
    assert lines(out)[1]["chorus"]["thumbnail"]


def test_refusals_of_a_busy_server_are_waited_out(front, tmp_path):
    mixed_songs(tmp_path, 6, 0)
    done = acousticsense(
        *("analyze", tmp_path, "--chorus", "--jobs", 3, "--url", front.url),
        ACOUSTICSENSE_API_KEY=ALONE.api_key,
    )
    assert done.returncode == 0, done.stderr
    assert "6 analysed, 0 failed" in done.stderr


def test_ctrl_c_ends_with_a_summary_and_the_results_so_far(gateway, tmp_path):
    folder, out = tmp_path / "songs", tmp_path / "all.jsonl"
    mixed_songs(folder, 60, 0)
    process = begun("analyze", folder, "--genre", "--out", out, "--url", gateway.url)
    wait_for_lines(out, 5, process)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.startswith("Stopped. ")
    assert "60 were asked for: with --out and --resume the same command goes on" in told
    assert "Traceback" not in told
    assert f"{len(lines(out))} songs in" in told


def test_a_server_that_goes_away_ends_the_run_and_blames_no_song(clip, tmp_path):
    """One that answered at first; the client's patience is that of the SDK, cut short here."""
    healthy = status(200, body=b'{"status": "healthy", "timestamp": "now"}')
    refused = status(
        *(503, "Retry-After: 7200"),
        body=b'{"title": "ServerBusy", "detail": "Triton is away", "code": 50000003}',
    )
    out = tmp_path / "all.jsonl"
    with scripted(healthy, refused) as there:
        done = acousticsense("analyze", clip, "--out", out, "--url", base_url(there))
    assert done.returncode == 1
    assert done.stderr.strip() == "ServerBusy: Triton is away"
    assert out.read_bytes() == b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.mp3"], "nowhere.mp3: there is no such file or folder"),
        (["."], "no song in ."),
        ([""], "an argument is empty"),
        (["ftp://example.com/x.mp3"], "only http:// and https:// are taken"),
        (["/dev/null"], "neither a file nor a folder"),
        (["x.mp3", "--report", "folder.md"], "folder.md is a folder"),
        (["x.mp3", "--out", "a.json", "--report", "./a.json"], "name two files"),
        (["x.mp3", "--out", "/dev/full"], "/dev/full is no file"),
        (["x.mp3", "--url", "http://127.0.0.1:99999"], "1 to 65535"),
        (["x.mp3", "--resume"], "name it with --out"),
        (["x.mp3", "--report", "x.pdf"], "ends with .html, .md, .json"),
        (["x.mp3", "--report", "no/x.md"], "there is no folder no"),
        (["x.mp3", "--jobs", "0"], "--jobs"),
        (["x.mp3", "--url", "localhost"], "must begin with http://"),
        (["x.mp3", "--out", "all.jsonl"], "add --resume to go on with it"),
        (["x.mp3", "--out", "all.jsonl", "--resume"], "line 1 is no result"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_begun(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "." not in arguments:
        Path("x.mp3").write_bytes(b"no music")
    Path("all.jsonl").write_text("something else\n")
    Path("folder.md").mkdir()
    done = acousticsense("analyze", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert Path("all.jsonl").read_text() == "something else\n"


def test_nobody_there_and_a_wrong_key_are_said_in_a_sentence(front, clip):
    (port,) = free_ports(1)
    done = acousticsense("analyze", clip, "--url", f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"nothing answers at http://127.0.0.1:{port}")
    done = acousticsense("analyze", clip, "--url", front.url, "--api-key", "wrong")
    assert done.returncode == 1
    words = "InvalidAccess: the API key is unknown; pass --api-key, or set ACOUSTICSENSE_API_KEY"
    assert done.stderr.strip() == words


@pytest.mark.parametrize("key", ["ключ", "ask_secret\n", " "])
def test_a_key_that_can_be_none_is_not_sent_and_not_told(clip, key):
    for command in (["analyze", clip], ["cut", clip, "-o", "clip.wav"]):
        done = acousticsense(*command, "--api-key", key)
        assert done.returncode == 2
        assert "the API key is empty, or holds" in done.stderr
        assert "ask_secret" not in done.stderr


def test_results_that_cannot_be_printed_are_told_in_a_sentence(gateway, clip):
    command = [sys.executable, "-m", "acousticsense", "analyze", str(clip), "--url", gateway.url]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert "No space left" in done.stderr and "Traceback" not in done.stderr


def test_a_name_that_is_no_unicode_stops_nothing(gateway, clip, tmp_path):
    folder = tmp_path / "songs"
    folder.mkdir()
    (folder / "ok.mp3").write_bytes(clip.read_bytes())
    strange = os.fsencode(folder) + b"/caf\xe9.wav"
    Path(os.fsdecode(strange)).write_bytes(encode(tones(2.0), "wav"))
    done = acousticsense("analyze", folder, "--out", tmp_path / "all.jsonl", "--url", gateway.url)
    assert done.returncode == 0, done.stderr
    assert len(lines(tmp_path / "all.jsonl")) == 2


@pytest.mark.parametrize("content", [b'{"songs": ["a"]}', b"OggS\0\x02" + bytes(500)])
def test_a_file_that_is_not_ours_is_not_cut_off(content, tmp_path):
    """Although its one line has no end, as one of ours that was broken off."""
    (tmp_path / "x.mp3").write_bytes(b"no music")
    other = tmp_path / "other.json"
    other.write_bytes(content)
    done = acousticsense("analyze", tmp_path / "x.mp3", "--out", other, "--resume")
    assert done.returncode == 2
    assert "line 1 is no result" in done.stderr
    assert other.read_bytes() == content


def test_silence_is_interrupted_by_ctrl_c(clip):
    healthy = status(200, body=b'{"status": "healthy", "timestamp": "now"}')
    with scripted(healthy, silence) as there:
        process = begun("analyze", clip, "--url", base_url(there))
        while len(there.calls) < 2:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.startswith("Stopped.") and "Traceback" not in told

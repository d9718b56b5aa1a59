"""The client that waits, in front of a real gateway."""

import json
import pickle
import threading

import pytest
from acousticsense import (
    AccessError,
    AcousticSenseClient,
    Analysis,
    AudioError,
    BatchProcessor,
    Chorus,
    ConflictError,
    DownloadError,
    NotFoundError,
    TaskCancelledError,
    WaitTimeoutError,
    calls,
)

from tests.client.scripted import scripted
from tests.e2e.contract import ALONE, CLIP, KARAOKE, SINGER
from tests.gateway.receiver import raw, silence, status
from tests.gateway.strangers import ok


def test_an_analysis_has_types_and_is_a_mapping_too(client, song_file):
    analysis = client.analyze_audio_file(str(song_file))
    assert isinstance(analysis, Analysis)
    assert analysis.top_genre == analysis["top_genre"] == analysis.analysis_results[0].genre
    assert analysis.get("top_confidence") == analysis.analysis_results[0]["confidence"]
    assert len(analysis["analysis_results"]) == 5
    assert set(dict(analysis)) == {
        *("request_id", "timestamp", "analysis_results", "top_genre", "top_confidence")
    }
    assert json.loads(json.dumps(analysis)) == analysis
    assert pickle.loads(pickle.dumps(analysis)) == analysis  # noqa: S301  our own


def test_a_chorus_is_found_by_path_by_bytes_and_by_url(client, song_file):
    by_path = client.find_chorus(song_file)
    assert isinstance(by_path, Chorus)
    best = by_path.thumbnail[0]
    assert best.start < best.end == best["interval"][1]
    assert by_path.seconds == pytest.approx(111, abs=1)
    assert len(by_path.chorus_segments) == 3
    audio = song_file.read_bytes()
    assert client.find_chorus(audio) == by_path
    with scripted(raw(ok(audio))) as there:
        assert client.find_chorus(there.url) == by_path


def test_a_genre_is_found_by_path_by_bytes_and_by_url(client, clip):
    with scripted(raw(ok(CLIP))) as there:
        found = [client.find_genre(audio) for audio in (clip, CLIP, there.url)]
    assert len({each.top_genre for each in found}) == 1


def test_an_open_server_needs_no_key(gateway, clip):
    with AcousticSenseClient(gateway.url + "/") as client:
        assert client.find_chorus(clip).thumbnail
        assert client.find_genre(clip).top_genre
        assert client.get_health()["status"] == "healthy"
    with AcousticSenseClient(gateway.url, "any key at all") as client:
        assert client.find_chorus(clip).thumbnail


@pytest.mark.parametrize(("asked", "kind"), [("genre", Analysis), ("chorus", Chorus)])
def test_what_is_submitted_is_waited_for(client, clip, asked, kind):
    task = client.submit(clip, asked)
    result = client.wait(task, timeout=60)
    assert isinstance(result, kind)
    assert client.task(task).over
    assert client.task(task).state == "succeeded"
    assert client.wait(client.task(task)) == result


def test_what_cannot_be_is_said_at_once(gateway, client, clip):
    with pytest.raises(ValueError, match="neither 'genre' nor 'chorus'"):
        client.submit(clip, "foo")
    with pytest.raises(ValueError, match="at least 1"):
        BatchProcessor(client, max_workers=0)
    with pytest.raises(ValueError, match="the API key") as caught:
        AcousticSenseClient(gateway.url, "ask_secret\n")
    assert "ask_secret" not in str(caught.value)


def test_an_analysis_by_url_is_accepted_sent_and_waited_for(client):
    with scripted(raw(ok(CLIP))) as audio, scripted(status(200)) as hook:
        accepted = client.analyze_audio_url(audio.url, hook.url, "my secret")
        assert accepted["status"] == "processing"
        analysis = client.wait(accepted, timeout=60)
        while not hook.calls:  # bounded by the test's timeout
            threading.Event().wait(0.02)
    assert analysis["request_id"] == accepted.request_id
    assert json.loads(hook.calls[0].body) == analysis
    assert "x-signature" in hook.calls[0].headers


def test_a_webhook_gets_the_envelope_of_what_was_submitted(client, clip):
    with scripted(status(200)) as hook:
        task = client.submit(clip, "chorus", webhook_url=hook.url, webhook_token="my secret")
        while not hook.calls:
            threading.Event().wait(0.02)
    envelope = json.loads(hook.calls[0].body)
    assert envelope["task_id"] == task
    assert json.loads(envelope["payload"]) == client.wait(task)


def test_tasks_are_walked_through_all_pages_newest_first(client):
    call = calls.task_page(None)
    mine = [client.submit(CLIP) for _ in range(3)]
    assert [each.id for each in client.tasks()][:3] == mine[::-1]
    page, cursor = client.call(calls.Call("GET", "/api/v1/tasks?limit=2", call.read, {}))
    assert [each.id for each in page] == mine[:0:-1]
    following, _ = client.call(calls.task_page(cursor))
    assert following[0].id == mine[0]


def test_a_task_that_fails_raises_the_audios_own_error(client):
    task = client.submit(b"words, no music")
    with pytest.raises(AudioError) as caught:
        client.wait(task, timeout=60)
    assert caught.value.code == 40000012
    assert caught.value.name == "IllegalData"
    assert "not audio" in caught.value.detail
    assert caught.value.request_id == task


def test_waiting_ends_when_its_time_is_over_or_the_task_is_cancelled(client):
    with scripted(silence) as there:
        task = client.analyze_audio_url(there.url).request_id
        with pytest.raises(WaitTimeoutError):
            client.wait(task, timeout=0.3)
        client.call(calls.Call("DELETE", f"/api/v1/tasks/{task}", lambda answer: answer, {}))
        with pytest.raises(TaskCancelledError):
            client.wait(task, timeout=60)


def test_a_bad_file_says_what_it_is(client, tmp_path):
    text = tmp_path / "words.mp3"
    text.write_text("words, no music")
    with pytest.raises(AudioError, match="not audio") as caught:
        client.analyze_audio_file(text)
    assert (caught.value.status, caught.value.code) == (415, 40000012)
    assert caught.value.request_id
    with pytest.raises(AudioError) as caught:
        client.find_chorus(text)
    assert (caught.value.status, caught.value.name) == (400, "IllegalData")
    with pytest.raises(FileNotFoundError):
        client.analyze_audio_file(tmp_path / "nowhere.mp3")


def test_who_may_not_is_told_so(front, clip):
    for key in (None, "wrong"):
        with AcousticSenseClient(front.url, key) as stranger:
            for ask in (stranger.analyze_audio_file, stranger.find_chorus, stranger.submit):
                with pytest.raises(AccessError) as caught:
                    ask(clip)
                assert (caught.value.status, caught.value.code) == (401, 40200001)
    with AcousticSenseClient(front.url, SINGER.api_key) as singer:
        assert singer.find_chorus(clip).thumbnail
        with pytest.raises(AccessError) as caught:
            singer.analyze_audio_file(clip)
        assert (caught.value.status, caught.value.name) == (403, "DeniedNamespace")


def test_what_cannot_be_downloaded_or_found_has_errors_of_its_own(client):
    with pytest.raises(DownloadError):
        client.find_genre("http://127.0.0.1:1/song.mp3")
    with pytest.raises(NotFoundError):
        client.task("no/such?task")
    body = {"audio_url": "http://127.0.0.1:1/"}
    keys = {"Idempotency-Key": "mine"}
    path = "/analyze-with-webhook"
    client.call(calls.Call("POST", path, lambda answer: answer, keys, body))
    with pytest.raises(ConflictError):
        client.call(
            calls.Call("POST", path, calls.analyze_url("", None, None).read, keys, {**body, "b": 1})
        )


def test_refusals_of_a_real_server_are_waited_out_by_many_threads(front):
    found = []
    with AcousticSenseClient(front.url, ALONE.api_key, retries=20) as alone:

        def ask(seconds):
            found.append(alone.find_chorus(CLIP + bytes(seconds)).thumbnail)

        threads = [threading.Thread(target=ask, args=[each]) for each in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(120)
    assert len(found) == 4


def test_a_large_file_is_never_in_memory(client, tmp_path):
    import tracemalloc

    large = tmp_path / "large.mp3"
    with large.open("wb") as file:
        file.write(b"no music")
        file.truncate(64 * 2**20)
    for ask in (client.find_chorus, client.analyze_audio_file):
        tracemalloc.start()
        with pytest.raises(AudioError):
            ask(large)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4 * 2**20


def test_a_base_url_that_is_none_is_refused():
    for wrong in ("", "127.0.0.1:8080", "ftp://example.com", "http://"):
        with pytest.raises(ValueError, match="base_url"):
            AcousticSenseClient(wrong, KARAOKE.api_key)

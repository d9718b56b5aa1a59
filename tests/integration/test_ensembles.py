"""The model repository on a real Triton, through KServe's HTTP and gRPC."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tests.conftest import PROJECT
from tests.sounds import FORMATS, SHARED_SONGS, encode, pcm16, tones
from tests.web import web

GENRES = (PROJECT / "model_repository" / "genre" / "labels.txt").read_text().split()


@pytest.fixture(scope="module")
def client(triton):
    with grpcclient.InferenceServerClient(f"127.0.0.1:{triton.ports.grpc}") as connection:
        yield connection


def audio_input(kind, *files):
    tensor = kind.InferInput("AUDIO", [len(files), 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[data] for data in files], dtype=np.object_))
    return [tensor]


def genre(client, *files, **options):
    answer = client.infer("genre", audio_input(grpcclient, *files), **options)
    return answer.as_numpy("PROBABILITIES")


def chorus(client, *files, **options):
    answer = client.infer("chorus", audio_input(grpcclient, *files), **options)
    segments = [json.loads(text) for text in answer.as_numpy("SEGMENTS").ravel()]
    return segments, answer.as_numpy("CURVES"), answer.as_numpy("DURATION").ravel()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gets_an_answer_from_both_ensembles(client, form):
    rate = 48_000 if form == "opus" else 44_100
    data = encode(tones(16.0, rate), form, rate)
    probabilities = genre(client, data)
    assert probabilities.shape == (1, 16)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-3)
    (segments,), curves, seconds = chorus(client, data)
    assert seconds[0] == pytest.approx(16.0, abs=0.1)
    assert curves.shape == (1, int(np.ceil(seconds[0] / 0.192)), 3)
    assert segments["raw_segments"][0]["interval"][0] == 0
    assert segments["raw_segments"][-1]["interval"][1] == pytest.approx(seconds[0], abs=1e-3)


def test_headerless_pcm_is_decoded_by_request_parameters(client):
    sound = tones(16.0, 16_000)
    as_wav = genre(client, encode(sound, "wav", 16_000))
    as_pcm = genre(client, pcm16(sound), parameters={"pcm_sample_rate": 16_000, "pcm_channels": 2})
    np.testing.assert_allclose(as_pcm, as_wav, atol=1e-3)


def test_http_and_the_classification_extension_name_the_genres(triton, client, sample_mp3):
    with httpclient.InferenceServerClient(f"127.0.0.1:{triton.ports.http}") as connection:
        wanted = [httpclient.InferRequestedOutput("PROBABILITIES", class_count=16)]
        answer = connection.infer("genre", audio_input(httpclient, sample_mp3), outputs=wanted)
        entries = [entry.decode().split(":") for entry in answer.as_numpy("PROBABILITIES")[0]]
    probabilities = genre(client, sample_mp3)[0]
    assert {label for _, _, label in entries} == set(GENRES)
    assert GENRES[0] == "Blues" and GENRES[11] == "R&B" and len(GENRES) == 16
    for value, index, label in entries:
        assert GENRES[int(index)] == label
        assert float(value) == pytest.approx(probabilities[int(index)], abs=1e-3)


def test_several_songs_in_one_request_are_answered_as_they_are_alone(client, sample_mp3):
    short = encode(tones(20.0), "flac")
    together, curves, seconds = chorus(client, sample_mp3, short)
    for index, data in enumerate((sample_mp3, short)):
        (alone,), curve, duration = chorus(client, data)
        assert seconds[index] == duration[0]
        np.testing.assert_allclose(curves[index, : curve.shape[1]], curve[0], atol=1e-4)
        assert_same_segments(together[index], alone)
    np.testing.assert_allclose(
        genre(client, sample_mp3, short),
        np.concatenate([genre(client, sample_mp3), genre(client, short)]),
        atol=1e-4,
    )


def assert_same_segments(left, right):
    """Equal but for the last digit of probabilities: another batch rounds differently."""
    assert left.keys() == right.keys()
    for name in ("thumbnail", "chorus_segments", "raw_segments"):
        assert len(left[name]) == len(right[name])
        for one, other in zip(left[name], right[name], strict=True):
            assert one["interval"] == other["interval"]
            assert one["chorus_prob"] == pytest.approx(other["chorus_prob"], abs=2e-3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "EmptyData: no audio was sent"),
        (b"no sound at all", "IllegalData: not audio"),
        (encode(tones(5.0), "flac")[:20_000], "IllegalData: cannot be decoded as flac"),
        (encode(np.zeros((8_000 * 601, 1), np.float32), "flac", 8_000), "ExceededDuration: 601.0"),
    ],
    ids=["empty", "text", "truncated", "too long"],
)
@pytest.mark.parametrize("model", ["genre", "chorus"])
def test_bad_audio_is_named_by_the_stage_that_saw_it(client, model, data, words):
    with pytest.raises(InferenceServerException, match=words):
        client.infer(model, audio_input(grpcclient, data))


def songs_for_load(sample_mp3):
    """Different lengths and formats; real songs among them where they are at hand."""
    made = [
        encode(tones(seconds), form) for seconds, form in ((6, "mp3"), (17, "ogg"), (40, "m4a"))
    ]
    real = [path.read_bytes() for path in sorted(SHARED_SONGS.glob("*.ogg"))[:1]]
    return [sample_mp3, *made, *real]


def test_32_concurrent_songs_are_answered_as_one_by_one_and_a_corrupt_one_fails_alone(
    client, sample_mp3
):
    songs = songs_for_load(sample_mp3)
    expected = [(genre(client, data)[0], chorus(client, data)) for data in songs]
    order = [index % len(songs) for index in range(31)] + [-1]
    random.Random(1).shuffle(order)

    def ask(index):
        if index < 0:
            with pytest.raises(InferenceServerException, match="IllegalData: cannot be decoded"):
                chorus(client, encode(tones(9.0), "flac")[:30_000])
            return None
        return genre(client, songs[index])[0], chorus(client, songs[index])

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, order))
    assert answers.count(None) == 1
    for index, answer in zip(order, answers, strict=True):
        if answer is None:
            continue
        np.testing.assert_allclose(answer[0], expected[index][0], atol=1e-4)
        np.testing.assert_allclose(answer[1][1], expected[index][1][1], atol=1e-4)
        assert_same_segments(answer[1][0][0], expected[index][1][0][0])


def test_a_queue_timeout_is_honoured_through_the_ensemble(client, sample_mp3):
    with pytest.raises(InferenceServerException) as caught:
        client.infer("genre", audio_input(grpcclient, sample_mp3), timeout=1)  # microsecond
    assert "timeout expired" in str(caught.value)


@pytest.mark.parametrize("path", ["repository/index", "systemsharedmemory/status", "logging"])
def test_what_could_change_the_server_is_refused(triton, path):
    url = f"http://127.0.0.1:{triton.ports.http}/v2/{path}"
    answer = web.post(url) if path == "repository/index" else web.get(url)
    assert answer.status_code == 403

"""A model that was exported, served by Triton beside the bundled one."""

from __future__ import annotations

import base64
import json
import shutil

import numpy as np
import onnx
import pytest
import torch
import tritonclient.grpc as client

from audio.chorus_curves import ChorusCurves
from audio.decode import decode
from audio.front_end import FrontEnd
from audio.mel import mel
from audio.pictures import Pictures
from export import proof
from export.chorus.export import Request as ChorusRequest
from export.chorus.export import export_chorus
from export.front_ends import GENRE
from export.genre.checkpoint import load
from export.genre.export import Request, export_genre
from export.genre.graph import Served
from tests.conftest import PROJECT, new_gateway, new_triton, stop
from tests.export.chorus.in_numpy import Network, layers_of, write
from tests.export.genre.checkpoints import LABELS, pretrained
from tests.sounds import encode, tones
from tests.web import web


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    pretrained(folder / "small")
    repository = folder / "repository"
    shutil.copytree(PROJECT / "model_repository", repository)
    export_genre(Request(str(folder / "small"), repository), lambda _: None)
    keras_file = write(folder / "published.h5", layers_of())
    export_chorus(ChorusRequest(keras_file, repository), lambda _: None)
    server = new_triton(repository, folder / "work")
    yield folder, client.InferenceServerClient(f"127.0.0.1:{server.ports.grpc}"), server.ports.grpc
    server.stop()


def verses(seconds, every=20):
    """A chord that is loud in every other part."""
    sound = tones(seconds)
    part = np.arange(len(sound)) // (44_100 * every) % 2
    return sound * np.where(part, 1.0, 0.1)[:, np.newaxis].astype(np.float32)


def ask(triton, model, audio):
    tensor = client.InferInput("AUDIO", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[audio]], dtype=np.object_))
    return triton.infer(model, [tensor]).as_numpy("PROBABILITIES")[0]


def test_triton_answers_what_pytorch_does(served):
    folder, triton, _ = served
    network = Served(load(str(folder / "small"))).eval()
    chance = np.random.default_rng(0)
    for batch in proof.BATCHES:
        pictures = chance.integers(0, 256, (batch, 3, 3, 48, 48), dtype=np.uint8)
        weights = np.ones((batch, 3), dtype=np.float32)
        inputs = [
            client.InferInput("PICTURES", list(pictures.shape), "UINT8"),
            client.InferInput("WEIGHTS", list(weights.shape), "FP32"),
        ]
        inputs[0].set_data_from_numpy(pictures)
        inputs[1].set_data_from_numpy(weights)
        answer = triton.infer("genre_small_vit", inputs).as_numpy("PROBABILITIES")
        with torch.no_grad():
            expected = network(torch.from_numpy(pictures), torch.from_numpy(weights))
        np.testing.assert_allclose(answer, expected, atol=proof.EXACT)


@pytest.mark.parametrize("seconds", [3.0, 30.0, 75.0])
def test_audio_becomes_the_pictures_that_the_checkpoint_was_trained_on(served, seconds):
    folder, triton, _ = served
    audio = encode(tones(seconds), "mp3")
    answer = ask(triton, "genre_small", audio)
    config = triton.get_model_config("genre_small_mel", as_json=True)["config"]["parameters"]
    look = Pictures.from_parameters({k: v["string_value"] for k, v in config.items()}, 8)
    pictures = look.of(decode(audio, GENRE.sample_rate))
    assert len(pictures) == max(1, -(-int(seconds) // 30))
    run = proof.runner(onnx.load(folder / "repository/genre_small_vit/1/model.onnx"))
    expected = run(pictures[np.newaxis], np.ones((1, len(pictures)), dtype=np.float32))[0]
    np.testing.assert_allclose(answer, expected, atol=proof.EXACT)
    assert len(answer) == len(LABELS)


def test_the_bundled_model_is_served_beside_it(served):
    assert len(ask(served[1], "genre", encode(tones(5.0), "mp3"))) == 16


def test_a_gateway_can_be_told_to_ask_it(served, tmp_path):
    other = {"ACOUSTICSENSE_GENRE_MODEL": "genre_small"}
    front = new_gateway(served[2], tmp_path / "log", **other)
    try:
        assert web.get(f"{front.url}/health").status_code == 200
        clip = encode(tones(5.0), "mp3")
        answer = web.post(f"{front.url}/analyze-audio", files={"file": clip}, timeout=60)
        named = [each["genre"] for each in answer.json()["analysis_results"]]
        assert sorted(named) == sorted(LABELS)
        assert answer.headers["X-Model-Version"] == "genre_small 1.0.0"
    finally:
        stop(front)


@pytest.mark.parametrize("seconds", [0.5, 3.0, 95.3])
def test_a_published_chorus_network_scores_the_whole_song(served, seconds):
    """Front end, length rule, network and smoothing, against the same told step by step."""
    _, triton, _ = served
    audio = encode(verses(seconds), "wav")
    tensor = client.InferInput("AUDIO", [1, 1], "BYTES")
    tensor.set_data_from_numpy(np.array([[audio]], dtype=np.object_))
    answer = triton.infer("chorus_published", [tensor])
    front = FrontEnd(22_050, 2048, 512, 128, 20, 5000, power=1, pad_mode="reflect")
    columns = mel(decode(audio, 22_050), front)
    silence = max(45, len(columns) + 9 - len(columns) % 9) - len(columns)
    scores = Network()(np.pad(columns, ((0, silence), (0, 0))))
    expected = ChorusCurves("min_max", 9, 4).of(scores[:, np.newaxis])
    curves = answer.as_numpy("CURVES")[0]
    assert curves.shape == (max(45, len(columns) + silence) // 43, 3)
    np.testing.assert_allclose(curves, expected, atol=2e-3)  # stretched: differences grow
    (found,) = answer.as_numpy("SEGMENTS").ravel()
    raw = json.loads(found)["raw_segments"]
    assert raw[0]["interval"][0] == 0
    assert raw[-1]["interval"][1] == pytest.approx(seconds, abs=0.01)


def test_a_gateway_can_be_told_to_ask_another_chorus_network(served, tmp_path):
    other = {"ACOUSTICSENSE_CHORUS_MODEL": "chorus_published"}
    front = new_gateway(served[2], tmp_path / "log", **other)
    try:
        body = {"data": base64.b64encode(encode(verses(60.0), "mp3")).decode()}
        query = {"appkey": "a", "token": "t", "namespace": "DeepChorus"}
        answer = web.post(f"{front.url}/api/v1/invoke", params=query, json=body, timeout=60)
        payload = json.loads(answer.json()["payload"])
        assert payload["frame_sec"] == pytest.approx(0.998458)
        assert len(payload["thumbnail"]) == 1
        assert payload["raw_segments"][-1]["interval"][1] == pytest.approx(60.0, abs=0.1)
        assert answer.headers["X-Model-Version"] == "chorus_published 1.0.0"
    finally:
        stop(front)

"""``SamiClient`` in front of a real gateway that checks every signature."""

import json

import pytest
from acousticsense import AccessError, Analysis, AudioError, Chorus, SamiClient

from tests.client.scripted import scripted
from tests.e2e.contract import CLIP, KARAOKE, SINGER
from tests.gateway.receiver import raw
from tests.gateway.strangers import ok
from tests.sounds import pcm16, tones


def keys(app=KARAOKE):
    return app.appkey, app.access_key, app.secret_key


def tokens_given(front):
    return sum(
        json.loads(line).get("path") == "/" for line in front.log.read_text().splitlines() if line
    )


def test_keys_buy_a_token_that_is_used_until_it_ends(front, clip):
    before = tokens_given(front)
    with SamiClient(front.url, *keys()) as client, scripted(raw(ok(CLIP))) as there:
        by_path = client.invoke("DeepChorus", clip)
        assert isinstance(by_path, Chorus)
        assert client.invoke("DeepChorus", CLIP) == by_path
        assert client.invoke("DeepChorus", url=there.url) == by_path
        assert isinstance(client.invoke("AcousticSense", clip), Analysis)
    assert tokens_given(front) - before == 1


def test_two_tokens_within_a_second_are_two_signatures(front):
    with SamiClient(front.url, *keys()) as client:
        assert len({client.get_token(60 + index) for index in range(3)}) == 3
        assert client.get_token(60).count(".") == 2


def test_a_static_token_needs_no_keys(front, clip):
    before = tokens_given(front)
    with SamiClient(front.url, KARAOKE.appkey, token=KARAOKE.token) as client:
        assert client.invoke("DeepChorus", clip)["thumbnail"]
    with SamiClient(front.url, KARAOKE.appkey, token="wrong") as client:
        with pytest.raises(AccessError) as caught:
            client.invoke("DeepChorus", clip)
        assert caught.value.name == "DeniedAccess:IllegalToken"
    assert tokens_given(front) == before


def test_a_token_that_the_server_takes_no_longer_is_renewed(front, clip):
    """As after a restart, where the server's keys are new ones."""
    before = tokens_given(front)
    with SamiClient(front.url, *keys()) as client:
        assert client.invoke("DeepChorus", clip).thumbnail
        client._token = "signed.with.another"
        assert client.invoke("DeepChorus", clip).thumbnail
        client._renewed_at = 0.0
        assert client.invoke("DeepChorus", clip).thumbnail
    assert tokens_given(front) - before == 3


def test_a_wrong_secret_a_denied_namespace_and_bad_audio_are_told(front, clip):
    forger = SamiClient(front.url, *keys()[:2], "wrong")
    with pytest.raises(AccessError, match="signature"):
        forger.invoke("DeepChorus", clip)
    forger.close()
    with SamiClient(front.url, *keys(SINGER)) as client:
        with pytest.raises(AccessError) as caught:
            client.invoke("AcousticSense", clip)
        assert caught.value.name == "DeniedNamespace"
        with pytest.raises(AudioError):
            client.invoke("DeepChorus", b"words, no music")


def test_headerless_samples_go_with_what_they_are(front):
    samples = pcm16(tones(2.0, 16_000, 1))
    hints = {"format": "pcm", "sample_rate": 16_000, "channel": 1}
    with SamiClient(front.url, *keys()) as client:
        chorus = client.invoke("DeepChorus", samples, audio_info=hints)
    assert chorus.seconds == pytest.approx(2.0, abs=0.05)


def test_a_client_without_proof_or_audio_is_a_mistake(front):
    with pytest.raises(ValueError, match="secret_key"):
        SamiClient(front.url, KARAOKE.appkey)
    with SamiClient(front.url, *keys()) as client, pytest.raises(ValueError, match="data or url"):
        client.invoke("DeepChorus")

"""The twin for asyncio: the same methods, and the same answers of a real gateway."""

import asyncio
import inspect

import pytest
from acousticsense import AcousticSenseClient, AsyncAcousticSenseClient, AudioError

from tests.client.scripted import scripted
from tests.e2e.contract import CLIP, KARAOKE
from tests.gateway.receiver import raw, silence
from tests.gateway.strangers import ok


def methods(kind):
    return {
        name: [
            (each.name, each.default, each.kind)
            for each in inspect.signature(method).parameters.values()
        ]
        for name, method in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in {"close", "aclose"}
    }


def test_both_clients_have_the_same_methods_and_parameters():
    assert methods(AcousticSenseClient) == methods(AsyncAcousticSenseClient)
    assert inspect.signature(AcousticSenseClient) == inspect.signature(AsyncAcousticSenseClient)


async def test_every_method_works_awaited(front, song_file, clip):
    with AcousticSenseClient(front.url, KARAOKE.api_key) as waiting:
        chorus, analysis = waiting.find_chorus(song_file), waiting.find_genre(song_file)
    with scripted(raw(ok(CLIP))) as audio:
        async with AsyncAcousticSenseClient(front.url, KARAOKE.api_key) as client:
            assert (await client.get_health()).status == "healthy"
            together = await asyncio.gather(
                client.find_chorus(song_file),
                client.find_chorus(song_file.read_bytes()),
                client.analyze_audio_file(song_file),
                client.find_genre(audio.url),
            )
            assert together[0] == together[1] == chorus
            assert together[2].analysis_results == analysis.analysis_results
            accepted = await client.analyze_audio_url(audio.url)
            assert (await client.wait(accepted.request_id, 60)).top_genre == together[3].top_genre
            task = await client.submit(clip, "chorus")
            assert (await client.wait(task, timeout=60)).thumbnail
            assert [each.id async for each in client.tasks()][:2] == [task, accepted.request_id]
            assert (await client.task(task)).over
            with pytest.raises(AudioError):
                await client.find_chorus(b"words, no music")


async def test_a_call_that_is_cancelled_ends_at_once():
    with scripted(silence) as there:
        async with AsyncAcousticSenseClient(there.url) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.find_chorus(CLIP), 0.5)

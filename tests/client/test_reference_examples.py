"""Code as the reference documents show it, its import line alone being ours."""

import asyncio

import pytest
from acousticsense import (
    AcousticSenseClient,
    BatchProcessor,
    MusicRecommendationSystem,
)

from tests.client.scripted import scripted
from tests.e2e.contract import CLIP, KARAOKE
from tests.gateway.receiver import raw, status
from tests.gateway.strangers import ok


def test_the_sdk_snippet(front, song_file):
    client = AcousticSenseClient(base_url=front.url, api_key=KARAOKE.api_key)

    health = client.get_health()
    assert health["status"] == "healthy"

    result = client.analyze_audio_file(str(song_file))
    printed = [f"{result['top_genre']} ({result['top_confidence']}%)"]
    printed += [f"  {item['genre']}: {item['confidence']}%" for item in result["analysis_results"]]
    assert len(printed) == 6 and printed[0].startswith("Jazz (")

    with scripted(raw(ok(CLIP))) as audio, scripted(status(200)) as hook:
        response = client.analyze_audio_url(
            audio.url, webhook_url=hook.url, webhook_token="your_secret_token"
        )
        assert response["status"] == "processing"
        assert client.wait(response["request_id"], 60)["top_genre"]


def test_the_batch_processor(front, song_file, clip, tmp_path):
    async def main():
        client = AcousticSenseClient(front.url, KARAOKE.api_key)
        processor = BatchProcessor(client, max_workers=3)
        bad = tmp_path / "bad.mp3"
        bad.write_text("words, no music")
        audio_files = [str(song_file), str(bad), str(clip), str(tmp_path / "missing.mp3")]
        batch_results = await processor.process_batch(audio_files)
        report = processor.generate_report(batch_results["results"])
        return audio_files, batch_results, report

    audio_files, batch_results, report = asyncio.run(main())
    assert batch_results["total"] == 4
    assert batch_results["successful"] == len(batch_results["results"]) == 2
    assert batch_results["failed"] == len(batch_results["errors"]) == 2
    bad, missing = batch_results["errors"]
    assert (bad["file"], bad["name"]) == (audio_files[1], "IllegalData")
    assert missing["file"] == audio_files[3] and "No such file" in missing["error"]
    first = batch_results["results"][0]
    assert first["file"] == audio_files[0]
    assert first["top_genre"] == first["result"]["top_genre"] == "Jazz"
    confidences = [each["top_confidence"] for each in batch_results["results"]]
    assert sum(report["genre_distribution"].values()) == report["total_analyzed"] == 2
    assert report["average_confidence"] == round(sum(confidences) / 2, 2)
    assert report["confidence_range"] == {"min": min(confidences), "max": max(confidences)}


@pytest.mark.parametrize("results", [[], ()])
def test_the_batch_processors_report_of_nothing_is_zeros(results):
    client = AcousticSenseClient("http://127.0.0.1:1")
    assert BatchProcessor(client).generate_report(results) == {
        "genre_distribution": {},
        "total_analyzed": 0,
        "average_confidence": 0,
        "confidence_range": {"min": 0, "max": 0},
    }


def test_the_playlist_example(front, song_file):
    songs = [{"id": index, "genre": genre} for index, genre in enumerate(["Pop", "Jazz"] * 6)]

    async def main(urls):
        client = AcousticSenseClient(front.url, KARAOKE.api_key)
        recommender = MusicRecommendationSystem(client)
        preferences = await recommender.analyze_user_playlist("user123", urls)
        recommendations = recommender.get_recommendations("user123", songs)
        strangers = recommender.get_recommendations("user456", songs)
        return recommender, preferences, recommendations, strangers

    with (
        scripted(raw(ok(song_file.read_bytes()))) as one,
        scripted(raw(ok(song_file.read_bytes() + b"\0"))) as other,
        scripted(status(404)) as gone,
    ):
        urls = [one.url, gone.url, other.url]
        recommender, preferences, recommendations, strangers = asyncio.run(main(urls))
    assert preferences == {"Jazz": 2}
    assert [each["id"] for each in recommendations] == [1, 3, 5, 0, 2, 4, 6, 7, 8, 9]
    assert strangers == songs[:10]
    (failure,) = recommender.profiles["user123"].failures
    assert failure.song == gone.url
    assert failure.error.name == "FailedDownload"

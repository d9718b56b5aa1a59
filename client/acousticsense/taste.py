"""What somebody likes, from the songs of a playlist, and what else that makes them like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from acousticsense.audio import Audio
from acousticsense.client import AcousticSenseClient
from acousticsense.errors import AcousticSenseError
from acousticsense.summary import genre_distribution

Song = TypeVar("Song", bound=Mapping[str, Any])

_FAVOURITES = 3
_SONGS_OF_A_FAVOURITE = 3
_SONGS = 10
_AT_A_TIME = 4


@dataclass(frozen=True)
class Failure:
    """A song of a playlist that could not be analysed, and why."""

    song: Audio
    error: Exception


@dataclass(frozen=True)
class TasteProfile:
    """The genres of a playlist.

    Attributes:
        genres: how many of its songs each has, most frequent first.
        failures: the songs that are not in these numbers.
    """

    genres: Mapping[str, int]
    failures: Sequence[Failure] = field(default=())

    @classmethod
    def of_playlist(cls, client: AcousticSenseClient, songs: Iterable[Audio]) -> TasteProfile:
        """Analyse a playlist's songs: paths, bytes or URLs. What fails is in ``failures``."""
        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            return _profile(threads.map(lambda song: _genre(client, song), songs))

    @property
    def favourites(self) -> list[str]:
        """The three most frequent genres, or as many as there are."""
        return list(self.genres)[:_FAVOURITES]

    def recommend(self, songs: Iterable[Song], count: int = _SONGS) -> list[Song]:
        """Songs of favourite genres first, three of each at most, then others.

        Args:
            songs: mappings with a ``genre``.
            count: how many at most.

        Returns:
            Songs as they were given, none twice.
        """
        left = _distinct(songs)
        chosen: list[Song] = []
        for genre in self.favourites:
            chosen += [each for each in left if each["genre"] == genre][:_SONGS_OF_A_FAVOURITE]
        others = [each for each in left if not any(each is one for one in chosen)]
        return [*chosen, *others][:count]


class MusicRecommendationSystem:
    """Profiles by user, as code in the field asks for them."""

    def __init__(self, client: AcousticSenseClient) -> None:
        """Take the client that analyses."""
        self._client = client
        self.profiles: dict[str, TasteProfile] = {}

    async def analyze_user_playlist(
        self, user_id: str, playlist_urls: Iterable[Audio]
    ) -> dict[str, int]:
        """How many songs of a playlist each genre has, once all are analysed.

        ``profiles[user_id].failures`` names the songs that could not be.
        """
        profile = await asyncio.to_thread(TasteProfile.of_playlist, self._client, playlist_urls)
        self.profiles[user_id] = profile
        return dict(profile.genres)

    def get_recommendations(self, user_id: str, available_songs: Iterable[Song]) -> list[Song]:
        """Ten songs at most; for a user without a profile the first ones."""
        return self.profiles.get(user_id, TasteProfile({})).recommend(available_songs)


def _genre(client: AcousticSenseClient, song: Audio) -> str | Failure:
    try:
        return client.find_genre(song).top_genre
    except (AcousticSenseError, OSError) as error:
        return Failure(song, error)


def _profile(found: Iterable[str | Failure]) -> TasteProfile:
    each = list(found)
    return TasteProfile(
        genre_distribution(one for one in each if isinstance(one, str)),
        [one for one in each if isinstance(one, Failure)],
    )


def _distinct(songs: Iterable[Song]) -> list[Song]:
    """Each song once, in order; two are the same if they are equal."""
    kept: list[Song] = []
    for song in songs:
        if song not in kept:
            kept.append(song)
    return kept

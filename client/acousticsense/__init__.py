"""The client of AcousticSense servers: genre and chorus of a song, now or later.

>>> from acousticsense import AcousticSenseClient
>>> client = AcousticSenseClient("http://127.0.0.1:8080")
>>> client.analyze_audio_file("song.mp3").top_genre
'Jazz'
>>> client.find_chorus("song.mp3").thumbnail[0].interval
[25.728, 42.816]
"""

from acousticsense.async_client import AsyncAcousticSenseClient
from acousticsense.batch import BatchProcessor
from acousticsense.client import AcousticSenseClient
from acousticsense.errors import (
    AccessError,
    AcousticSenseError,
    ApiError,
    AudioError,
    BusyError,
    ConflictError,
    ConnectionFailedError,
    DownloadError,
    NotFoundError,
    RequestError,
    ServerError,
    ServerTimeoutError,
    TaskCancelledError,
    UnexpectedAnswerError,
    WaitTimeoutError,
)
from acousticsense.results import Accepted, Analysis, Chorus, GenreScore, Health, Segment, Task
from acousticsense.sami import SamiClient
from acousticsense.taste import Failure, MusicRecommendationSystem, TasteProfile
from acousticsense.webhooks import VerificationError, verify_webhook

__all__ = [
    "Accepted",
    "AccessError",
    "AcousticSenseClient",
    "AcousticSenseError",
    "Analysis",
    "ApiError",
    "AsyncAcousticSenseClient",
    "AudioError",
    "BatchProcessor",
    "BusyError",
    "Chorus",
    "ConflictError",
    "ConnectionFailedError",
    "DownloadError",
    "Failure",
    "GenreScore",
    "Health",
    "MusicRecommendationSystem",
    "NotFoundError",
    "RequestError",
    "SamiClient",
    "Segment",
    "ServerError",
    "ServerTimeoutError",
    "Task",
    "TaskCancelledError",
    "TasteProfile",
    "UnexpectedAnswerError",
    "VerificationError",
    "WaitTimeoutError",
    "verify_webhook",
]

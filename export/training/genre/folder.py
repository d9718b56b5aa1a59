"""A folder of music with a folder a genre (``Jazz/one.mp3``) as labelled clips.

Every file is learnt from or judged on, never both: it lies in one fold, however long it is. Copies
of a file count once.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from audio.decode import decode
from audio.errors import AudioError
from audio.mel import log_mel
from audio.picture import picture
from export.clips import AUDIO_SUFFIXES
from export.errors import ExportError
from export.front_ends import GENRE
from export.training.genre.clips import Clips

UInt8 = NDArray[np.uint8]
Tell = Callable[[str], None]

_MOST_FOLDS = 5
_TOLD_EVERY = 20  # files


def load_folder(folder: Path, kept: Path, tell: Tell = print) -> Clips:
    """Read every audio file two levels down.

    Args:
        folder: its folders are the genres; other files in it are not looked at.
        kept: where the files' pictures are kept, so that a second run does not decode again.
        tell: is told how far it is, and each file that is skipped with the reason.

    Raises:
        ExportError: there is nothing to learn, or a genre has no two files.
    """
    if not folder.is_dir():
        raise ExportError(f"there is no folder {folder}")
    files = [
        (path, genre.name)
        for genre in sorted(each for each in folder.iterdir() if each.is_dir())
        for path in sorted(genre.rglob("*"))
        if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()
    ]
    if not files:
        raise ExportError(
            f"{folder} holds no music: put it into a folder for each genre, such as "
            f"{folder / 'Jazz' / 'one.mp3'}"
        )
    kept.mkdir(parents=True, exist_ok=True)
    songs: list[_Song] = []
    for number, (path, genre) in enumerate(files, 1):
        try:
            songs.append(_song(path, genre, kept))
        except (AudioError, OSError) as error:
            tell(f"skipped {path.relative_to(folder)}: {error}")
        if number % _TOLD_EVERY == 0 or number == len(files):
            tell(f"{number} of {len(files)} files read")
    return _clips(songs)


class _Song(NamedTuple):
    """One file."""

    path: Path
    genre: str
    digest: str
    picture: UInt8


def _song(path: Path, genre: str, kept: Path) -> _Song:
    """The picture that the service would make of the file's whole length.

    Raises:
        AudioError: it cannot be decoded.
        OSError: it cannot be read.
    """
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    known = kept / f"{digest}.npy"
    if known.exists():
        return _Song(path, genre, digest, np.load(known))
    drawn = picture(log_mel(decode(data, GENRE.sample_rate), GENRE))[0]
    aside = known.with_suffix(".part")
    with aside.open("wb") as file:
        np.save(file, drawn)
    aside.replace(known)
    return _Song(path, genre, digest, drawn)


def _clips(songs: Sequence[_Song]) -> Clips:
    first: dict[str, _Song] = {}
    for song in songs:
        same = first.setdefault(song.digest, song)
        if same.genre != song.genre:
            raise ExportError(
                f"{song.path.name} is {song.genre} and, as {same.path.name}, {same.genre}: remove "
                "one of the two"
            )
    whole = list(first.values())
    counts = Counter(song.genre for song in whole)
    genres = sorted({song.genre for song in songs})
    if len(genres) < 2:
        raise ExportError(f"only {', '.join(genres) or 'nothing'} can be read: give two genres")
    for genre, count in sorted(counts.items()):
        if count < 2:
            raise ExportError(
                f"{genre} has {count} file that can be read: one is to be learnt from and one to "
                "be judged on, so give 2 at least"
            )
    folds = min(_MOST_FOLDS, *counts.values())
    place: Counter[str] = Counter()
    numbers = []
    for song in whole:
        numbers.append(place[song.genre] % folds)
        place[song.genre] += 1
    return Clips(
        pictures=[song.picture for song in whole],
        labels=np.array([genres.index(song.genre) for song in whole]),
        folds=np.array(numbers),
        groups=np.array([song.digest for song in whole]),
        collections=np.array(["own"] * len(whole)),
        genres=genres,
    )

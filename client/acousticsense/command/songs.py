"""Which songs are meant by the arguments of a command."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from acousticsense.audio import url_of

AUDIO_SUFFIXES = {
    *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus"),
    *(".mp3", ".aac", ".m4a", ".mp4"),
}


class NoSongError(ValueError):
    """An argument that leads to no song; the words say why."""


def songs_of(arguments: Sequence[str]) -> list[str]:
    """URLs and files as they are named, and of folders the audio files in and below them, sorted.

    Hidden files are left out, and so is what an argument before has named.

    Raises:
        NoSongError: something is not there, or there is no song at all.
    """
    found: dict[str, None] = {}
    for argument in arguments:
        if not argument:  # of an unset variable; as a path it would be this folder
            raise NoSongError("an argument is empty: name a file, a folder or a URL")
        if url_of(argument) is not None or Path(argument).is_file():
            found[argument] = None
        elif Path(argument).is_dir():
            found.update(dict.fromkeys(_in_folder(Path(argument))))
        elif "://" in argument:
            raise NoSongError(f"{argument}: of URLs only http:// and https:// are taken")
        elif Path(argument).exists():
            raise NoSongError(f"{argument} is neither a file nor a folder")
        else:
            raise NoSongError(f"{argument}: there is no such file or folder")
    if not found:
        raise NoSongError(
            f"no song in {', '.join(arguments)}: files of folders are taken by their ending, "
            + " ".join(sorted(AUDIO_SUFFIXES))
        )
    return list(found)


def _in_folder(folder: Path) -> list[str]:
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        found += [
            str(Path(where) / name)
            for name in sorted(names)
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES
        ]
    return found

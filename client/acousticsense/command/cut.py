"""``acousticsense cut``: a song's chorus as a file of its own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from acousticsense.client import AcousticSenseClient
from acousticsense.command.options import DEFAULT_URL, ApiKey, BaseUrl, end, errors, output, words
from acousticsense.command.report.numbers import stretch
from acousticsense.errors import AcousticSenseError

_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
_BLOCK_FRAMES = 65_536


def cut(
    song: Annotated[Path, typer.Argument(help="A file.", metavar="SONG")],
    to: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="File to write: .wav, .flac, .ogg or .mp3.", metavar="CLIP"
        ),
    ],
    chorus: Annotated[  # noqa: ARG001  said for the reader's sake
        bool, typer.Option("--chorus", help="The likeliest chorus, as without it.")
    ] = True,
    url: BaseUrl = DEFAULT_URL,
    api_key: ApiKey = None,
) -> None:
    """Cut a song's likeliest chorus out: as a ringtone, a preview, a sample.

    The server says where it is; the cutting is done here, with the package
    soundfile. For example:

      acousticsense cut song.mp3 --chorus -o clip.wav
    """
    soundfile = _soundfile()
    if to.suffix.lower() not in _FORMATS:
        end(f"{to}: a clip's name ends with {', '.join(_FORMATS)}", 2)
    if not to.parent.is_dir():
        end(f"{to}: there is no folder {to.parent}", 2)
    if not song.is_file():
        end(f"{song}: there is no such file; a song is cut from a file of this machine", 2)
    if to.exists() and to.samefile(song):
        end(f"{to} is the song itself: name another file", 2)
    try:
        _check_readable(soundfile, song)
        with AcousticSenseClient(url, api_key) as client:
            found = client.find_chorus(song)
        best = found.thumbnail[0]
        _copy(soundfile, song, to, best.start, best.end)
    except AcousticSenseError as error:
        end(f"{song}: {words(error)}", 1)
    except OSError as error:
        end(str(error), 1)
    except ValueError as error:
        end(str(error), 2)
    if not found.chorus_segments:
        errors.print(f"No chorus was found in {song}; this is its likeliest stretch.", markup=False)
    output.print(f"{to}: {stretch(best.interval)} of {song}", markup=False)


def _soundfile() -> ModuleType:
    try:
        import soundfile  # only this command needs it
    except (ImportError, OSError):  # the latter where its library is missing
        end("`cut` needs the package soundfile: pip install 'acousticsense[cut]'", 2)
    module: ModuleType = soundfile
    return module


def _check_readable(soundfile: Any, song: Path) -> None:
    """Open the song once, before the server is asked.

    Raises:
        OSError: it may not be read.
    """
    with song.open("rb"):
        pass
    try:
        soundfile.info(os.fsencode(song))
    except soundfile.LibsndfileError:
        end(
            f"{song} cannot be cut here: WAV, FLAC, Ogg and MP3 can. Convert it first, for "
            f"instance with `ffmpeg -i {song.name} {song.stem}.flac`",
            1,
        )


def _copy(soundfile: Any, song: Path, to: Path, start: float, end_: float) -> None:
    """The song from ``start`` to ``end_`` (seconds) in another file, which is there whole or not.

    Raises:
        OSError: it cannot be written.
    """
    kind = _FORMATS[to.suffix.lower()]
    draft = to.with_name(f".{to.name}.part")
    try:
        with soundfile.SoundFile(os.fsencode(song)) as source:
            first = min(round(start * source.samplerate), source.frames)
            left = min(round(end_ * source.samplerate), source.frames) - first
            source.seek(first)
            # 24 bits stay 24 bits, where the clip's form has them.
            same = source.subtype.startswith("PCM_") and soundfile.check_format(
                kind, source.subtype
            )
            form = {"format": kind, "subtype": source.subtype if same else None}
            rate, channels = source.samplerate, source.channels
            with soundfile.SoundFile(os.fsencode(draft), "w", rate, channels, **form) as clip:
                while left > 0:
                    # In blocks: libsndfile's Vorbis encoder keeps a whole write on its stack.
                    block = source.read(min(_BLOCK_FRAMES, left), dtype="float32", always_2d=True)
                    if not len(block):
                        break
                    clip.write(block)
                    left -= len(block)
        draft.replace(to)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{to} cannot be written: {error}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()

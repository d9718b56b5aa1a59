"""MIDI bytes to samples with fluidsynth, bounded: one song once ran away to 17 GB."""

from __future__ import annotations

import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SOUND_FONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),  # Debian: fluid-soundfont-gm
    Path("/usr/share/sounds/sf2/TimGM6mb.sf2"),  # Debian: timgm6mb-soundfont
)
_LARGEST_FILE = 256 << 20  # bytes; less stops fluidsynth while it maps the larger sound font
_MOST_COMPUTING = 90  # seconds of processor time: what is rendered must not depend on the load


class RenderError(RuntimeError):
    """fluidsynth failed, took too long or wrote too much."""


def check_prerequisites() -> None:
    """Raise :class:`RenderError`, saying what to install, if songs cannot be rendered here."""
    missing = [str(path) for path in SOUND_FONTS if not path.exists()]
    if shutil.which("fluidsynth") is None:
        missing.append("fluidsynth")
    if missing:
        packages = "fluidsynth fluid-soundfont-gm timgm6mb-soundfont"
        raise RenderError(f"not found: {', '.join(missing)}; on Debian: apt install {packages}")


def render(
    midi: bytes, *, sound_font: Path, gain: float, reverb: bool, rate: int
) -> NDArray[np.float32]:
    """Play a MIDI file into memory.

    Args:
        midi: a Standard MIDI File.
        sound_font: an ``.sf2`` file.
        gain: fluidsynth's master gain; about 0.3 is safe, more clips.
        reverb: whether fluidsynth's reverberation is on.
        rate: samples a second.

    Returns:
        ``(n,)`` mono samples in ``[-1, 1]``.

    Raises:
        RenderError: no sound came of it within the limits.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "song.mid"), Path(folder, "song.raw")
        source.write_bytes(midi)
        command = ["fluidsynth", "-ni", "-q", "-C", "0", "-R", str(int(reverb))]
        command += ["-g", f"{gain:.3f}"]
        command += ["-r", str(rate), "-T", "raw", "-O", "s16", "-F", str(target)]
        try:
            subprocess.run(
                [*command, str(sound_font), str(source)],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                preexec_fn=_bound,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise RenderError(str(error)) from None
        stereo = np.fromfile(target, dtype="<i2")
    if len(stereo) < 2 * rate:
        raise RenderError("fluidsynth made less than a second of sound")
    return np.asarray(stereo.reshape(-1, 2).mean(axis=1, dtype=np.float32) / 32768)


def _bound() -> None:
    """In the child: the kernel ends what computes or writes too much."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    resource.setrlimit(resource.RLIMIT_CPU, (_MOST_COMPUTING, _MOST_COMPUTING))

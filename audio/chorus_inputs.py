"""A song as a chorus network looks at it, by the parameters of its Triton stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audio.chorus_features import chorus_features
from audio.front_end import FrontEnd
from audio.mel import mel
from audio.padding import bucket

Float32 = NDArray[np.float32]

KINDS = ("repeats", "mel")


@dataclass(frozen=True, slots=True)
class ChorusInputs:
    """How a song becomes frames of features.

    Attributes:
        front: the mel front end.
        kind: ``repeats``: what ``audio.chorus_features`` makes, for a network that is told by a
            mask which frames are real; ``mel``: the spectrogram alone, for a network that has no
            mask, so that songs must not be filled up to common lengths.
        buckets: of ``repeats``: frames that songs are filled up to.
        multiple: of ``mel``: silence is put behind the song up to the next multiple of so many
            frames, a whole one where it comes out even.
        least: of ``mel``: frames at least.
    """

    front: FrontEnd
    kind: str = "repeats"
    buckets: tuple[int, ...] = ()
    multiple: int = 1
    least: int = 1

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """Read them from configuration text; other keys are ignored.

        Raises:
            ValueError: a parameter is missing or no number, or the kind is unknown.
        """
        kind = parameters.get("features", "repeats")
        needed = "frame_multiple" if kind == "mel" else "frame_buckets"
        if kind not in KINDS or needed not in parameters:
            raise ValueError(
                f"features is one of {', '.join(KINDS)}; the first needs frame_buckets, the second "
                "frame_multiple"
            )
        front = FrontEnd.from_parameters(parameters)
        if kind == "repeats":
            return cls(front, buckets=tuple(map(int, parameters[needed].split(","))))
        least = int(parameters.get("least_frames", "1"))
        return cls(front, kind, multiple=int(parameters[needed]), least=least)

    def of(self, samples: Float32) -> Float32:
        """``(n,)`` mono samples at the front end's rate to ``(frames, features)``."""
        if self.kind == "repeats":
            return chorus_features(samples, self.front)
        columns = mel(samples, self.front)
        frames = len(columns) + self.multiple - len(columns) % self.multiple
        silence = max(frames, self.least) - len(columns)
        return np.pad(columns, ((0, silence), (0, 0)))

    def size(self, frames: int) -> int:
        """How many frames a song is sent on as: its own, or those of the next bucket."""
        return bucket(frames, self.buckets) if self.buckets else frames

"""A song as the pictures that a genre network looks at, by the parameters of its Triton stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audio.front_end import FrontEnd
from audio.mel import log_mel
from audio.picture import RANGE_DB, picture
from audio.specshow import specshow
from audio.windows import cut, windows

Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

KINDS = ("bands", "grey", "specshow")


@dataclass(frozen=True, slots=True)
class Pictures:
    """How windows of a song become pictures.

    Attributes:
        front: the mel front end.
        kind: ``bands``: one grey row a band, the lowest first, one column a frame, loudness
            relative to the whole song, short clips repeated; ``grey`` and ``specshow``: a square of
            ``size``, the highest band first, loudness relative to the window, short clips
            stretched, as image files of spectrograms are.
        window_columns: frames of a window.
        most_windows: windows of a long song.
        size: height and width of the square; for ``bands`` nothing.
    """

    front: FrontEnd
    kind: str
    window_columns: int
    most_windows: int
    size: int | None = None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str], most_windows: int) -> Self:
        """Read them from configuration text; other keys are ignored.

        Raises:
            ValueError: a parameter is missing, or the kind is unknown.
        """
        kind = parameters.get("picture", "bands")
        if kind not in KINDS or "window_columns" not in parameters:
            raise ValueError(f"picture is one of {', '.join(KINDS)}, and needs window_columns")
        return cls(
            front=FrontEnd.from_parameters(parameters),
            kind=kind,
            window_columns=int(parameters["window_columns"]),
            most_windows=most_windows,
            size=None if kind == "bands" else int(parameters["picture_size"]),
        )

    def of(self, samples: Float32) -> UInt8:
        """Pictures of a song.

        Args:
            samples: mono, at the front end's rate, at least one.

        Returns:
            ``(windows, channels, height, width)``, 0–255.
        """
        mel = log_mel(samples, self.front)
        starts = windows(len(mel), self.window_columns, self.most_windows)
        if self.kind == "bands":
            return cut(picture(mel), starts, self.window_columns)
        return np.stack([self._square(mel[at : at + self.window_columns]) for at in starts])

    def _square(self, window: Float32) -> UInt8:
        """The picture of one window, as if it were a file of its own."""
        window = np.maximum(window - window.max(), -RANGE_DB)
        if self.kind == "specshow":
            low, high = self.front.fmin, self.front.fmax
            return specshow(window, fmin=low, fmax=high, height=self.size, width=self.size)
        return picture(window, height=self.size, width=self.size)[:, ::-1]

"""The parameters of a mel front end, and nothing else.

They travel as text in a Triton model's ``config.pbtxt`` (``parameters``), so that the code that
serves a model and the code that trains or exports it read the same numbers from the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

PAD_MODES = ("constant", "reflect")


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How samples become a mel spectrogram; names and meanings as in ``librosa.feature``.

    Attributes:
        sample_rate: Hz that audio is resampled to before analysis.
        n_fft: samples in a Fourier window (periodic Hann).
        hop_length: samples between the starts of neighbouring frames.
        n_mels: mel bands (Slaney scale and normalisation).
        fmin: lower edge of the lowest band, Hz.
        fmax: upper edge of the highest band, Hz.
        power: exponent of the magnitude, 2 for power, 1 for magnitude.
        pool: neighbouring frames averaged (as power, before decibels) into one column.
        top_db: decibels kept below the loudest value.
        pad_mode: what stands before the first and behind the last sample: ``constant`` (silence)
            or ``reflect`` (the song mirrored, librosa's default before 0.10).
    """

    sample_rate: int
    n_fft: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float
    power: float = 2.0
    pool: int = 1
    top_db: float = 80.0
    pad_mode: str = "constant"

    def __post_init__(self) -> None:
        if self.pad_mode not in PAD_MODES:
            raise ValueError(f"pad_mode is {self.pad_mode!r}, not one of {', '.join(PAD_MODES)}")

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> FrontEnd:
        """Read a front end from configuration text; other keys are ignored.

        Raises:
            ValueError: a key is missing, its text is no number, or the padding is unknown.
        """
        kinds: dict[str, Callable[[str], Any]] = {"int": int, "float": float, "str": str}
        values = {
            field.name: kinds[str(field.type)](parameters[field.name])
            for field in fields(cls)
            if field.name in parameters
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"front end parameters are incomplete: {error}") from None

    @property
    def seconds_per_column(self) -> float:
        """Seconds between the starts of neighbouring columns."""
        return self.hop_length * self.pool / self.sample_rate

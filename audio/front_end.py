"""The parameters of a mel front end, and nothing else.

They travel as text in a Triton model's ``config.pbtxt`` (``parameters``), so that the code that
serves a model and the code that trains or exports it read the same numbers from the same place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


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

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> FrontEnd:
        """Read a front end from configuration text; other keys are ignored.

        Raises:
            ValueError: a key is missing or its text is no number.
        """
        values: dict[str, float] = {}
        for field in fields(cls):
            if field.name in parameters:
                number = int if field.type == "int" else float
                values[field.name] = number(parameters[field.name])
        try:
            return cls(**values)  # type: ignore[arg-type]  # ints and floats by declared type
        except TypeError as error:
            raise ValueError(f"front end parameters are incomplete: {error}") from None

    @property
    def seconds_per_column(self) -> float:
        """Seconds between the starts of neighbouring columns."""
        return self.hop_length * self.pool / self.sample_rate

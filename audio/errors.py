"""What can be wrong with audio that somebody sent.

    AudioError
    ├── EmptyData         nothing was sent, or a file without a single sample
    ├── IllegalData       not audio, an unsupported codec, damaged, or over a limit of form
    └── ExceededDuration  longer than the limit

``str(error)`` is ``Code: detail``: the form in which the error crosses Triton, so that every front
maps it the same way. The detail says what was found and what to change.
"""

from __future__ import annotations


class AudioError(ValueError):
    """Audio that cannot be analysed; ``code`` is the name in the wire protocols."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def code(self) -> str:
        """The error's name, which is the class's."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class EmptyData(AudioError):
    """There is nothing to decode."""


class IllegalData(AudioError):
    """The bytes cannot be decoded within the limits of form."""


class ExceededDuration(AudioError):
    """The audio lasts longer than the limit.

    Attributes:
        seconds: the duration found: as declared by the file, or as far as decoding went.
    """

    def __init__(self, seconds: float, limit: float) -> None:
        super().__init__(f"{seconds:.1f} s, the limit is {limit:g} s")
        self.seconds = seconds

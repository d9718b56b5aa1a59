"""The bundled models' front ends, read from the configurations that serve them.

A network must be trained on what it will be shown, so there is one place for these numbers: the
``parameters`` of the stage that computes them in Triton.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from audio.front_end import FrontEnd

_REPOSITORY = Path(__file__).parents[1] / "model_repository"


def front_end(model: str) -> FrontEnd:
    """The front end of a stage of the bundled repository, such as ``genre_mel``.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: its configuration names no complete front end.
    """
    text = (_REPOSITORY / model / "config.pbtxt").read_text()
    parameters = text_format.Parse(text, model_config_pb2.ModelConfig()).parameters
    return FrontEnd.from_parameters({key: each.string_value for key, each in parameters.items()})


GENRE = front_end("genre_mel")
"""The reference service's mel, two frames a column (46.4 ms)."""

CHORUS = front_end("chorus_mel")
"""32 ms frames, six of them to a frame of the curves (0.192 s)."""

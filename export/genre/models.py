"""The three models of a genre network: its pictures, itself, and the ensemble of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from export import configs
from export.configs import AUDIO, TIMES, Machine, Tensor
from export.staging import Staging

_ADAPTER = Path(__file__).parents[2] / "model_repository" / "genre_mel" / "1" / "model.py"


@dataclass(frozen=True)
class GenreModels:
    """What the configurations say.

    Attributes:
        name: of the ensemble; the others add ``_mel`` and ``_vit``.
        version: of all three.
        labels: of the classes, in the network's order.
        picture: dimensions of one: channels, height, width.
        parameters: of the stage that makes pictures.
        buckets: windows that songs are filled up to, ascending.
    """

    name: str
    version: int
    labels: tuple[str, ...]
    picture: Sequence[int]
    parameters: Mapping[str, str]
    buckets: Sequence[int]

    def write(self, stage: Staging, machine: Machine) -> Path:
        """Write everything but the network; the folder that it goes to.

        Raises:
            ExportError: the repository has this version, or another model of a name.
        """
        pictures = Tensor("PICTURES", "UINT8", [-1, *self.picture])
        weights = Tensor("WEIGHTS", "FP32", [-1])
        outputs = [Tensor("PROBABILITIES", "FP32", [len(self.labels)], "labels.txt")]
        buckets = {"window_buckets": ",".join(map(str, self.buckets))}
        mel = configs.python_stage(
            f"{self.name}_mel", [AUDIO], [pictures, weights, TIMES],
            {**self.parameters, **buckets}, machine,
        )  # fmt: skip
        usual = {"PICTURES": [1, *self.picture], "WEIGHTS": [1]}
        vit = configs.network(f"{self.name}_vit", [pictures, weights], outputs, usual, machine)
        version = {"model_version": f"{self.version}.0.0"}
        whole = configs.ensemble(self.name, [*outputs, TIMES], [mel, vit], version)
        (stage.model(mel) / "model.py").write_bytes(_ADAPTER.read_bytes())
        network = stage.model(vit, self.labels)
        (stage.model(whole, self.labels) / ".keep").touch()
        return network

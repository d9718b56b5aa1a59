"""A chorus network on its way into a repository, and what its neighbours must be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from torch import nn

from export.configs import Spread, Tensor
from export.proof import Inputs


@dataclass(frozen=True)
class Candidate:
    """What the command needs to know, whichever network it is.

    Attributes:
        network: in evaluation mode; takes ``inputs`` in their order.
        to_onnx: the graph, with ONNX Runtime's own operators or without.
        fused: how many of those operators there must be.
        inputs: of the graph, without the batch axis.
        curves: how many the network gives (three, or one from which the others are told).
        usual: shape of each input for warming up.
        batch: most songs at once; 1 for a network without a mask.
        spread: of song lengths, for engines that are built for some.
        features: parameters of the stage that computes the inputs.
        segments: parameters of the stage that cuts the curves.
        examples: inputs of odd lengths, for proofs.
        notes: what to put into the report.
    """

    network: nn.Module
    to_onnx: Callable[[bool], onnx.ModelProto]
    fused: int
    inputs: Sequence[Tensor]
    curves: int
    usual: Mapping[str, Sequence[int]]
    batch: int
    spread: Spread
    features: Mapping[str, str]
    segments: Mapping[str, str]
    examples: Callable[[], Iterator[Inputs]]
    notes: Mapping[str, Any]

"""Holding one form of a network against another, with tolerances that fail the export."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from export.errors import ExportError

Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]
Run = Callable[..., Float32]
"""A network: its inputs, in the order of the graph, to its one output."""

Inputs = tuple[NDArray[Any], ...]

BATCHES = (1, 2, 7)
WINDOWS = (1, 3)
EXACT = 1e-4
"""Largest difference of a probability between PyTorch and ONNX in single precision."""
HALF = 5e-3
"""… and in half precision."""

LEAST_SPEED = 1.5
LEAST_AGREEMENT = 0.99
LARGEST_MEAN_DIFFERENCE = 0.01


@dataclass(frozen=True, slots=True)
class Gate:
    """What 8 bits cost and bring, against single precision on the same pictures."""

    speed: float
    agreement: float
    mean_difference: float

    def refuse(self) -> None:
        """Let nothing through that is not worth it.

        Raises:
            ExportError: too slow, or too different.
        """
        faults = []
        if self.speed < LEAST_SPEED:
            faults.append(f"{self.speed:.2f} times as fast, at least {LEAST_SPEED} are asked")
        if self.agreement < LEAST_AGREEMENT:
            faults.append(
                f"the same first genre for {self.agreement:.1%} of the pictures, at least "
                f"{LEAST_AGREEMENT:.0%} are asked"
            )
        if self.mean_difference > LARGEST_MEAN_DIFFERENCE:
            faults.append(
                f"probabilities off by {self.mean_difference:.4f} on average, at most "
                f"{LARGEST_MEAN_DIFFERENCE} are allowed"
            )
        if faults:
            raise ExportError(
                f"int8 is refused: {'; '.join(faults)}. Export with --precision fp32, or give "
                "clips of your own kind of music with --clips"
            )


def session(model: onnx.ModelProto, threads: int = 1) -> ort.InferenceSession:
    """The graph, ready to run on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def runner(model: onnx.ModelProto, threads: int = 1) -> Run:
    """The graph as a function."""
    running = session(model, threads)
    names = [each.name for each in running.get_inputs()]

    def run(*inputs: NDArray[Any]) -> Float32:
        (answer,) = running.run(None, dict(zip(names, inputs, strict=True)))
        return np.asarray(answer)

    return run


def examples(pictures: UInt8) -> Iterator[tuple[UInt8, Float32]]:
    """Batches of every size that is proven, of songs with an odd number of windows.

    Args:
        pictures: ``(N, C, H, W)``, taken in turn. The last window of every other song is padding.
    """
    for batch in BATCHES:
        for windows in WINDOWS:
            index = np.arange(batch * windows) % len(pictures)
            chosen = pictures[index].reshape(batch, windows, *pictures.shape[1:])
            weights = np.ones((batch, windows), dtype=np.float32)
            if windows > 1:
                weights[::2, -1] = 0.0
            yield chosen, weights


def answers(run: Run, shown: Iterable[Inputs]) -> list[Float32]:
    """What a network says to each of the inputs."""
    return [run(*inputs) for inputs in shown]


def hold(
    name: str, expected: Sequence[Float32], run: Run, shown: Sequence[Inputs], tolerance: float
) -> float:
    """The largest difference of a network from the answers that are expected of it.

    Raises:
        ExportError: it is over the tolerance.
    """
    largest = 0.0
    for inputs, wanted in zip(shown, expected, strict=True):
        found = run(*inputs)
        if wanted.shape != found.shape or not np.isfinite(found).all():
            raise ExportError(f"{name}: answers of another form at {inputs[0].shape[:2]}")
        largest = max(largest, float(np.abs(wanted - found).max()))
    if largest > tolerance:
        raise ExportError(f"{name}: probabilities differ by {largest:.2g}, over {tolerance:g}")
    return largest


def gate(whole: onnx.ModelProto, narrow: onnx.ModelProto, pictures: UInt8) -> Gate:
    """Measure 8 bits against single precision, one picture at a time, by turns, on one thread."""
    runs = [runner(whole), runner(narrow)]
    weights = np.ones((1, 1), dtype=np.float32)
    answers: list[list[Float32]] = [[], []]
    seconds: list[list[float]] = [[], []]
    for picture in pictures:
        for each, run in enumerate(runs):
            started = time.perf_counter()
            answers[each].append(run(picture[np.newaxis, np.newaxis], weights)[0])
            seconds[each].append(time.perf_counter() - started)
    first, second = (np.stack(each) for each in answers)
    return Gate(
        speed=float(np.median(seconds[0]) / np.median(seconds[1])),
        agreement=float((first.argmax(axis=1) == second.argmax(axis=1)).mean()),
        mean_difference=float(np.abs(first - second).mean()),
    )


def latencies(run: Run, pictures: UInt8, batches: Sequence[int], rounds: int) -> list[list[float]]:
    """Seconds of each of ``rounds`` calls, a list a batch size."""
    measured = []
    for batch in batches:
        chosen = pictures[np.arange(batch) % len(pictures)][:, np.newaxis]
        weights = np.ones((batch, 1), dtype=np.float32)
        run(chosen, weights)
        seconds = []
        for _ in range(rounds):
            started = time.perf_counter()
            run(chosen, weights)
            seconds.append(time.perf_counter() - started)
        measured.append(seconds)
    return measured

"""The chorus model as Triton serves it, on real songs, beside what needs no training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio.chorus_features import FRAME_SEC, chorus_features, spectra
from audio.decode import decode
from audio.segments import segments
from export.front_ends import CHORUS
from export.training.chorus import baseline
from export.training.evaluation import PICTURES
from export.training.evaluation.chorus_scores import (
    HIT,
    Annotation,
    SongScore,
    calibration_error,
    curve_at,
    grid,
    reliability,
    score,
)

Float32 = NDArray[np.float32]

_RESAMPLES = 2000
_TIMEOUT = 120  # seconds a song


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered for a song."""

    curve: Float32  # (T,) of chorus
    result: dict[str, Any]  # the DeepChorus payload


def evaluate(url: str, data: Path) -> str:
    """Score the served model and the baselines.

    Args:
        url: Triton's gRPC address.
        data: the folder that holds ``songs/``.

    Returns:
        A Markdown table with bootstrap 95 % intervals over songs, and a line a song.
    """
    songs = annotations(data / "songs")
    contents = [(data / "songs" / song.name).read_bytes() for song in songs]
    return report(songs, contents, list(served(url, contents)))


def evaluate_file(network: Path, data: Path) -> str:
    """As :func:`evaluate`, for an ONNX file and without Triton: what a training run ends with."""
    songs = annotations(data / "songs")
    contents = [(data / "songs" / song.name).read_bytes() for song in songs]
    return report(songs, contents, list(_answered(network, contents)))


def report(
    songs: Sequence[Annotation], contents: Sequence[bytes], answers: Sequence[Answer]
) -> str:
    """The Markdown of :func:`evaluate` for answers that are there already."""
    rows = [_row("bundled network", _scores(songs, answers))]
    heard = [spectra(decode(content, CHORUS.sample_rate), CHORUS) for content in contents]
    methods: dict[str, Callable[..., Float32]] = {
        "loudness over repeats + best 12 s repeat, no training": baseline.loud_repeats,
        "loudness, no training": baseline.loudness,
    }
    for name, method in methods.items():
        curves = [method(song) for song in heard]
        payloads = [
            Answer(curve, baseline.payload(curve, song.duration))
            for curve, song in zip(curves, songs, strict=True)
        ]
        rows.append(_row(name, _scores(songs, payloads)))
    judged = sum(bool(song.chorus) for song in songs)
    header = (
        f"| {judged} songs with choruses | AUC | F1 | thumbnail in chorus |"
        f" start within {HIT:.0f} s | end within {HIT:.0f} s | median start error |\n"
        "|---|---|---|---|---|---|---|"
    )
    return "\n".join([header, *rows, "", *_each(songs, answers), "", _trust(songs, answers)])


def annotations(folder: Path) -> list[Annotation]:
    """The annotated songs of a folder."""
    stored = json.loads((folder / "annotations.json").read_text())
    return [
        Annotation(name, song["duration"], song["chorus"], song["ignore"])
        for name, song in stored.items()
    ]


def served(url: str, contents: Sequence[bytes]) -> Iterator[Answer]:
    """Ask Triton's ensemble ``chorus`` about one encoded song after the other."""
    import tritonclient.grpc as triton

    with triton.InferenceServerClient(url) as client:
        for content in contents:
            audio = triton.InferInput("AUDIO", [1, 1], "BYTES")
            audio.set_data_from_numpy(np.array([[content]], dtype=object))
            answer = client.infer("chorus", [audio], client_timeout=_TIMEOUT)
            text = answer.as_numpy("SEGMENTS").item()
            yield Answer(answer.as_numpy("CURVES")[0, :, 0], json.loads(text))


def _answered(network: Path, contents: Sequence[bytes]) -> Iterator[Answer]:
    """What the stages of the ensemble do, one after the other in this process."""
    import onnxruntime

    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    for content in contents:
        samples = decode(content, CHORUS.sample_rate)
        features = chorus_features(samples, CHORUS)[np.newaxis]
        mask = np.ones(features.shape[:2], np.float32)
        curves = session.run(["CURVES"], {"FEATURES": features, "MASK": mask})[0][0]
        yield Answer(curves[:, 0], segments(curves, len(samples) / CHORUS.sample_rate))


def _scores(songs: Sequence[Annotation], answers: Sequence[Answer]) -> list[SongScore]:
    return [
        score(song, answer.curve, FRAME_SEC, answer.result)
        for song, answer in zip(songs, answers, strict=True)
        if song.chorus
    ]


def _row(name: str, scores: Sequence[SongScore]) -> str:
    measures: list[Callable[[Sequence[SongScore]], float]] = [
        lambda s: float(np.mean([x.auc for x in s])),
        lambda s: float(np.mean([x.f1 for x in s])),
        lambda s: float(np.mean([x.thumbnail for x in s])),
        lambda s: float(np.mean(np.abs([e for x in s for e in x.start_errors]) <= HIT)),
        lambda s: float(np.mean(np.abs([e for x in s for e in x.end_errors]) <= HIT)),
        lambda s: float(np.median(np.abs([e for x in s for e in x.start_errors]))),
    ]
    return f"| {name} | " + " | ".join(_interval(scores, m) for m in measures) + " |"


def _interval(scores: Sequence[SongScore], measure: Callable[[Sequence[SongScore]], float]) -> str:
    """A measure with the range that it takes in 95 of 100 draws of songs."""
    rng = np.random.default_rng(0)
    draws = [
        measure([scores[i] for i in rng.integers(0, len(scores), len(scores))])
        for _ in range(_RESAMPLES)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return f"{measure(scores):.3f} ({low:.2f}-{high:.2f})"


def _each(songs: Sequence[Annotation], answers: Sequence[Answer]) -> Iterator[str]:
    yield "| song | AUC | F1 | start errors, s | chorus segments | thumbnail |"
    yield "|---|---|---|---|---|---|"
    for song, answer in zip(songs, answers, strict=True):
        fit = score(song, answer.curve, FRAME_SEC, answer.result)
        starts = " ".join(f"{error:+.1f}" for error in fit.start_errors)
        spans = " ".join(
            "{:.0f}-{:.0f}".format(*s["interval"]) for s in answer.result["chorus_segments"]
        )
        best = answer.result["thumbnail"][0]
        thumbnail = "{:.0f}-{:.0f}".format(*best["interval"]) + f" p {best['chorus_prob']:.2f}"
        name = song.name.rpartition(".")[0]
        yield f"| {name} | {fit.auc:.3f} | {fit.f1:.3f} | {starts} | {spans} | {thumbnail} |"


def _trust(songs: Sequence[Annotation], answers: Sequence[Answer]) -> str:
    """Draw how often a chorus probability comes true; say how far it is off on average."""
    said, true = [], []
    for song, answer in zip(songs, answers, strict=True):
        times, truth = grid(song)
        said.append(curve_at(answer.curve, FRAME_SEC, times))
        true.append(truth)
    probability, happened = np.concatenate(said), np.concatenate(true)
    _draw(reliability(probability, happened))
    error = calibration_error(probability, happened)
    return f"Calibration error of the chorus curve (ECE): {error:.3f}; picture in {PICTURES}"


def _draw(points: NDArray[np.float64]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    PICTURES.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(4, 4))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot(points[:, 0], points[:, 1], marker="o")
    axes.set(
        xlabel="chorus probability", ylabel="share of time that is chorus", xlim=(0, 1), ylim=(0, 1)
    )
    figure.tight_layout()
    figure.savefig(PICTURES / "chorus_reliability.png", dpi=120)
    plt.close(figure)

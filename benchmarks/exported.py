"""A ViT-B/16 that was exported, against the reference service with the same weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from transformers import ViTConfig, ViTForImageClassification
from transformers.utils.logging import disable_progress_bar

from benchmarks.load import median, rate, upload
from benchmarks.serving import PROJECT, gateway, http_process, triton
from benchmarks.sounds import clips
from export.genre.export import Precision, Request, export_genre

_ROUNDS = 3
_CLIENTS = 8


def exported(work: Path) -> None:
    """Genre of 30-second clips by an exported ViT-B/16: ours against PyTorch and matplotlib."""
    checkpoint, repository = work / "b16", work / "repository"
    _make(checkpoint)
    shutil.copytree(PROJECT / "model_repository", repository)
    for precision in (Precision.FP32, Precision.INT8):
        name = f"genre_{precision.value}"
        report = export_genre(
            Request(str(checkpoint), repository, name=name, precision=precision), lambda _: None
        )
    gate = report["gate"]
    print(
        f"int8 against fp32, one thread: {gate['speed']:.1f} times as fast, the same first genre "
        f"for {gate['agreement']:.0%}, probabilities off by {gate['mean_difference']:.4f}\n"
    )
    print("| network | reference, clips/s | ours, clips/s | ours ÷ reference |\n|---|---|---|---|")
    songs = clips(8)
    with (
        triton(work / "triton", repository) as server,
        http_process("benchmarks.vit_service", CHECKPOINT=str(checkpoint)) as (theirs, _),
    ):
        rate(upload(theirs), songs, 1, 2)  # warm
        for precision in (Precision.FP32, Precision.INT8):
            model = {"ACOUSTICSENSE_GENRE_MODEL": f"genre_{precision.value}"}
            with gateway(server, **model) as (ours, _):
                rate(upload(ours), songs, _CLIENTS, 8)
                pairs = [
                    (
                        rate(upload(theirs), songs, _CLIENTS, 8),
                        rate(upload(ours), songs, _CLIENTS, 48),
                    )
                    for _ in range(_ROUNDS)
                ]
            slow, fast = (median([pair[side] for pair in pairs]) for side in (0, 1))
            ratio = median([fast / slow for slow, fast in pairs])
            print(f"| {precision.value} | {slow:.2f} | {fast:.1f} | **{ratio:.1f}** |", flush=True)


def _make(folder: Path) -> None:
    """A ViT-B/16 with chance weights, which cost what trained ones do."""
    disable_progress_bar()
    torch.manual_seed(0)
    labels = (PROJECT / "model_repository" / "genre" / "labels.txt").read_text().splitlines()
    config = ViTConfig(id2label=dict(enumerate(labels)), label2id={})
    ViTForImageClassification(config).save_pretrained(folder)
    processor = {"size": {"height": 224, "width": 224}, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))

"""DeepChorus at its published size: seconds and memory of a song, by length and graph."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import onnx
import torch

from benchmarks.serving import CORES
from export.chorus.deepchorus import FRAMES_MULTIPLE, DeepChorus, Sizes
from export.chorus.graph import deepchorus_to_onnx
from export.chorus.published import HOP_LENGTH, SAMPLE_RATE
from export.onnx_graphs import stamp

_MINUTES = (1, 4, 10)
_PLAIN_MINUTES = (1, 4)  # at ten it needs more memory than many machines have

# Alone in a process, whose greatest size the kernel tells (getrusage would count its parent's too).
_CHILD = """
import json, pathlib, sys, time
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(sys.argv[3])
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(sys.argv[1], options, ["CPUExecutionProvider"])
features = np.random.default_rng(0).exponential(1.0, (1, int(sys.argv[2]), 128))
started = time.perf_counter()
session.run(None, {"FEATURES": features.astype(np.float32)})
seconds = time.perf_counter() - started
status = pathlib.Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
print(json.dumps([seconds, peak]))
"""


def deepchorus(work: Path) -> None:
    """DeepChorus with chance weights in ONNX Runtime: seconds and memory, all of its process."""
    work.mkdir(parents=True)
    print("| attention | minutes of sound | seconds | MiB |\n|---|---|---|---|")
    for fused, lengths in ((True, _MINUTES), (False, _PLAIN_MINUTES)):
        file = network_file(work, fused=fused)
        for minutes in lengths:
            seconds, peak = measured(file, minutes)
            name = "fused" if fused else "plain (for TensorRT)"
            print(f"| {name} | {minutes} | {seconds:.1f} | {peak / 2**20:.0f} |", flush=True)


def network_file(folder: Path, *, fused: bool) -> Path:
    """The network as ``export chorus`` writes it; chance weights cost what trained ones do."""
    torch.manual_seed(0)
    model = deepchorus_to_onnx(DeepChorus(Sizes()).eval(), fused=fused)
    stamp(model)
    path = folder / f"{'fused' if fused else 'plain'}.onnx"
    onnx.save(model, path)
    return path


def measured(file: Path, minutes: float) -> tuple[float, int]:
    """Seconds of a song of so many minutes, and the most bytes that its process held."""
    frames = 1 + round(minutes * 60 * SAMPLE_RATE) // HOP_LENGTH
    frames += FRAMES_MULTIPLE - frames % FRAMES_MULTIPLE
    command = [sys.executable, "-c", _CHILD, str(file), str(frames), str(CORES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak

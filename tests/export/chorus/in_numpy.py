"""DeepChorus in NumPy, in Keras' words: weights are drawn as its layers are made, and written down.

An account of the network that shares nothing with ours, small enough to be followed: what it
computes is what a file with these weights must compute.
"""

from __future__ import annotations

from collections import Counter

import h5py
import numpy as np

CHUNK = 43
SCALES = (1, 2, 3, 3, 2, 1)
STEM, CHANNELS, SUMMARY, DETAIL = (4, 6, 8, 8), 8, 6, 4


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


class Network:
    """One pass through the network; ``layers`` has every layer's name and tensors afterwards."""

    def __init__(self, seed=0, first=0):
        self.chance = np.random.default_rng(seed)
        self.counts = Counter(dict.fromkeys(("conv1d", "batch_normalization"), first))
        self.layers = []

    def made(self, kind, **tensors):
        number = self.counts[kind]
        self.counts[kind] += 1
        self.layers.append((f"{kind}_{number}" if number else kind, tensors))
        return tensors

    def drawn(self, *shape):
        """Of a size that keeps what passes through about as large as it was."""
        inputs = np.prod(shape[:-1]) if len(shape) > 1 else 25
        return (self.chance.standard_normal(shape) / np.sqrt(inputs)).astype(np.float32)

    def conv2d(self, x, filters):
        """``(bands, time, channels)``, three by three, zeros around."""
        w = self.made("conv2d", kernel=self.drawn(3, 3, x.shape[-1], filters),
                      bias=self.drawn(filters))  # fmt: skip
        x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        around = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))
        return np.einsum("bticxy,xyco->bto", around[:, :, None], w["kernel"]) + w["bias"]

    def conv1d(self, x, filters, size=3, stride=1):
        w = self.made("conv1d", kernel=self.drawn(size, x.shape[-1], filters),
                      bias=self.drawn(filters))  # fmt: skip
        if stride == 1:
            x = np.pad(x, ((size // 2, size // 2), (0, 0)))
        around = np.lib.stride_tricks.sliding_window_view(x, size, axis=0)[::stride]
        return np.einsum("tcx,xco->to", around, w["kernel"]) + w["bias"]

    def conv1d_transpose(self, x, filters):
        w = self.made("conv1d_transpose", kernel=self.drawn(3, 1, filters, x.shape[-1]),
                      bias=self.drawn(filters))  # fmt: skip
        return np.einsum("tc,xoc->txo", x, w["kernel"][:, 0]).reshape(-1, filters) + w["bias"]

    def normalised(self, x):
        size = x.shape[-1]
        w = self.made(
            "batch_normalization", gamma=1 + self.drawn(size), beta=self.drawn(size),
            moving_mean=self.drawn(size), moving_variance=np.exp(self.drawn(size)),
        )  # fmt: skip
        scale = w["gamma"] / np.sqrt(w["moving_variance"] + 1e-3)
        return (x - w["moving_mean"]) * scale + w["beta"]

    def attention(self, x):
        size = x.shape[-1]
        w = self.made("multi_head_attention", **{
            f"{kind}{part}": self.drawn(*shape) for part in "qkvo"
            for kind, shape in (("W", (size, size)), ("b", (size,)))
        })  # fmt: skip
        q, k, v = (elu(x @ w[f"W{part}"] + w[f"b{part}"]) for part in "qkv")
        scores = q @ k.T / np.sqrt(size)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return elu(shares @ v @ w["Wo"] + w["bo"])

    def path(self, x, source, target):
        if source == target:
            return self.conv1d(x, CHANNELS)
        for _ in range(abs(target - source)):
            down = target > source
            x = self.conv1d(x, CHANNELS, 3, 3) if down else self.conv1d_transpose(x, CHANNELS)
        return x

    def exchange(self, scales, after):
        brought = [[self.path(x, i, j) for j in range(after)] for i, x in enumerate(scales)]
        result = []
        for each in zip(*brought, strict=True):
            x = np.concatenate(each, axis=1)
            for _ in range(2):
                x = self.normalised(elu(self.conv1d(x, CHANNELS)))
            result.append(x)
        return result

    def __call__(self, features):
        """``(frames, 128)`` to ``(scores,)``."""
        x = features.T[..., np.newaxis].astype(np.float64)
        for filters, pool in zip(STEM, (4, 4, 4, 2), strict=True):
            x = self.normalised(elu(self.conv2d(x, filters)))
            x = x.reshape(len(x) // pool, pool, *x.shape[1:]).mean(axis=1)
        scales = [x[0]]
        for after in SCALES[1:]:
            scales = self.exchange(scales, after)
        x = scales[0]
        for _ in range(3):
            x = elu(self.conv1d(self.normalised(x + self.attention(x)), CHANNELS))
        x = self.normalised(self.conv1d(x, SUMMARY, CHUNK, CHUNK))
        x = self.normalised(elu(self.conv1d(x, DETAIL)))
        return 1 / (1 + np.exp(-self.conv1d(x, 1)[:, 0]))


def layers_of(seed=0, first=0):
    network = Network(seed, first)
    network(np.zeros((45, 128)))
    return network.layers


def write(path, layers, *, whole=False, order=None):
    """A file as Keras writes it: of the weights, or of the whole model."""
    with h5py.File(path, "w") as file:
        group = file.create_group("model_weights") if whole else file
        names = [name for name, _ in layers]
        shown = [*(names if order is None else [names[i] for i in order]), "flatten"]
        group.attrs["layer_names"] = [name.encode() for name in shown]
        group.create_group("flatten").attrs["weight_names"] = np.array([], dtype="S1")
        for name, tensors in layers:
            inside = f"{name}/conv2d_transpose" if "transpose" in name else name
            prefix = f"{name}_" if "attention" in name else ""
            keys = {f"{inside}/{prefix}{part}:0": value for part, value in tensors.items()}
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [key.encode() for key in keys]
            for key, value in keys.items():
                layer.create_dataset(key, data=value)
    return path

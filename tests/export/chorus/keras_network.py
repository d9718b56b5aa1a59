"""DeepChorus in Keras 2, with chance weights: written to a ``.h5`` file with answers beside it.

Runs where TensorFlow is installed, apart from everything else (``make test-keras``), and imports
nothing of the project: it is the other side of the comparison, built from the paper.

    python keras_network.py FOLDER    # deepchorus.h5, answers.npz
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

LENGTHS = (45, 99, 909)
CHANNELS = 128
SCALES = (1, 2, 3, 3, 2, 1)


class Conv1DTranspose(layers.Layer):
    """A transposed convolution over time, as a layer of two dimensions within."""

    def __init__(self, filters):
        super().__init__()
        self.inner = layers.Conv2DTranspose(filters, (3, 1), (3, 1), "same")

    def call(self, x):
        return tf.squeeze(self.inner(tf.expand_dims(x, 2)), 2)


class MultiHeadAttention(layers.Layer):
    """One head with an ELU behind each of its four products."""

    def build(self, shape):
        width = int(shape[-1])
        for part in "qkvo":
            for kind, size in (("W", (width, width)), ("b", (width,))):
                name = f"{self.name}_{kind}{part}"
                setattr(self, f"{kind}{part}", self.add_weight(name=name, shape=size))

    def call(self, x):
        q, k, v = (
            tf.nn.elu(tf.matmul(x, getattr(self, f"W{part}")) + getattr(self, f"b{part}"))
            for part in "qkv"
        )
        scores = tf.matmul(q, k, transpose_b=True) / tf.sqrt(float(x.shape[-1]))
        return tf.nn.elu(tf.matmul(tf.nn.softmax(scores), v) @ self.Wo + self.bo)


def over_time(x, activation=None, filters=CHANNELS):
    return layers.Conv1D(filters, 3, padding="same", activation=activation)(x)


def path(x, source, target):
    if source == target:
        return over_time(x)
    for _ in range(abs(target - source)):
        if target > source:
            x = layers.Conv1D(CHANNELS, 3, strides=3, padding="same")(x)
        else:
            x = Conv1DTranspose(CHANNELS)(x)
    return x


def exchange(scales, after):
    brought = [[path(x, i, j) for j in range(after)] for i, x in enumerate(scales)]
    result = []
    for each in zip(*brought):  # noqa: B905  as long as each other
        x = layers.Concatenate()(list(each)) if len(each) > 1 else each[0]
        for _ in range(2):
            x = layers.BatchNormalization()(over_time(x, "elu"))
        result.append(x)
    return result


def attended(x):
    return layers.BatchNormalization()(layers.Add()([MultiHeadAttention()(x), x]))


def network():
    x = start = keras.Input((128, None, 1))
    for filters, pool in zip((64, 128, 256, 256), (4, 4, 4, 2), strict=True):
        x = layers.Conv2D(filters, 3, padding="same", activation="elu")(x)
        x = layers.AveragePooling2D((pool, 1))(layers.BatchNormalization()(x))
    scales = [layers.Reshape((-1, 256))(x)]
    for after in SCALES[1:]:
        scales = exchange(scales, after)
    (x,) = scales
    for _ in range(3):
        x = over_time(attended(x), "elu")
    x = layers.BatchNormalization()(layers.Conv1D(64, 43, strides=43)(x))
    x = layers.BatchNormalization()(over_time(x, "elu", 32))
    return keras.Model(start, layers.Flatten()(over_time(x, "sigmoid", 1)))


def main(folder: Path) -> None:
    """Write the weights, and inputs with their answers."""
    keras.utils.set_random_seed(0)
    layers.Conv1D(1, 1)  # numbers begin anywhere: a session may have made other layers before
    model = network()
    chance = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            size = layer.get_weights()[0].shape
            layer.set_weights([
                chance.uniform(0.5, 1.5, size), chance.normal(0, 0.3, size),
                chance.normal(0, 0.3, size), chance.uniform(0.2, 1.5, size),
            ])  # fmt: skip
    # The last bias such that scores lie about one half, where they tell most.
    kernel, bias = model.layers[-2].get_weights()
    seen = chance.exponential(1.0, (1, 128, 909, 1)).astype(np.float32)
    middle = np.median(model(seen, training=False).numpy().astype(np.float64))
    model.layers[-2].set_weights([kernel, bias - np.log(middle / (1 - middle))])
    model.save_weights(str(folder / "deepchorus.h5"))
    model.save(str(folder / "whole.h5"))
    answers = {}
    for length in LENGTHS:
        features = chance.exponential(1.0, (2, length, 128)).astype(np.float32)
        seen = features.transpose(0, 2, 1)[..., None]
        answers[f"features_{length}"] = features
        answers[f"scores_{length}"] = model(seen, training=False).numpy()
    np.savez(folder / "answers.npz", **answers)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

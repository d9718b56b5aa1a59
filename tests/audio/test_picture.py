from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from audio.picture import picture


def _log_mel(columns: int, bands: int) -> np.ndarray:
    levels = np.random.default_rng(3).uniform(-80, 0, (columns, bands))
    return levels.astype(np.float32)


def test_grey_is_the_coding_of_the_training_clips() -> None:
    decibels = np.array([[-80.0, -40.0], [0.0, -0.1], [-79.9, -100.0]], dtype=np.float32)
    coded = picture(decibels)
    assert coded.dtype == np.uint8
    np.testing.assert_array_equal(coded, [[[0, 255, 0], [128, 255, 0]]])


def test_coding_and_decoding_stay_within_half_a_grey_level() -> None:
    decibels = _log_mel(50, 128)
    decoded = picture(decibels)[0].T * (80.0 / 255.0) - 80.0
    assert np.abs(decoded - decibels).max() <= 40.0 / 255.0 + 1e-4


@pytest.mark.parametrize("size", [(224, 224), (64, 100), (128, 30), (200, 500)])
def test_resizing_agrees_with_an_antialiased_image_library(size: tuple[int, int]) -> None:
    decibels = _log_mel(300, 128)
    height, width = size
    ours = picture(decibels, height=height, width=width)[0]
    image = Image.fromarray((decibels.T + 80.0) * (255.0 / 80.0))
    theirs = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    assert ours.shape == size
    assert np.abs(ours - theirs).max() <= 0.51


def test_one_size_alone_may_be_changed() -> None:
    assert picture(_log_mel(300, 128), width=10).shape == (1, 128, 10)
    assert picture(_log_mel(300, 128), height=10).shape == (1, 10, 300)


def test_magma_is_matplotlibs_colour_of_the_same_grey() -> None:
    decibels = _log_mel(40, 16)
    drawn = colormaps["magma"](picture(decibels)[0], bytes=True)[..., :3]
    coloured = picture(decibels, colormap="magma")
    assert coloured.shape == (3, 16, 40)
    assert np.abs(np.moveaxis(coloured, 0, -1).astype(int) - drawn).max() <= 1


def test_an_unknown_colormap_or_an_empty_size_is_refused() -> None:
    with pytest.raises(ValueError, match="viridis"):
        picture(_log_mel(4, 4), colormap="viridis")
    with pytest.raises(ValueError, match="resized"):
        picture(_log_mel(4, 4), width=0)


def test_no_drawing_library_is_imported() -> None:
    code = (
        "import sys, audio.picture; print([m for m in ('matplotlib', 'PIL') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"

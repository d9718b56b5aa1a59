from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.windows import cut, windows


@given(columns=st.integers(1, 20_000), window=st.integers(1, 500), most=st.integers(1, 40))
def test_windows_lie_in_the_song_reach_both_ends_and_are_evenly_spread(
    columns: int, window: int, most: int
) -> None:
    starts = windows(columns, window, most)
    assert 1 <= len(starts) <= most
    assert starts[0] >= 0
    assert starts[-1] + window <= max(columns, window)
    if len(starts) > 1:
        assert starts[0] == 0
        assert starts[-1] == columns - window
        gaps = np.diff(starts)
        assert gaps.min() > 0 or columns - window < len(starts)
        assert gaps.max() - gaps.min() <= 1
    if most >= columns / window:
        assert {*range(columns)} <= {at for start in starts for at in range(start, start + window)}


def test_a_thirty_second_clip_has_three_windows_and_one_window_is_the_middle() -> None:
    assert windows(646, 216, 8) == [0, 215, 430]
    assert windows(646, 216, 1) == [215]
    assert windows(200, 216, 8) == [0]


def test_nothing_to_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        windows(0, 216, 8)
    with pytest.raises(ValueError, match="without columns"):
        cut(np.zeros((1, 4, 0), np.uint8), [0], 8)
    with pytest.raises(ValueError, match="do not lie"):
        cut(np.zeros((1, 4, 10), np.uint8), [3], 8)


def test_windows_hold_the_columns_they_start_at() -> None:
    picture = np.arange(2 * 3 * 20, dtype=np.uint8).reshape(2, 3, 20)
    pieces = cut(picture, [0, 7, 12], 8)
    assert pieces.shape == (3, 2, 3, 8)
    np.testing.assert_array_equal(pieces[1], picture[:, :, 7:15])


def test_a_short_picture_is_repeated_from_its_beginning() -> None:
    picture = np.array([[[1, 2, 3]]], dtype=np.uint8)
    np.testing.assert_array_equal(cut(picture, [0], 8), [[[[1, 2, 3, 1, 2, 3, 1, 2]]]])

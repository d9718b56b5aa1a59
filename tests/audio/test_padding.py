import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.padding import bucket, padded


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_padding_keeps_every_song_and_masks_the_rest(lengths):
    songs = [np.full((n, 3), i + 1, dtype=np.float32) for i, n in enumerate(lengths)]
    filled, mask = padded(songs, 40)
    assert filled.shape == (len(songs), 40, 3)
    for index, song in enumerate(songs):
        np.testing.assert_array_equal(filled[index, : len(song)], song)
        assert not filled[index, len(song) :].any()
        assert mask[index].sum() == len(song)


def test_a_song_longer_than_the_size_is_refused():
    with pytest.raises(ValueError, match="41 rows"):
        padded([np.zeros((41, 2))], 40)


@given(st.integers(1, 5000))
def test_a_bucket_holds_its_rows(rows):
    size = bucket(rows, [256, 512])
    assert rows <= size
    assert size - rows < 512
    assert size in {256, 512} or size % 512 == 0

"""MIDI, arrangements, augmentation and labels: what the chorus network is trained on."""

from __future__ import annotations

import random

import numpy as np
import pytest

from audio.chorus_features import FRAME_SEC, HOPS, Spectra
from export.training.chorus import midi
from export.training.chorus.arrangement import arrange
from export.training.chorus.augmentation import augment
from export.training.chorus.examples import targets
from export.training.chorus.pop909 import Song


def small_song():
    """Two verses and two choruses of eight bars at 120 beats a minute."""
    beats = [(i * 0.5, i % 4 == 0) for i in range(128)]
    melody = [midi.Note(i * 0.5, i * 0.5 + 0.4, 60 + i % 12, 90) for i in range(128)]
    sections = [(0.0, 16.0, "A"), (16.0, 32.0, "B"), (32.0, 48.0, "A"), (48.0, 64.0, "B")]
    return Song(
        name="000",
        tracks={"MELODY": melody, "BRIDGE": melody[::4], "PIANO": melody[::2]},
        beats=beats,
        chords=[
            (t, t + 2.0, name)
            for t, name in zip(range(0, 64, 2), ["C:maj", "A:min7"] * 16, strict=True)
        ],
        sections=sections,
        chorus=[(16.0, 32.0), (48.0, 64.0)],
        ignore=[],
    )


def test_notes_survive_writing_and_reading():
    notes = [midi.Note(0.5, 1.25, 60, 100), midi.Note(0.5, 2.0, 64, 80), midi.Note(300, 301, 60, 1)]
    read = midi.read(midi.write([midi.Part(0, 5, notes)]))
    found = [note for track in read.values() for note in track]
    assert [(n.pitch, n.velocity) for n in found] == [(60, 100), (64, 80), (60, 1)]
    assert [n.start for n in found] == pytest.approx([0.5, 0.5, 300], abs=1e-3)
    assert [n.end for n in found] == pytest.approx([1.25, 2.0, 301], abs=1e-3)


def test_a_note_that_ends_before_it_starts_is_ended_all_the_same():
    notes = midi.read(midi.write([midi.Part(0, 0, [midi.Note(1.0, 0.5, 60, 90)])]))
    assert [note.end - note.start for track in notes.values() for note in track] == [
        pytest.approx(1 / 960, abs=1e-6)
    ]


def test_tempo_changes_move_notes():
    header = b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96])
    events = b"\x00\xff\x51\x03\x0f\x42\x40"  # a second a quarter note
    events += b"\x60\xff\x51\x03\x07\xa1\x20"  # after one, half a second
    events += b"\x60\x90\x3c\x40\x60\x3c\x00\x00\xff\x2f\x00"  # running status
    notes = midi.read(header + b"MTrk" + len(events).to_bytes(4, "big") + events)[""]
    assert [(n.start, n.end) for n in notes] == [(pytest.approx(1.5), pytest.approx(2.0))]


def test_what_is_no_midi_file_is_refused():
    with pytest.raises(ValueError, match="not a Standard MIDI File"):
        midi.read(b"RIFF....")


@pytest.mark.parametrize("seed", range(12))
def test_an_arrangement_is_lawful_and_moves_its_labels_along(seed):
    song = small_song()
    made = arrange(song, random.Random(seed))
    scale = made.duration / song.duration
    assert 1 / 1.15 <= scale <= 1 / 0.88
    assert made.chorus == [pytest.approx((a * scale, b * scale)) for a, b in song.chorus]
    notes = [note for part in made.parts for note in part.notes]
    assert all(0 <= note.pitch <= 127 for note in notes)
    assert max(note.start for note in notes) < made.duration
    assert arrange(song, random.Random(seed)) == made


def test_choruses_are_lifted_a_little_at_most():
    song, lifts = small_song(), []
    for seed in range(60):
        melody = arrange(song, random.Random(seed)).parts[0].notes
        level = [np.mean([n.velocity for n in melody[i : i + 32]]) for i in (0, 32)]
        lifts.append(level[1] - level[0])
    assert max(np.abs(lifts)) < 18  # ten, two of chance, five of a quieter verse
    assert np.mean(lifts) > 1


def test_augmentation_changes_every_part_of_a_song_and_keeps_its_shape():
    rng = np.random.default_rng(0)
    song = Spectra(
        rng.random((HOPS * 300, 64)).astype(np.float32), rng.random((300, 60)).astype(np.float32)
    )
    other = augment(song, np.random.default_rng(1))
    assert other.mel.shape == song.mel.shape
    assert other.pitch.shape == song.pitch.shape
    assert (other.mel > 0).all()
    assert np.isfinite(other.mel).all()
    change = 10 * np.log10(other.mel / song.mel)
    assert 0.5 < np.abs(change - change.mean()).mean() < 15  # dB
    again = augment(song, np.random.default_rng(1))
    assert np.array_equal(again.mel, other.mel)


def test_targets_say_chorus_start_end_and_boundary():
    sections = np.array([[0.0, 10.0], [10.0, 20.0], [20.0, 30.0]])
    wanted = targets(round(30 / FRAME_SEC), np.array([[10.0, 20.0]]), sections)
    time = (np.arange(len(wanted)) + 0.5) * FRAME_SEC
    assert np.array_equal(wanted[:, 0] == 1, (time >= 10) & (time < 20))
    assert time[wanted[:, 1].argmax()] == pytest.approx(10, abs=FRAME_SEC)
    assert time[wanted[:, 2].argmax()] == pytest.approx(20, abs=FRAME_SEC)
    assert wanted[np.abs(time - 20).argmin(), 3] > 0.9
    assert wanted[np.abs(time - 15).argmin(), 1:].max() < 0.01

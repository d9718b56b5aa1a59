"""MIDI, arrangements, augmentation and labels: what the chorus network is trained on."""

from __future__ import annotations

import random

import numpy as np
import pytest

from audio.chorus_features import FRAME_SEC, HOPS, Spectra
from export.training.chorus import midi, mixing, singing
from export.training.chorus.arrangement import arrange
from export.training.chorus.augmentation import augment
from export.training.chorus.examples import targets
from export.training.chorus.pop909 import Song
from export.training.chorus.rearrangement import rearrange
from export.training.chorus.renders import Labels, Stems


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


def small_render():
    """Spectra of :func:`small_song`: each section has its own band; the voice is flat noise."""
    rng = np.random.default_rng(0)
    frames, song = round(64 / FRAME_SEC), small_song()
    section = np.minimum((np.arange(frames) * FRAME_SEC // 16).astype(int), 3)
    colours = rng.random((4, 64)).astype(np.float32) + 1
    band = Spectra(np.repeat(colours[section], HOPS, axis=0), colours[section][:, :60])
    voice = Spectra(*(np.full_like(array, 0.5) for array in band))
    labels = Labels(
        np.array([s[:2] for s in song.sections]),
        np.array([s[2] for s in song.sections]),
        np.array(song.chorus),
        np.zeros((0, 2)),
        np.array([(n.start, n.end) for n in song.tracks["MELODY"]]),
    )
    return Stems(voice, band), labels, colours


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
    notes = [note for part in [made.voice, *made.band] for note in part.notes]
    assert all(0 <= note.pitch <= 127 for note in notes)
    assert max(note.start for note in notes) < made.duration
    assert arrange(song, random.Random(seed)) == made


def test_choruses_are_lifted_a_little_at_most():
    song, lifts = small_song(), []
    for seed in range(60):
        melody = arrange(song, random.Random(seed)).voice.notes
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


@pytest.mark.parametrize("seed", range(40))
def test_a_rearranged_song_carries_its_labels_along(seed):
    stems, labels, colours = small_render()
    made, found = rearrange(stems, labels, np.random.default_rng(seed))
    frames = len(made.band.pitch)
    assert len(made.band.mel) == len(made.voice.mel) == HOPS * frames
    assert found.sections[0, 0] == 0
    assert found.sections[-1, 1] == pytest.approx(frames * FRAME_SEC, abs=FRAME_SEC)
    assert np.array_equal(found.sections[1:, 0], found.sections[:-1, 1])
    assert (found.notes[:, 0] < frames * FRAME_SEC).all()
    sung = made.voice.pitch[:, 0] > 0.1
    for start, end in found.chorus:  # is the music of a chorus, sung, and as long as one or half
        inside = slice(round(start / FRAME_SEC) + 1, round(end / FRAME_SEC) - 1)
        assert np.isin(made.band.pitch[inside, 0], colours[[1, 3], 0]).all()
        assert sung[inside].all()
    again, _ = rearrange(stems, labels, np.random.default_rng(seed))
    assert np.array_equal(again.band.mel, made.band.mel)


def test_rearranging_makes_songs_of_every_form():
    stems, labels, _ = small_render()
    made = [rearrange(stems, labels, np.random.default_rng(seed))[1] for seed in range(80)]
    assert {len(found.sections) for found in made} >= {4, 5}
    assert {len(found.chorus) for found in made} >= {1, 2}


def test_choruses_return_with_their_words_and_verses_mostly_do_not():
    _, labels, _ = small_render()
    alike = []
    for seed in range(40):
        words = singing._words(labels, 20, np.random.default_rng(seed))
        verse, chorus, again, same = words.reshape(4, 32)
        alike.append([np.mean(verse == again), np.mean(chorus == same)])
    verses, choruses = np.mean(alike, axis=0)
    assert choruses > 0.9
    assert 0.1 < verses < 0.6


def test_singing_gives_a_flat_voice_syllables():
    stems, labels, _ = small_render()
    song = singing.sung(stems.voice, labels, np.random.default_rng(0))
    assert song.mel.shape == stems.voice.mel.shape
    assert np.isfinite(song.mel).all()
    assert (10 * np.log10(song.mel)).std(axis=0).mean() > 2  # dB
    assert (10 * np.log10(song.pitch)).std(axis=0).mean() > 1


@pytest.mark.parametrize("seed", range(12))
def test_a_mix_holds_voice_and_band_and_is_the_same_again(seed):
    stems, labels, _ = small_render()
    song = mixing.mixed(stems, labels, np.random.default_rng(seed))
    assert song.mel.shape == stems.band.mel.shape
    assert song.pitch.shape == stems.band.pitch.shape
    assert np.isfinite(song.mel).all()
    assert (song.mel > 0).all()
    again = mixing.mixed(stems, labels, np.random.default_rng(seed))
    assert np.array_equal(again.mel, song.mel)


def test_choruses_are_hardly_louder_in_the_mix():
    stems, labels, _ = small_render()
    lifts = []
    for seed in range(60):
        level = mixing.mixed(stems, labels, np.random.default_rng(seed)).mel.mean(axis=1)
        verse, chorus = np.array_split(10 * np.log10(level[: len(level) // 2]), 2)
        lifts.append(np.median(chorus) - np.median(verse))
    assert abs(np.mean(lifts)) < 2.5  # dB; letters differ as much by chance
    assert min(lifts) < 0

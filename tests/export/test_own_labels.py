"""A folder of music with a folder a genre, to a model in the repository."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import onnx
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2 as pb

from audio.pictures import Pictures
from export import proof
from export.check import faults
from export.errors import ExportError
from export.training.genre.__main__ import main
from export.training.genre.folder import load_folder
from tests.export.music import GENRES, RATE, folder_of_music, sound
from tests.sounds import encode


def empty(folder):
    repository = folder / "repository"
    repository.mkdir()
    return repository


def run(*arguments):
    """The command's exit code, and what it said and complained of."""
    said, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
        patch.setattr("sys.argv", ["genre", *map(str, arguments)])
        code = main()
    return code, said.getvalue(), complained.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    music = folder_of_music(folder / "music", files=4)
    (music / "Winds" / "broken.mp3").write_bytes(b"ID3 and then nothing of music")
    (music / "Beats" / "cover.jpg").write_bytes(b"no music")
    (music / "notes.txt").write_text("neither")
    command = ["--folder", music, "--name", "genre_own", "--repository", empty(folder), "--work",
               folder / "work", "--epochs", "2", "--networks", "1"]  # fmt: skip
    code, said, complained = run(*command)
    assert code == 0, complained
    return folder, command, said.splitlines()


def test_the_model_is_in_the_repository_without_a_fault(trained):
    folder, _, said = trained
    repository = folder / "repository"
    names = ["genre_own", "genre_own_mel", "genre_own_vit"]
    assert sorted(each.name for each in repository.iterdir()) == names
    assert faults(repository, cores=1) == []
    assert (repository / "genre_own" / "labels.txt").read_text().split() == list(GENRES)
    report = json.loads((repository / "genre_own_vit" / "1" / "export.json").read_text())
    assert (report["files"], report["folds"], report["source"]) == (12, 4, "music")
    assert report["genres"] == list(GENRES)
    assert said[-1] == f"genre_own, genre_own_mel and genre_own_vit are in {repository}"


def test_it_hears_what_it_has_not_learnt_from(trained):
    """Through the picture that the served stage makes, by its configuration."""
    repository = trained[0] / "repository"
    text = (repository / "genre_own_mel" / "config.pbtxt").read_text()
    found = text_format.Parse(text, pb.ModelConfig()).parameters
    parameters = {key: value.string_value for key, value in found.items()}
    look = Pictures.from_parameters(parameters, 8)
    answer = proof.runner(onnx.load(repository / "genre_own_vit" / "1" / "model.onnx"))
    right = []
    for genre in GENRES:
        for seed in range(100, 104):
            pictures = look.of(sound(genre, seed).ravel())
            weights = np.ones((1, len(pictures)), dtype=np.float32)
            right.append(GENRES[answer(pictures[np.newaxis], weights)[0].argmax()] == genre)
    assert np.mean(right) >= 0.9


def test_what_was_read_and_what_was_skipped_is_told(trained):
    _, _, said = trained
    skipped = [line for line in said if line.startswith("skipped")]
    assert len(skipped) == 1 and skipped[0].startswith("skipped Winds/broken.mp3: IllegalData")
    assert "13 of 13 files read" in said
    assert "12 files, 3 genres: Beats, Chords, Winds" in said
    assert "### Both" in said
    assert any("network 5 of 5: 12 clips" in line for line in said)
    assert any("min left for this network" in line for line in said)


def test_the_card_has_figures_of_files_that_were_not_learnt_from(trained):
    folder, _, _ = trained
    card = (folder / "repository" / "genre_own_vit" / "model_card.md").read_text()
    assert "judged in 4 folds" in card
    assert "| Chords | 4 |" in card
    assert card.endswith((folder / "work" / "cross_validation.md").read_text())


def test_a_second_reading_decodes_nothing_again_and_gives_the_same_clips(trained, tmp_path):
    folder, _, _ = trained
    kept = folder / "work" / "pictures"
    times = {each.name: each.stat().st_mtime_ns for each in kept.iterdir()}
    assert len(times) == 12
    again = load_folder(folder / "music", kept, lambda _: None)
    assert {each.name: each.stat().st_mtime_ns for each in kept.iterdir()} == times
    afresh = load_folder(folder / "music", tmp_path / "other", lambda _: None)
    assert again.fingerprint == afresh.fingerprint


def test_a_file_lies_in_one_fold_and_every_fold_has_every_genre(tmp_path):
    music = folder_of_music(tmp_path / "music", files=4, genres=GENRES[:2])
    shutil.copy(music / "Beats" / "0.mp3", music / "Beats" / "copy.mp3")
    clips = load_folder(music, tmp_path / "kept", lambda _: None)
    assert len(clips) == len(set(clips.groups)) == 8  # a copy counts once
    for fold in clips.fold_numbers:
        assert set(clips.labels[clips.folds == fold]) == {0, 1}


def test_checkpoints_of_other_files_are_not_gone_on_from(trained, tmp_path):
    folder, command, _ = trained
    shutil.copytree(folder / "music", tmp_path / "music")
    (tmp_path / "music" / "Beats" / "0.mp3").unlink()
    changed = {"--folder": tmp_path / "music", "--repository": empty(tmp_path)}
    options = dict(zip(command[::2], command[1::2], strict=True)) | changed
    code, _, complained = run(*(each for pair in options.items() for each in pair))
    assert code == 1
    assert "holds checkpoints of another recipe or other clips" in complained
    assert complained.count("\n") == 1
    assert list((tmp_path / "repository").iterdir()) == []


def test_a_name_that_is_taken_is_told_before_anything_is_trained(trained):
    _, command, _ = trained
    code, said, complained = run(*command)
    assert code == 1
    assert "is there already: give --version 2" in complained and complained.count("\n") == 1
    assert "network 1" not in said


def test_a_folder_that_is_not_there_is_said():
    assert run("--folder", "nowhere") == (1, "", "genre: there is no folder nowhere\n")


def clip(genre="Beats", seed=0):
    return encode(sound(genre, seed, 2.0), "wav", RATE)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no music: put it into a folder for each genre"),
        ({"one.wav": clip()}, "holds no music"),
        ({"A/1.wav": clip(), "A/2.wav": clip(seed=1)}, "only A can be read: give two genres"),
        ({"A/1.wav": b"no", "B/1.wav": b"no"}, "only nothing can be read"),
        (
            {"A/1.wav": clip(), "A/2.wav": clip(seed=1), "B/1.wav": clip("Winds")},
            "B has 1 file that can be read: .* give 2 at least",
        ),
        (
            {"A/1.wav": clip(), "A/2.wav": clip(seed=1), "B/1.wav": clip(), "B/2.wav": clip()},
            "1.wav is B and, as 1.wav, A: remove one of the two",
        ),
    ],
)
def test_a_folder_that_cannot_be_learnt_from_is_said(tmp_path, files, words):
    (tmp_path / "music").mkdir()
    for name, data in files.items():
        path = tmp_path / "music" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    with pytest.raises(ExportError, match=words):
        load_folder(tmp_path / "music", tmp_path / "kept", lambda _: None)

"""Checkpoints that load, and what is said of those that do not."""

import json
import pickle

import pytest
import torch
from transformers import BertConfig

from export.errors import ExportError
from export.genre.checkpoint import load
from tests.export.genre.checkpoints import (
    LABELS,
    pretrained,
    several_layers,
    torchvision_like,
)


def labels_file(folder, labels=LABELS):
    path = folder / "labels.txt"
    path.write_text("\n".join(labels))
    return path


def test_a_folder_brings_its_picture_and_its_labels(tmp_path):
    network = pretrained(tmp_path)
    found = load(str(tmp_path))
    assert found.labels == tuple(LABELS)
    assert (found.size, found.channels) == (48, 3)
    assert (found.mean, found.std) == ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    picture = torch.rand(2, 3, 48, 48)
    assert torch.equal(found.network(picture).logits, network(picture).logits)


@pytest.mark.parametrize("head", [None, "several"])
@pytest.mark.parametrize("suffix", ["pt", "safetensors", "wrapped.pt"])
def test_a_torchvision_state_dict_is_the_same_network(tmp_path, head, suffix):
    network = torchvision_like(head=head and several_layers(128, len(LABELS)))
    state = network.state_dict()
    path = tmp_path / f"save.{suffix}"
    if suffix == "safetensors":
        from safetensors.torch import save_file

        save_file({key: value.contiguous() for key, value in state.items()}, path)
    else:
        torch.save({"model": state} if "wrapped" in suffix else state, path)
    found = load(str(path), labels_file(tmp_path))
    picture = torch.rand(3, 3, 48, 48)
    with torch.no_grad():
        difference = found.network(picture).logits - network(picture)
    assert found.size == 48
    assert difference.abs().max() < 1e-5


def test_older_names_of_torchvision_are_known(tmp_path):
    state = {
        key.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): value
        for key, value in torchvision_like().state_dict().items()
    }
    torch.save(state, tmp_path / "old.pth")
    assert load(str(tmp_path / "old.pth"), labels_file(tmp_path)).labels == tuple(LABELS)


class Harm:
    def __reduce__(self):
        return print, ("code of a stranger was run",)


def test_a_pickle_with_code_in_it_is_not_run(tmp_path, capsys):
    path = tmp_path / "harm.pt"
    path.write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ExportError, match="no weights that can be read safely"):
        load(str(path))
    torch.save({"weight": Harm()}, path)
    with pytest.raises(ExportError, match="no weights that can be read safely"):
        load(str(path))
    assert "was run" not in capsys.readouterr().out


def edited(folder, name, **changes):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def truncated(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def without_a_layer(folder):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    state = load_file(path)
    left = {key: value for key, value in state.items() if ".1." not in key}
    save_file(left, path, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "has no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "has no config.json"),
        (lambda f: BertConfig().save_pretrained(f), "only ViTForImageClassification is exported"),
        (
            lambda f: edited(f, "config.json", architectures=["ViTModel"]),
            "is ViTModel .vit., and only",
        ),
        (truncated, "are damaged"),
        (lambda f: (f / "model.safetensors").unlink(), "cannot be loaded"),
        (without_a_layer, "lacks 16 tensors"),
        (
            lambda f: edited(f, "config.json", id2label={"0": "a", "2": "b", "3": "c", "4": "d"}),
            "id2label counts",
        ),
        (
            lambda f: edited(f, "preprocessor_config.json", size={"height": 224, "width": 224}),
            "the processor makes pictures of 224, the network takes 48",
        ),
        (lambda f: edited(f, "preprocessor_config.json", resample=3), "only bilinear"),
        (lambda f: edited(f, "preprocessor_config.json", image_std=[0, 1, 1]), "image_std"),
        (lambda f: (f / "preprocessor_config.json").write_text("no"), "is not JSON"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_a_sentence(tmp_path, harm, words):
    pretrained(tmp_path)
    harm(tmp_path)
    with pytest.raises(ExportError, match=words):
        load(str(tmp_path))


def test_a_picture_that_does_not_part_into_patches_is_refused(tmp_path):
    pretrained(tmp_path)
    edited(tmp_path, "config.json", image_size=50)
    with pytest.raises(ExportError):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS[:3], "3 labels for 4 classes"),
        ([*LABELS[:3], "Blues"], "stands there twice"),
        (None, "give --labels FILE"),
    ],
)
def test_labels_must_be_there_and_fit(tmp_path, labels, words):
    path = tmp_path / "save.pt"
    torch.save(torchvision_like().state_dict(), path)
    with pytest.raises(ExportError, match=words):
        load(str(path), labels and labels_file(tmp_path, labels))


def test_unnamed_classes_ask_for_labels(tmp_path):
    pretrained(tmp_path, [f"LABEL_{index}" for index in range(4)])
    with pytest.raises(ExportError, match="give --labels FILE"):
        load(str(tmp_path))
    assert load(str(tmp_path), labels_file(tmp_path)).labels == tuple(LABELS)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"conv.weight": torch.zeros(2)}, "no classifier"),
        ({"heads.head.weight": torch.zeros(4, 8)}, "not that of a torchvision"),
        ({"a": 1}, "no state dict"),
        ([torch.zeros(1)], "no state dict"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path, state, words):
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(ExportError, match=words):
        load(str(tmp_path / "other.pt"), labels_file(tmp_path))


def test_a_state_dict_that_lost_a_tensor_is_told(tmp_path):
    state = torchvision_like().state_dict()
    del state["encoder.layers.encoder_layer_1.ln_2.weight"]
    torch.save(state, tmp_path / "save.pt")
    with pytest.raises(ExportError, match="lacks 1 tensors"):
        load(str(tmp_path / "save.pt"), labels_file(tmp_path))


def test_nothing_at_all_is_told(tmp_path):
    with pytest.raises(ExportError, match="neither a folder, nor a file, nor the name"):
        load(str(tmp_path / "there" / "is" / "none"))

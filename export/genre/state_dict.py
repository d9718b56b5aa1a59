"""torchvision's vision transformers, such as ccmusic publishes, in ``transformers``' names.

torchvision itself is not needed. The mapping, with ``N`` the number of a layer:

=============================================  ===============================================
``class_token``                                ``vit.embeddings.cls_token``
``conv_proj``                                  ``vit.embeddings.patch_embeddings.projection``
``encoder.pos_embedding``                      ``vit.embeddings.position_embeddings``
``encoder.layers.encoder_layer_N.ln_1``        ``vit.layers.N.layernorm_before``
``….self_attention.in_proj_{weight,bias}``     a third each: ``….attention.{q,k,v}_proj``
``….self_attention.out_proj``                  ``….attention.o_proj``
``….ln_2``                                     ``….layernorm_after``
``….mlp.{0,3}`` (older: ``linear_{1,2}``)      ``….mlp.fc{1,2}``
``encoder.ln``                                 ``vit.layernorm``
``heads.head``                                 ``classifier``
``heads.head.I``, several                      ``classifier``, with a ReLU between them
=============================================  ===============================================

The last row is how ccmusic's classifiers are built; their dropouts do nothing when serving.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from torch import Tensor, nn
from transformers import ViTConfig, ViTForImageClassification

from export.errors import ExportError

_HEADS = {768: 12, 1024: 16, 1280: 16}  # of vit_b, vit_l and vit_h; others as ViT-B: 64 wide
_LAYER = re.compile(r"encoder\.layers\.encoder_layer_(\d+)\.(.+)")
_TOP = {
    "class_token": "vit.embeddings.cls_token",
    "conv_proj.weight": "vit.embeddings.patch_embeddings.projection.weight",
    "conv_proj.bias": "vit.embeddings.patch_embeddings.projection.bias",
    "encoder.pos_embedding": "vit.embeddings.position_embeddings",
    "encoder.ln.weight": "vit.layernorm.weight",
    "encoder.ln.bias": "vit.layernorm.bias",
}
_PARTS = {
    "ln_1": "layernorm_before",
    "self_attention.out_proj": "attention.o_proj",
    "ln_2": "layernorm_after",
    "mlp.0": "mlp.fc1",
    "mlp.3": "mlp.fc2",
    "mlp.linear_1": "mlp.fc1",
    "mlp.linear_2": "mlp.fc2",
}


def from_torchvision(state: Mapping[str, Tensor]) -> ViTForImageClassification:
    """Rebuild a network from its weights alone.

    Raises:
        ExportError: they are not those of a vision transformer, or not all of them.
    """
    head = _head(state)
    network = ViTForImageClassification(_config(state, head[-1].out_features))
    if head[0].in_features != network.config.hidden_size:
        raise ExportError("the classifier does not fit the transformer")
    network.classifier = head[0] if len(head) == 1 else _with_relus(head)
    renamed = {
        name: value for key, tensor in state.items() for name, value in _renamed(key, tensor)
    }
    known = network.state_dict()
    lacking = [name for name in known if name not in renamed and "classifier" not in name]
    if lacking:
        raise ExportError(f"the state dict lacks {len(lacking)} tensors, such as {lacking[0]}")
    for name, value in renamed.items():
        if name not in known or known[name].shape != value.shape:
            raise ExportError(f"{name} of shape {tuple(value.shape)} does not fit this ViT")
    network.load_state_dict(renamed, strict=False)
    return network


def _config(state: Mapping[str, Tensor], classes: int) -> ViTConfig:
    try:
        hidden = state["class_token"].shape[-1]
        channels, patch = state["conv_proj.weight"].shape[1:3]
        tokens = state["encoder.pos_embedding"].shape[1] - 1
    except (KeyError, IndexError):
        raise ExportError(
            "the state dict is not that of a torchvision vision transformer (vit_b_16 and like)"
        ) from None
    layers = {int(found[1]) for key in state if (found := _LAYER.match(key))}
    first = "encoder.layers.encoder_layer_0.mlp."
    inner = state.get(f"{first}0.weight", state.get(f"{first}linear_1.weight"))
    side = round(tokens**0.5)
    if inner is None or side * side != tokens or layers != set(range(len(layers))):
        raise ExportError("the state dict is that of no vision transformer known here")
    return ViTConfig(
        hidden_size=hidden,
        num_hidden_layers=len(layers),
        num_attention_heads=_HEADS.get(hidden, max(1, hidden // 64)),
        intermediate_size=inner.shape[0],
        image_size=side * patch,
        patch_size=patch,
        num_channels=channels,
        num_labels=classes,
        layer_norm_eps=1e-6,
    )


def _renamed(key: str, tensor: Tensor) -> list[tuple[str, Tensor]]:
    """Our name and value of one of torchvision's tensors; those of the head have their own way."""
    if key in _TOP:
        return [(_TOP[key], tensor)]
    found = _LAYER.match(key)
    if not found:
        return []
    layer, rest = f"vit.layers.{found[1]}", found[2]
    if rest.startswith("self_attention.in_proj_"):
        kind = rest.rpartition("_")[2]
        names = [f"{layer}.attention.{each}_proj.{kind}" for each in "qkv"]
        return list(zip(names, tensor.chunk(3), strict=True))
    part, _, kind = rest.rpartition(".")
    if part not in _PARTS:
        raise ExportError(f"{key} belongs to no vision transformer known here")
    return [(f"{layer}.{_PARTS[part]}.{kind}", tensor)]


def _head(state: Mapping[str, Tensor]) -> list[nn.Linear]:
    """The linear layers of the head, in order."""
    found = {}
    for key, tensor in state.items():
        if key.startswith("heads.") and key.endswith(".weight") and tensor.dim() == 2:
            digits = re.findall(r"\d+", key)
            found[int(digits[-1]) if digits else 0] = key.removesuffix(".weight")
    if not found:
        raise ExportError("the state dict has no classifier (heads.*)")
    layers = []
    for _, name in sorted(found.items()):
        weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        layer.weight.data = weight.float()
        if bias is not None:
            layer.bias.data = bias.float()
        layers.append(layer)
    for one, other in itertools.pairwise(layers):
        if one.out_features != other.in_features:
            raise ExportError("the classifier's layers do not fit each other")
    return layers


def _with_relus(layers: list[nn.Linear]) -> nn.Sequential:
    parts: list[nn.Module] = [layers[0]]
    for layer in layers[1:]:
        parts += [nn.ReLU(), layer]
    return nn.Sequential(*parts)

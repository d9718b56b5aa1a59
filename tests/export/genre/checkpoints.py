"""Small vision transformers in the forms that people publish."""

from __future__ import annotations

import json

import torch
from torch import nn
from transformers import ViTConfig, ViTForImageClassification

LABELS = ["Blues", "Classical", "Country", "Disco"]
SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 1,
    "intermediate_size": 96,
    "image_size": 48,
    "patch_size": 16,
}


def pretrained(folder, labels=LABELS, processor=None, **changes):
    """A folder as ``save_pretrained`` writes it, of a network whose answers differ."""
    torch.manual_seed(0)
    names = dict(enumerate(labels))
    config = ViTConfig(**{**SHAPE, **changes}, id2label=names, label2id={})
    network = ViTForImageClassification(config)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    network.save_pretrained(folder)
    size = config.image_size
    processor = {
        "size": {"height": size, "width": size},
        "image_mean": [0.4, 0.5, 0.6][: config.num_channels],
        "image_std": [0.2, 0.3, 0.4][: config.num_channels],
        "resample": 2,
        **(processor or {}),
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return network.eval()


class Block(nn.Module):
    """A layer in torchvision's words."""

    def __init__(self, hidden, inner):
        super().__init__()
        self.ln_1 = nn.LayerNorm(hidden, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(hidden, hidden // 64, batch_first=True)
        self.ln_2 = nn.LayerNorm(hidden, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(hidden, inner), nn.GELU(), nn.Dropout(0.0), nn.Linear(inner, hidden)
        )

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Torchvision(nn.Module):
    """A vision transformer with the parts, names and order of torchvision's."""

    def __init__(self, hidden=128, layers=2, inner=96, size=48, patch=16, head=None):
        super().__init__()
        tokens = (size // patch) ** 2 + 1
        self.class_token = nn.Parameter(torch.zeros(1, 1, hidden))
        self.conv_proj = nn.Conv2d(3, hidden, patch, patch)
        self.encoder = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, tokens, hidden))
        self.encoder.layers = nn.Sequential()
        for index in range(layers):
            self.encoder.layers.add_module(f"encoder_layer_{index}", Block(hidden, inner))
        self.encoder.ln = nn.LayerNorm(hidden, eps=1e-6)
        self.heads = nn.Sequential()
        self.heads.add_module("head", head or nn.Linear(hidden, len(LABELS)))

    def forward(self, x):
        x = self.conv_proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1)
        x = self.encoder.layers(x + self.encoder.pos_embedding)
        return self.heads(self.encoder.ln(x)[:, 0])


def torchvision_like(**shape):
    torch.manual_seed(1)
    network = Torchvision(**shape).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.randn_like(value) * 0.1)
    return network


def several_layers(hidden, classes):
    """A classifier as ccmusic builds it."""
    return nn.Sequential(
        nn.Dropout(),
        nn.Linear(hidden, 40),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(40, 20),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(20, 10),
        nn.ReLU(),
        nn.Linear(10, classes),
    )

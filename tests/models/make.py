"""Makes the archives beside it; they are kept as PyTorch 2.6.0 (Debian 13) wrote them."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F


class Plain(nn.Module):
    """Operators that any PyTorch has."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2)
        self.fc = nn.Linear(36, 10)

    def forward(self, x):
        return self.fc(F.relu(self.conv(x)).flatten(1))


class Attention(nn.Module):
    """An operator that PyTorch has since 2.0."""

    def forward(self, x):
        x = x.flatten(2)
        return F.scaled_dot_product_attention(x, x, x).sum(1)[:, :10]


torch.manual_seed(1)
for model in (Plain(), Attention()):
    name = type(model).__name__.lower()
    torch.jit.script(model.eval()).save(str(Path(__file__).with_name(f"{name}.pt")))

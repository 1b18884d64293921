"""DenseNet-BC for 32x32 images, as used by the original EBJR experiments.

Compatible with the state dicts of its published checkpoints. What is a module and what
is a function matters here: an operation counter that walks modules sees the shared ReLUs
and the last pooling, and does not see the pooling between the dense blocks.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

COMPRESSION = 2
BOTTLENECK = 4


class Bottleneck(nn.Module):
    """BN-ReLU-1x1, BN-ReLU-3x3; its `growth_rate` new channels are appended to the input."""

    def __init__(self, width: int, growth_rate: int):
        super().__init__()
        middle = BOTTLENECK * growth_rate
        self.bn1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, middle, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, growth_rate, 3, padding=1, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(self.relu(self.bn1(x)))
        new = self.conv2(self.relu(self.bn2(new)))
        return torch.cat([x, new], 1)


class Transition(nn.Module):
    """BN-ReLU-1x1 to fewer channels, then half the resolution."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width_out, 1, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv1(self.relu(self.bn1(x))), 2)


class DenseNetBC(nn.Module):
    """Three dense blocks of (depth - 4) / 6 bottleneck layers each."""

    def __init__(self, depth: int, growth_rate: int, classes: int = 10):
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth {depth}: must be 6 n + 4 with n >= 1 (10, 16, 22, ...)")
        if growth_rate < 1 or classes < 1:
            raise ValueError("growth rate and classes must be at least 1")
        layers = (depth - 4) // 6

        def dense(width: int) -> tuple[nn.Sequential, int]:
            widths = [width + i * growth_rate for i in range(layers + 1)]
            return nn.Sequential(*(Bottleneck(w, growth_rate) for w in widths[:-1])), widths[-1]

        width = 2 * growth_rate
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.dense1, width = dense(width)
        self.trans1 = Transition(width, width // COMPRESSION)
        self.dense2, width = dense(width // COMPRESSION)
        self.trans2 = Transition(width, width // COMPRESSION)
        self.dense3, width = dense(width // COMPRESSION)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.avgpool = nn.AvgPool2d(8)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.trans1(self.dense1(self.conv1(x)))
        x = self.trans2(self.dense2(x))
        x = self.relu(self.bn(self.dense3(x)))
        return self.fc(self.avgpool(x).flatten(1))

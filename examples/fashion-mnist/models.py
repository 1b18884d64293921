"""The default pair: a small student and a larger teacher for 28x28 grey images.

Every operation that costs something is an `nn` module (convolution without bias, ReLU,
pooling, linear), so a counter that walks the modules of the scripted files sees it.
"""

from torch import Tensor, nn


def unit(width_in: int, width_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(width_out),
        nn.ReLU(),
    )


class Student(nn.Module):
    """Three convolutions, two of which halve the resolution."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(unit(1, 16, stride=2), unit(16, 24, stride=2), unit(24, 32))
        self.pool = nn.AvgPool2d(3, stride=2)
        self.fc = nn.Linear(32 * 3 * 3, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.features(x)).flatten(1))


class Teacher(nn.Module):
    """Two convolutions at each of 28x28, 14x14 and 7x7."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.features = nn.Sequential(
            unit(1, 16), unit(16, 16), nn.AvgPool2d(2),
            unit(16, 48), unit(48, 48), nn.AvgPool2d(2),
            unit(48, 96), unit(96, 96),
        )
        self.pool = nn.AvgPool2d(7)
        self.fc = nn.Linear(96, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.features(x)).flatten(1))

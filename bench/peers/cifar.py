"""What the peers share: CIFAR-10's images, preprocessed, and percentiles as ebjr takes them."""
import json
import math
from pathlib import Path

import numpy as np
import torch

RECORD = 1 + 3 * 32 * 32  # https://www.cs.toronto.edu/~kriz/cifar.html, the binary version
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


def read_images(path: Path, limit: int | None) -> tuple[torch.Tensor, np.ndarray]:
    """Inputs (n, 3, 32, 32) of the models, and labels."""
    count = -1 if limit is None else limit * RECORD
    records = np.fromfile(path, np.uint8, count).reshape(-1, RECORD)
    pixels = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32)).to(torch.float32).div(255)
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return pixels.sub(mean).div(std).contiguous(), records[:, 0]


def softmax_energy(logits: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(torch.softmax(logits, 1), 1)


def summary(ns: list[int]) -> dict[str, float]:
    """Of times in order; the q-quantile is the smallest time that n q times do not exceed."""
    ordered = sorted(ns)
    ranked = {f"p{q}_ns": ordered[max(math.ceil(len(ns) * q / 100), 1) - 1]
              for q in (50, 90, 95, 99)}
    return {"mean_ns": sum(ns) / len(ns), **ranked, "max_ns": ordered[-1]}


def report(**fields) -> None:
    print(json.dumps({**fields, "torch": torch.__version__, "threads": torch.get_num_threads()},
                     indent=1))

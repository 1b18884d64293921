"""Small valid inputs of each parser, for a fuzzer to start from: seeds.py DIRECTORY"""

import gzip
import io
import json
import struct
import sys
from pathlib import Path

import numpy as np

ROOM = Path(sys.argv[1])
GENERATOR = np.random.default_rng(1)


def seed(target, name, data):
    directory = ROOM / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(data)


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), version)
    return file.getvalue()


def idx(magic, array):
    return struct.pack(f">{1 + array.ndim}I", magic, *array.shape) + array.astype(np.uint8).tobytes()


pixels = GENERATOR.integers(0, 256, 3072, dtype=np.uint8).tobytes()
seed("cifar", "cifar10", bytes([3]) + pixels)
seed("cifar", "two", (bytes([1]) + pixels) * 2)
seed("cifar", "cifar100", bytes([4, 30]) + pixels)

instances = {
    "info": {"year": 2017}, "images": [{"id": 7, "width": 640, "height": 480, "file_name": "7.jpg"},
                                       {"id": 1}],
    "annotations": [{"image_id": 7, "category_id": 3, "bbox": [1, 2.5, 3, 4e1], "area": 50.5,
                     "iscrowd": 1, "segmentation": [[1, 2, 3, 4.5]]},
                    {"image_id": 1, "category_id": 0, "bbox": [0, 0, 0, 0]}],
    "categories": [{"id": 3, "name": "c\u00e4t"}, {"id": 0, "name": "dog"}]}
results = [{"image_id": k, "category_id": k % 3, "bbox": [k, 1, 2.5, 3], "score": 0.5 / k}
           for k in (7, 1, 2, 1)]
seed("coco", "instances", json.dumps(instances).encode())
seed("coco", "backwards", json.dumps(dict(reversed(instances.items())), ensure_ascii=False,
                                     indent=1).encode("utf-8-sig"))
seed("coco", "results", json.dumps(results).encode())
seed("coco", "results.gz", gzip.compress(json.dumps(results).encode(), mtime=0))
seed("coco", "logits", json.dumps([{**r, "logits": [1, -2.5, 3e8]} for r in results]).encode())
seed("coco", "empty", b" [ ] ")

images, labels = GENERATOR.integers(0, 256, (4, 5, 5)), np.arange(4)
for is_gz in (0, 1):
    parts = [idx(0x803, images), idx(0x801, labels)]
    if is_gz:
        parts = [gzip.compress(part, mtime=0) for part in parts]
    share = round(128 * len(parts[0]) / sum(map(len, parts)))
    images_size = sum(map(len, parts)) * share // 128
    padding = images_size - len(parts[0])  # zlib stops at the end of a stream
    if padding >= 0:
        parts[0] += bytes(padding)
    seed("idx", "gz" if is_gz else "plain", bytes([share << 1 & 0xff | is_gz]) + b"".join(parts))

for name, array in {"nchw": np.zeros((3, 2, 4, 4), np.uint8), "grey": np.zeros((3, 4, 4), "<f4"),
                    "labels": np.arange(5), "logits": np.ones((3, 4), "<f8"),
                    "short": np.arange(3, dtype="<i2"), "empty": np.zeros((0, 3), "<f4")}.items():
    for version in ((1, 0), (2, 0), (3, 0)):
        seed("npy", f"{name}{version[0]}", bytes([len(name) % 4]) + npy(array, version))
    seed("logits", f"{name}.npy", npy(array))
seed("logits", "plain.csv", b"1,2.5,-3e2\n4,5,6\n")
seed("logits", "header.csv", b'label,"a ""b""",b\n1,0.5,2\n0,inf,-1\n')
seed("logits", "integers.csv", b"label\n3\n1\n2\n")
seed("logits", "map", b"3\n0\nother\n")

for flat in (np.savez, np.savez_compressed):
    file = io.BytesIO()
    flat(file, images=np.zeros((3, 2, 4, 4), np.uint8), labels=np.arange(3))
    seed("npy", f"{flat.__name__}.npz", bytes([4]) + file.getvalue())

seed("list", "names", bytes([255]) + b'path,label\na.png,cat\n"b, c.png",dog\n')
seed("list", "numbers", bytes([254]) + b"label,path\r\n3,a.png\r\n")
seed("list", "json", bytes([120]) + b"path,label\na.png,n01\nb.png,7\n\n" +
     b'{"0": ["n01", "tench"], "7": "ray"}')
seed("list", "lines", bytes([90]) + b"path,label\na,ray\n" + b"tench\nray\n\xf0\x9f\x90\x8b\n")


def pictures():
    """Each kind there is, where Pillow is to be had."""
    try:
        from PIL import Image
    except ImportError:
        return
    colours = GENERATOR.integers(0, 256, (24, 17, 4), dtype=np.uint8)
    image = Image.fromarray(colours)
    for mode in ("RGB", "L", "CMYK"):
        for progressive in (False, True):
            file = io.BytesIO()
            image.convert("RGB").convert(mode).save(file, "JPEG", progressive=progressive)
            yield f"{mode}{progressive:d}.jpg", file.getvalue()
    for mode in ("RGBA", "RGB", "LA", "L", "P", "1", "I"):
        file = io.BytesIO()
        image.convert("RGB").convert(mode if mode not in ("LA", "RGBA") else "RGB").convert(
            mode).save(file, "PNG")
        yield f"{mode}.png", file.getvalue()


for name, data in pictures():
    seed("picture", name, bytes([8, 7, len(name), 0]) + data)
seed("picture", "none", bytes(4))

router = {"score": "energy", "temperature": 1.0, "p": 4.0, "precision": "double"}
policy = {
    "ebjr_policy": 1, "program": "0.1.0", "answer_weight": 1.0, "classes": 3,
    "stages": [{"model": "s", "sha256": "0" * 64, "router": router, "threshold": 2.5},
               {"model": "t", "sha256": "1" * 64}],
    "dataset": {"name": "d", "sha256": "2" * 64},
    "preprocessing": '{"scale":"1/255","mean":[0.286],"std":[0.353]}',
    "promise": {"limits": {"max-drop": 0.01}, "expected": {"max-drop": 0.001},
                "certified": ["max-drop"], "delta": 0.05, "bound": "clopper-pearson"},
    "samples": {"tuning": 1, "calibration": 2, "test": 0, "tune_on": 0.3, "calibrate_on": 0.7,
                "test_on": 0.0, "seed": 1, "class_weights": ""}}
seed("policy", "plain", json.dumps(policy).encode())
router.update(score="learned", intercept=0.5, weights=[0.1] * 9, offsets=[0.1, 0.2, 0.3])
seed("policy", "learned", json.dumps(policy).encode())
policy["stages"].insert(0, policy["stages"][0])
seed("policy", "three", json.dumps(policy).encode())
seed("policy", "preprocessing", policy["preprocessing"].encode())

for path in (Path(__file__).resolve().parents[2] / "bench" / "baselines").glob("*.csv"):
    seed("baselines", path.stem, b"".join(path.read_bytes().splitlines(True)[:3]))
seed("baselines", "quotes", b'a,"b ""c"" d",\r\n"two\nlines",,x\r\n')

for name, text in {"numbers": "1.3e8", "suffix": "130M", "time": "1.5us", "infinite": "-inf",
                   "options": "--number=2k\n--integer\n7\n--list=a\n--list=b\n--flag\n--word\nx",
                   "mix": "0-3=0.7,5=0.1"}.items():
    seed("text", name, text.encode())

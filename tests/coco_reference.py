"""COCO's detection metrics, slowly and plainly: each figure from the definition, one threshold, one
category and one image after the other. What calib/coco.c is held against."""

import numpy as np

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
RANGES = {"all": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}


def overlap(detection, box, crowd):
    dx, dy, dw, dh = detection
    gx, gy, gw, gh = box
    width = min(dx + dw, gx + gw) - max(dx, gx)
    height = min(dy + dh, gy + gh) - max(dy, gy)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (dw * dh if crowd else dw * dh + gw * gh - shared)


def match(detections, objects, least, area):
    """For each detection by descending score: (score, right, counted)."""
    low, high = RANGES[area]
    ignored = [o["crowd"] or not low <= o["area"] <= high for o in objects]
    places = sorted(range(len(objects)), key=lambda i: ignored[i])
    free = [True] * len(objects)
    result = []
    for d in detections:
        best, best_overlap = None, least
        for i in places:
            if not free[i] and not objects[i]["crowd"]:
                continue
            if best is not None and not ignored[best] and ignored[i]:
                break
            value = overlap(d["box"], objects[i]["box"], objects[i]["crowd"])
            if value >= best_overlap:
                best, best_overlap = i, value
        if best is None:
            result.append((d["score"], False, low <= d["box"][2] * d["box"][3] <= high))
        else:
            free[best] = False
            result.append((d["score"], not ignored[best], not ignored[best]))
    return result


def precision_recall(score, right, counted, wanted):
    """(average precision, recall) of detections in the order of images."""
    if len(score) == 0:
        return 0.0, 0.0
    order = np.argsort(-score, kind="stable")
    right, counted = np.cumsum(right[order]), np.cumsum(counted[order])
    precision = right / (counted + np.spacing(1))
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(right / wanted, RECALLS, side="left")
    return (np.where(at < len(precision), precision[np.minimum(at, len(precision) - 1)], 0).mean(),
            right[-1] / wanted)


def matched_of(images, detections, objects, least, area, most):
    """The columns of all matches, image by image."""
    matched = []
    for image in range(images):
        ranked = sorted(detections.get(image, []), key=lambda d: -d["score"])[:100]
        matched += match(ranked, objects.get(image, []), least, area)[:most]
    return [np.array(column) for column in zip(*matched)] or [np.zeros(0)] * 3


def wanted_of(objects, area):
    low, high = RANGES[area]
    return sum(not o["crowd"] and low <= o["area"] <= high for here in objects.values()
               for o in here)


def of_category(images, detections, objects, least, area, most):
    """(average precision, recall), or None where there is no object of the kind."""
    wanted = wanted_of(objects, area)
    if wanted == 0:
        return None
    return precision_recall(*matched_of(images, detections, objects, least, area, most), wanted)


def by_image(items, category):
    result = {}
    for item in items:
        if item["category"] == category:
            result.setdefault(item["image"], []).append(item)
    return result


def figures(images, categories, objects, detections):
    """The twelve, in COCO's order; NaN where none is defined."""
    by_category = [(by_image(detections, c), by_image(objects, c)) for c in range(categories)]

    def mean(which, overlaps, area, most):
        values = [result[which] for d, o in by_category for least in overlaps
                  if (result := of_category(images, d, o, least, area, most)) is not None]
        return np.mean(values) if values else np.nan

    return [mean(0, OVERLAPS, "all", 100), mean(0, OVERLAPS[:1], "all", 100),
            mean(0, OVERLAPS[5:6], "all", 100), mean(0, OVERLAPS, "small", 100),
            mean(0, OVERLAPS, "medium", 100), mean(0, OVERLAPS, "large", 100),
            mean(1, OVERLAPS, "all", 1), mean(1, OVERLAPS, "all", 10),
            mean(1, OVERLAPS, "all", 100), mean(1, OVERLAPS, "small", 100),
            mean(1, OVERLAPS, "medium", 100), mean(1, OVERLAPS, "large", 100)]

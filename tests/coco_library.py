"""calib/coco.h by ctypes."""

import ctypes
import os

import numpy as np

LIBRARY = ctypes.CDLL(os.environ["EBJR_LIBRARY"])
FIGURES = 12


class Box(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("x", "y", "width", "height")]


class Object(ctypes.Structure):
    _fields_ = [("image", ctypes.c_uint32), ("category", ctypes.c_uint32), ("box", Box),
                ("area", ctypes.c_double), ("crowd", ctypes.c_bool)]


class Detection(ctypes.Structure):
    _fields_ = [("image", ctypes.c_uint32), ("category", ctypes.c_uint32), ("box", Box),
                ("score", ctypes.c_double)]


class Detections(ctypes.Structure):
    _fields_ = [("items", ctypes.POINTER(Detection)), ("count", ctypes.c_size_t),
                ("logits", ctypes.POINTER(ctypes.c_float)), ("classes", ctypes.c_size_t)]


class Truth(ctypes.Structure):
    _fields_ = [("images", ctypes.c_size_t), ("categories", ctypes.c_size_t),
                ("objects", ctypes.POINTER(Object)), ("count", ctypes.c_size_t)]


LIBRARY.ebjr_coco_figure.restype = ctypes.c_double
LIBRARY.ebjr_coco_weighted.restype = ctypes.c_double
LIBRARY.ebjr_error_last.restype = ctypes.c_char_p


def detections_of(items):
    array = (Detection * len(items))(*[Detection(d["image"], d["category"], Box(*d["box"]),
                                                 d["score"]) for d in items])
    return Detections(array, len(items))


class Coco:
    def __init__(self, images, categories, objects, student, teacher):
        array = (Object * len(objects))(*[Object(o["image"], o["category"], Box(*o["box"]),
                                                 o["area"], o["crowd"]) for o in objects])
        self.state = ctypes.c_void_p()
        status = LIBRARY.ebjr_coco_new(
            ctypes.byref(self.state), ctypes.byref(Truth(images, categories, array, len(objects))),
            ctypes.byref(detections_of(student)), ctypes.byref(detections_of(teacher)))
        if status:
            raise ValueError(LIBRARY.ebjr_error_last().decode())

    def move(self, image, to_student=True):
        LIBRARY.ebjr_coco_move(self.state, ctypes.c_size_t(image), ctypes.c_bool(to_student))

    def figure(self, which):
        return LIBRARY.ebjr_coco_figure(self.state, which)

    def figures(self):
        return [self.figure(which) for which in range(FIGURES)]

    def weighted(self, which, weight, teacher=False):
        weight = np.ascontiguousarray(weight, np.uint32)
        return LIBRARY.ebjr_coco_weighted(self.state, which, weight.ctypes.data_as(ctypes.c_void_p),
                                          ctypes.c_bool(teacher))

    def close(self):
        LIBRARY.ebjr_coco_free(self.state)


# The same from arrays, without a Python object a detection.
OBJECT = np.dtype([("image", "u4"), ("category", "u4"), ("box", "f8", 4), ("area", "f8"),
                   ("crowd", "?")], align=True)
DETECTION = np.dtype([("image", "u4"), ("category", "u4"), ("box", "f8", 4), ("score", "f8")])
BUDGETS = ("min_accuracy", "max_drop", "max_flops", "max_teacher_rate", "max_latency", "max_p95",
           "max_p99")
OBJECTIVES = ("flops", "latency", "teacher_rate", "accuracy")
EACH_BUDGET = ctypes.c_double * len(BUDGETS)


class Interval(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("estimate", "low", "high")]


class Bootstrap(ctypes.Structure):
    _fields_ = [("resamples", ctypes.c_size_t), ("seed", ctypes.c_uint64),
                ("level", ctypes.c_double)]


class Band(ctypes.Structure):
    _fields_ = [("count", ctypes.c_size_t)] + [(name, ctypes.POINTER(ctypes.c_double)) for name in (
        "share", "accuracy", "low", "high")]


class Request(ctypes.Structure):
    _fields_ = [("figure", ctypes.c_int), ("limit", EACH_BUDGET), ("objective", ctypes.c_int),
                ("student_flops", ctypes.c_double), ("teacher_flops", ctypes.c_double),
                ("student_latency", ctypes.c_void_p), ("teacher_latency", ctypes.c_void_p),
                ("certify", ctypes.c_bool), ("delta", ctypes.c_double),
                ("split_seed", ctypes.c_uint64), ("bootstrap", Bootstrap)]


class Pick(ctypes.Structure):
    _fields_ = [("feasible", ctypes.c_bool), ("threshold", ctypes.c_double),
                ("figures", EACH_BUDGET), ("bound", EACH_BUDGET), ("delta_each", ctypes.c_double),
                ("images", ctypes.c_size_t), ("tested", ctypes.c_size_t),
                ("binding", ctypes.c_uint), ("reachable", EACH_BUDGET),
                ("conflict", ctypes.c_uint)]


def address(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def check(status):
    if status:
        raise ValueError(LIBRARY.ebjr_error_last().decode())


class Sample:
    """Images 0 .. images-1: arrays of OBJECT and of each model's DETECTION, and scores."""

    def __init__(self, images, categories, objects, student, teacher, score):
        self.images, self.categories = images, categories
        self.objects, self.student, self.teacher = objects, student, teacher
        self.score = np.ascontiguousarray(score, float)

    def structures(self):
        def detections(items):
            return Detections(ctypes.cast(address(items), ctypes.POINTER(Detection)), len(items))

        return (Truth(self.images, self.categories,
                      ctypes.cast(address(self.objects), ctypes.POINTER(Object)),
                      len(self.objects)),
                detections(self.student), detections(self.teacher))

    def draw(self, images):
        """The sample of these images, some of them several times."""
        def of(items):
            order = np.argsort(items["image"], kind="stable")
            first = np.searchsorted(items["image"][order], np.arange(self.images + 1))
            counts = (first[1:] - first[:-1])[images]
            start = np.repeat(first[images] - np.cumsum(counts) + counts, counts)
            result = items[order[start + np.arange(counts.sum())]]
            result["image"] = np.repeat(np.arange(len(images)), counts)
            return result

        return Sample(len(images), self.categories, of(self.objects), of(self.student),
                      of(self.teacher), self.score[images])

    def coco(self):
        coco = Coco.__new__(Coco)
        coco.state = ctypes.c_void_p()
        check(LIBRARY.ebjr_coco_new(ctypes.byref(coco.state), *map(ctypes.byref,
                                                                   self.structures())))
        return coco

    def pick(self, figure=0, objective="teacher_rate", certify=True, delta=0.05, split_seed=1,
             resamples=1000, seed=1, flops=(np.nan, np.nan), latencies=None, **budgets):
        limit = EACH_BUDGET(*[budgets.pop(name, np.nan) for name in BUDGETS])
        assert not budgets
        latencies = latencies or (None, None)
        request = Request(figure, limit, OBJECTIVES.index(objective), *flops,
                          *[None if l is None else address(l) for l in latencies], certify, delta,
                          split_seed, Bootstrap(resamples, seed, 0))
        pick = Pick()
        check(LIBRARY.ebjr_coco_pick(ctypes.byref(pick), *map(ctypes.byref, self.structures()),
                                     address(self.score), ctypes.byref(request)))
        return pick


def uncertainty(coco, figure, resamples, level, seed=1):
    """The intervals of the figure and of its drop."""
    of_figure, drop = Interval(), Interval()
    check(LIBRARY.ebjr_coco_uncertainty(ctypes.byref(of_figure), ctypes.byref(drop), coco.state,
                                        figure, ctypes.byref(Bootstrap(resamples, seed, level))))
    return of_figure, drop


def band(coco, figure, score, count, resamples, level, seed=1):
    """[count] share, figure, low, high."""
    out = Band()
    check(LIBRARY.ebjr_coco_band(ctypes.byref(out), coco.state, figure,
                                 address(np.ascontiguousarray(score, float)),
                                 ctypes.c_size_t(count),
                                 ctypes.byref(Bootstrap(resamples, seed, level))))
    rows = np.array([[getattr(out, name)[i] for name in ("share", "accuracy", "low", "high")]
                     for i in range(out.count)])
    LIBRARY.ebjr_band_free(ctypes.byref(out))
    return rows

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

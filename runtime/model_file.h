/* What a model's file says of itself, by the records of its archive, before anything of it runs. */
#ifndef EBJR_RUNTIME_MODEL_FILE_H
#define EBJR_RUNTIME_MODEL_FILE_H

#include <stdbool.h>

enum ebjr_model_format {
    EBJR_MODEL_OTHER,       /* no zip archive, or one of something else */
    EBJR_MODEL_WEIGHTS,     /* of torch.save */
    EBJR_MODEL_TORCHSCRIPT, /* of torch.jit.save */
    EBJR_MODEL_PROGRAM,     /* of torch.export.save: a graph that nobody has compiled */
    EBJR_MODEL_PACKAGE      /* of AOTInductor: machine code */
};

struct ebjr_model_file {
    enum ebjr_model_format format;
    int major, minor; /* of the PyTorch that wrote it; 0: it does not tell */
    bool or_newer;    /* of that one, or of a newer one */
};

/* A file that cannot be read is EBJR_MODEL_OTHER. */
void ebjr_model_file_read(struct ebjr_model_file *out, const char *path);

#endif

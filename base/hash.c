#include "base/hash.h"

#include "base/error.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ebjr_hash {
    EVP_MD_CTX *context;
};

static int refused(void)
{
    return ebjr_error_set(EBJR_ENOMEM, "libcrypto refused to compute a SHA-256");
}

int ebjr_hash_new(ebjr_hash **out)
{
    ebjr_hash *hash = malloc(sizeof *hash);
    if (!hash)
        return ebjr_error_memory();
    hash->context = EVP_MD_CTX_new();
    if (!hash->context || !EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL)) {
        ebjr_hash_free(hash);
        return refused();
    }
    *out = hash;
    return 0;
}

void ebjr_hash_free(ebjr_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->context);
    free(hash);
}

int ebjr_hash_update(ebjr_hash *hash, const void *bytes, size_t size)
{
    return EVP_DigestUpdate(hash->context, bytes, size) ? 0 : refused();
}

int ebjr_hash_update_file(ebjr_hash *hash, const char *path, int64_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return ebjr_error_set(errno == ENOENT ? EBJR_ENOTFOUND : EBJR_EIO, "cannot open %s: %s",
                              path, strerror(errno));
    static _Thread_local unsigned char buffer[1 << 16];
    int status = 0;
    size_t count;
    while (!status && (count = fread(buffer, 1, sizeof buffer, file)) > 0) {
        status = ebjr_hash_update(hash, buffer, count);
        if (size)
            *size += (int64_t)count;
    }
    if (!status && ferror(file))
        status = ebjr_error_set(EBJR_EIO, "cannot read %s: %s", path, strerror(errno));
    fclose(file);
    return status;
}

int ebjr_hash_finish(ebjr_hash *hash, char out[EBJR_HASH_TEXT])
{
    unsigned char digest[EBJR_HASH_BYTES];
    if (!EVP_DigestFinal_ex(hash->context, digest, NULL) ||
        !EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL))
        return refused();
    for (size_t i = 0; i < EBJR_HASH_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int ebjr_hash_bytes(char out[EBJR_HASH_TEXT], const void *bytes, size_t size)
{
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    status = ebjr_hash_update(hash, bytes, size);
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    return status;
}

int ebjr_hash_file(char out[EBJR_HASH_TEXT], int64_t *size, const char *path)
{
    ebjr_hash *hash;
    int status = ebjr_hash_new(&hash);
    if (status)
        return status;
    *size = 0;
    status = ebjr_hash_update_file(hash, path, size);
    if (!status)
        status = ebjr_hash_finish(hash, out);
    ebjr_hash_free(hash);
    return status;
}

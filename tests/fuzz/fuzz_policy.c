/* A policy whose seal is mended first, or else nothing would be read but the seal. What is read and
 * written again must be read as the same. */
#include "base/hash.h"
#include "fuzz.h"
#include "runtime/policy.h"
#include "runtime/preprocess.h"

#include <jansson.h>

static json_t *sealed(const uint8_t *data, size_t size)
{
    char seal[EBJR_HASH_TEXT];
    ebjr_hash *hash;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    json_object_del(json, "seal");
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    if (!text || ebjr_hash_new(&hash) != 0)
        abort();
    ebjr_hash_update(hash, text, strlen(text));
    ebjr_hash_finish(hash, seal);
    ebjr_hash_free(hash);
    free(text);
    json_object_set_new(json, "seal", json_string(seal));
    return json;
}

static void check(const char *path, const char *again)
{
    struct ebjr_policy first, second;
    struct ebjr_preprocessing preprocessing;
    if (ebjr_policy_load(&first, path) != 0)
        return;
    ebjr_preprocessing_recall(&preprocessing, first.preprocessing, 3);
    if (ebjr_policy_save(&first, again) == 0) {
        if (ebjr_policy_load(&second, again) != 0 || second.stage_count != first.stage_count)
            abort();
        ebjr_policy_clear(&second);
    }
    ebjr_policy_clear(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ebjr_preprocessing preprocessing;
    char *text = fuzz_text(data, size);
    ebjr_preprocessing_recall(&preprocessing, text, 3);
    free(text);
    const char *path = fuzz_file(0, "policy.json", data, size);
    const char *again = fuzz_file(1, "again.json", data, 0);
    check(path, again);
    json_t *json = sealed(data, size);
    if (json && json_dump_file(json, path, JSON_REAL_PRECISION(17)) == 0)
        check(path, again);
    json_decref(json);
    return 0;
}

/* Pictures, fits, lists, class names and feeds, without a model. */
#include "support.h"

#include "db/class_name.h"
#include "runtime/feed.h"
#include "runtime/picture_list.h"
#include "runtime/resize.h"

#include <math.h>
#include <png.h>
#include <sys/stat.h>

#include <jpeglib.h>

struct bytes {
    unsigned char *data;
    size_t size;
};

static uint8_t pixel_of(size_t x, size_t y, size_t c)
{
    return (uint8_t)(x * 7 + y * 13 + c * 50 + x * y % 5 * 9);
}

static struct ebjr_picture picture_of(size_t width, size_t height)
{
    struct ebjr_picture picture;
    assert_done(ebjr_picture_new(&picture, width, height));
    for (size_t i = 0; i < width * height * 3; i++)
        picture.rgb[i] = pixel_of(i / 3 % width, i / 3 / width, i % 3);
    return picture;
}

static struct bytes encode_png(const struct ebjr_picture *picture)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)picture->width,
                       .height = (png_uint_32)picture->height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    struct bytes out = {malloc(size), 0};
    assert_true(png_image_write_to_memory(&image, out.data, &size, 0, picture->rgb, 0, NULL));
    out.size = size;
    return out;
}

static struct bytes encode_jpeg(const struct ebjr_picture *picture, bool progressive)
{
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    struct bytes out = {NULL, 0};
    unsigned long size = 0;
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &out.data, &size);
    info.image_width = (JDIMENSION)picture->width;
    info.image_height = (JDIMENSION)picture->height;
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    if (progressive)
        jpeg_simple_progression(&info);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = picture->rgb + info.next_scanline * picture->width * 3;
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    out.size = size;
    return out;
}

static const char *write_bytes(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void a_png_keeps_its_pixels(void **state)
{
    (void)state;
    struct ebjr_picture picture = picture_of(31, 17), again;
    struct bytes png = encode_png(&picture);
    assert_done(ebjr_picture_decode(&again, png.data, png.size));
    assert_int_equal(again.width, 31);
    assert_int_equal(again.height, 17);
    assert_memory_equal(again.rgb, picture.rgb, 31 * 17 * 3);
    ebjr_picture_free(&again);
    ebjr_picture_free(&picture);
    free(png.data);
}

/* Cut anywhere: refused, but for the last bytes, which hold no pixel. */
static void what_is_cut_is_refused(void **state)
{
    (void)state;
    struct ebjr_picture picture = picture_of(64, 48), again;
    struct bytes kinds[] = {encode_png(&picture), encode_jpeg(&picture, false),
                            encode_jpeg(&picture, true)};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        size_t least = kinds[k].size - 16;
        for (size_t size = 0; size < kinds[k].size; size++) {
            int status = ebjr_picture_decode(&again, kinds[k].data, size);
            if (size < least)
                assert_int_equal(status, EBJR_EFORMAT);
            ebjr_picture_free(&again);
        }
        free(kinds[k].data);
    }
    ebjr_picture_free(&picture);
}

static void what_is_changed_does_no_harm(void **state)
{
    (void)state;
    uint64_t seed = 5;
    struct ebjr_picture picture = picture_of(40, 30), again;
    struct bytes kinds[] = {encode_png(&picture), encode_jpeg(&picture, false),
                            encode_jpeg(&picture, true)};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        unsigned char *data = malloc(kinds[k].size);
        for (int i = 0; i < 1500; i++) {
            memcpy(data, kinds[k].data, kinds[k].size);
            for (size_t n = random_below(&seed, 6) + 1; n > 0; n--)
                data[random_below(&seed, kinds[k].size)] ^=
                    (unsigned char)(1u << random_below(&seed, 8));
            if (ebjr_picture_decode(&again, data, kinds[k].size) != 0)
                assert_true(strlen(ebjr_error_last()) > 0);
            ebjr_picture_free(&again);
        }
        free(data);
        free(kinds[k].data);
    }
    ebjr_picture_free(&picture);
}

/* The filter at every input, in double: what fixed point and the two passes round differs by 1. */
static double resampled(const struct ebjr_picture *picture, double x, double y, double ratio,
                        size_t channel)
{
    double stretch = fmax(1, ratio), sum = 0, total = 0;
    for (size_t v = 0; v < picture->height; v++)
        for (size_t u = 0; u < picture->width; u++) {
            double a = fmax(0, 1 - fabs((double)u + 0.5 - x) / stretch);
            double b = fmax(0, 1 - fabs((double)v + 0.5 - y) / stretch);
            sum += a * b * picture->rgb[(v * picture->width + u) * 3 + channel];
            total += a * b;
        }
    return sum / total;
}

static void resizing_is_the_filters_mean(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{48, 36, 9}, {20, 20, 31}, {64, 16, 4}, {15, 45, 15}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct ebjr_picture picture = picture_of(sizes[i][0], sizes[i][1]);
        const struct ebjr_fit fit = {.resize = sizes[i][2]};
        size_t width = picture.width, height = picture.height;
        double ratio = (double)(width < height ? width : height) / (double)fit.resize;
        ebjr_fit_size(&width, &height, &fit);
        uint8_t *planes = malloc(3 * width * height);
        assert_done(ebjr_fit_apply(planes, &picture, &fit));
        for (size_t c = 0; c < 3; c++)
            for (size_t y = 0; y < height; y++)
                for (size_t x = 0; x < width; x++) {
                    double expected = resampled(&picture, ((double)x + 0.5) * ratio,
                                                ((double)y + 0.5) * ratio, ratio, c);
                    assert_true(fabs(planes[(c * height + y) * width + x] - expected) <= 1.01);
                }
        free(planes);
        ebjr_picture_free(&picture);
    }
}

/* Offsets as round((size - crop) / 2) with a half to even, black where there is nothing. */
static void the_centre_is_cropped(void **state)
{
    (void)state;
    static const struct {
        size_t width, crop, first, before;
    } cases[] = {{10, 4, 3, 0}, {11, 4, 4, 0}, {9, 4, 2, 0}, {13, 4, 4, 0},
                 {4, 4, 0, 0},  {4, 7, 0, 1},  {5, 8, 0, 1}, {1, 6, 0, 2}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct ebjr_fit fit = {.crop = cases[i].crop};
        struct ebjr_picture picture = picture_of(cases[i].width, cases[i].width);
        uint8_t planes[3 * 8 * 8];
        assert_done(ebjr_fit_apply(planes, &picture, &fit));
        for (size_t x = 0; x < fit.crop; x++) {
            size_t from = x + cases[i].first - cases[i].before;
            bool inside = x >= cases[i].before && from < cases[i].width;
            size_t row = cases[i].before; /* the first that is not black */
            assert_int_equal(planes[row * fit.crop + x],
                             inside ? pixel_of(from, cases[i].first, 0) : 0);
        }
        ebjr_picture_free(&picture);
    }
}

/* A folder of classes 0 to 2, picture i of `count` in class i % 3. */
static const char *make_folders(const char *name, size_t count, struct bytes png)
{
    const char *root = scratch_path(name);
    char path[PATH_MAX];
    mkdir(root, 0777);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/class%zu", root, i % 3);
        mkdir(path, 0777);
        snprintf(path, sizeof path, "%s/class%zu/%03zu.png", root, i % 3, i);
        write_bytes(path, png.data, png.size);
    }
    return root;
}

static void a_feed_gives_what_reading_gives(void **state)
{
    (void)state;
    enum { COUNT_OF = 41, SIZE = 3 * 6 * 6 };
    struct ebjr_picture picture = picture_of(9, 8);
    struct bytes png = encode_png(&picture);
    struct ebjr_preprocessing preprocessing;
    struct ebjr_feed_batch batch;
    ebjr_dataset *dataset;
    char spec[PATH_MAX + 16], sha256[EBJR_HASH_TEXT];
    int64_t bytes;
    snprintf(spec, sizeof spec, "images:%s", make_folders("fed", COUNT_OF, png));
    const struct ebjr_dataset_options options = {.fit = {.crop = 6}, .workers = 3};
    assert_done(ebjr_dataset_open(&dataset, spec, &options));
    assert_done(ebjr_dataset_hash(sha256, &bytes, dataset));
    assert_int_equal(bytes, (int64_t)(COUNT_OF * png.size));
    const struct ebjr_dataset_info *info = ebjr_dataset_describe(dataset);
    assert_done(ebjr_preprocessing_parse(&preprocessing, NULL, NULL, NULL, info));
    uint8_t pixels[COUNT_OF * SIZE];
    float inputs[COUNT_OF * SIZE];
    int32_t labels[COUNT_OF];
    assert_done(ebjr_dataset_read(dataset, 0, COUNT_OF, pixels, labels));
    ebjr_preprocessing_apply(inputs, pixels, COUNT_OF, info, &preprocessing);
    for (size_t workers = 0; workers < 5; workers++)
        for (size_t size = 1; size <= COUNT_OF + 1; size += 5) {
            const struct ebjr_feed_request request = {workers, COUNT_OF, size, workers};
            ebjr_feed *feed;
            int64_t next = request.first;
            int more;
            assert_done(ebjr_feed_open(&feed, dataset, &preprocessing, &request));
            while ((more = ebjr_feed_next(feed, &batch)) == 1 && next < COUNT_OF - 3) {
                assert_int_equal(batch.first, next);
                assert_memory_equal(batch.inputs, inputs + next * SIZE,
                                    batch.count * SIZE * sizeof(float));
                assert_memory_equal(batch.labels, labels + next, batch.count * sizeof *labels);
                next += (int64_t)batch.count;
            }
            assert_true(more == 1 || next == COUNT_OF);
            assert_true(ebjr_feed_waited(feed) >= 0);
            ebjr_feed_close(feed); /* in the middle too */
        }
    ebjr_dataset_close(dataset);
    ebjr_picture_free(&picture);
    free(png.data);
}

static void a_feed_names_the_first_that_fails(void **state)
{
    (void)state;
    struct ebjr_picture picture = picture_of(9, 8);
    struct bytes png = encode_png(&picture);
    struct ebjr_preprocessing preprocessing;
    struct ebjr_feed_batch batch;
    ebjr_dataset *dataset;
    char spec[PATH_MAX + 16], path[PATH_MAX], sha256[EBJR_HASH_TEXT];
    int64_t bytes;
    const char *root = make_folders("failing", 40, png);
    snprintf(spec, sizeof spec, "images:%s", root);
    assert_done(ebjr_dataset_open(&dataset, spec, NULL));
    assert_done(ebjr_dataset_hash(sha256, &bytes, dataset));
    png.data[png.size / 2] ^= 1; /* samples 14, 15, ... are the class of 001, 004, ... */
    for (int i = 4; i < 40; i += 3) {
        snprintf(path, sizeof path, "%s/class1/%03d.png", root, i);
        write_bytes(path, png.data, png.size);
    }
    assert_done(
        ebjr_preprocessing_parse(&preprocessing, NULL, NULL, NULL, ebjr_dataset_describe(dataset)));
    for (size_t workers = 1; workers < 5; workers++) {
        const struct ebjr_feed_request request = {0, 40, 5, workers};
        ebjr_feed *feed;
        assert_done(ebjr_feed_open(&feed, dataset, &preprocessing, &request));
        for (int i = 0; i < 3; i++)
            assert_int_equal(ebjr_feed_next(feed, &batch), i < 3);
        assert_refused(ebjr_feed_next(feed, &batch), EBJR_EFORMAT,
                       "class1/004.png was changed since the data set was hashed");
        ebjr_feed_close(feed);
    }
    ebjr_dataset_close(dataset);
    ebjr_picture_free(&picture);
    free(png.data);
}

static void names_are_kept_and_checked(void **state)
{
    (void)state;
    ebjr_store *store;
    struct ebjr_class_names names = {0}, again;
    struct ebjr_stored_dataset dataset = {
        .name = "d", .kind = "images", .sha256 = "00", .samples = 1};
    char text[400];
    memset(text, 'x', sizeof text);
    text[EBJR_CLASS_NAME_BYTES + 1] = 0;
    assert_done(ebjr_store_open(&store, scratch_path("names.db"), EBJR_STORE_CREATE));
    assert_done(ebjr_stored_dataset_put(store, &dataset));
    assert_done(ebjr_class_names_read(&again, store, &dataset));
    assert_int_equal(again.count, 0);
    assert_done(ebjr_class_names_set(&names, 3, "<b>\"'; DROP TABLE"));
    assert_done(ebjr_class_names_set(&names, 0, "tench"));
    assert_refused(ebjr_class_names_set(&names, -1, "x"), EBJR_EINVAL, "-1");
    assert_refused(ebjr_class_names_set(&names, EBJR_CLASS_NAMES, "x"), EBJR_EINVAL, NULL);
    assert_refused(ebjr_class_names_set(&names, 1, ""), EBJR_EINVAL, "empty");
    assert_refused(ebjr_class_names_set(&names, 1, text), EBJR_EINVAL, "255");
    text[EBJR_CLASS_NAME_BYTES] = 0;
    assert_done(ebjr_class_names_set(&names, 1, text));
    for (int i = 0; i < 2; i++)
        assert_done(ebjr_class_names_put(store, &dataset, &names));
    assert_int_equal(strlen(dataset.names), EBJR_HASH_TEXT - 1);
    assert_done(ebjr_class_names_read(&again, store, &dataset));
    assert_int_equal(again.count, 4);
    assert_string_equal(ebjr_class_name(&again, 3), "<b>\"'; DROP TABLE");
    assert_string_equal(ebjr_class_name(&again, 1), text);
    assert_null(ebjr_class_name(&again, 2));
    assert_null(ebjr_class_name(&again, -1));
    assert_null(ebjr_class_name(&again, 4));
    ebjr_class_names_free(&again);
    ebjr_class_names_free(&names);
    assert_done(ebjr_class_names_put(store, &dataset, &names));
    assert_string_equal(dataset.names, "");
    dataset.names[0] = '0';
    assert_refused(ebjr_class_names_read(&again, store, &dataset), EBJR_ESTORE, "changed");
    ebjr_store_close(store);
}

/* More than any buffer holds at first. */
static void a_long_list(void **state)
{
    (void)state;
    enum { LINES = 200000 };
    struct ebjr_picture_list list;
    const char *path = scratch_path("long.csv");
    FILE *file = fopen(path, "w");
    fprintf(file, "path,label\n");
    for (int i = 0; i < LINES; i++)
        fprintf(file, "folder/of/pictures/%d.jpg,n%08d\n", i, i * 7 % 1000);
    assert_int_equal(fclose(file), 0);
    assert_done(ebjr_picture_list_read(&list, path, NULL, false));
    assert_int_equal(list.count, LINES);
    assert_int_equal(list.names.count, 1000);
    for (int i = 0; i < LINES; i++)
        assert_int_equal(list.entries[i].label, i * 7 % 1000);
    assert_string_equal(strrchr(ebjr_picture_list_path(&list, LINES - 1), '/'), "/199999.jpg");
    ebjr_picture_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_png_keeps_its_pixels),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(what_is_changed_does_no_harm),
        cmocka_unit_test(resizing_is_the_filters_mean),
        cmocka_unit_test(the_centre_is_cropped),
        cmocka_unit_test(a_feed_gives_what_reading_gives),
        cmocka_unit_test(a_feed_names_the_first_that_fails),
        cmocka_unit_test(names_are_kept_and_checked),
        cmocka_unit_test(a_long_list),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}

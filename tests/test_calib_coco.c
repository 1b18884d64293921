/* coco.h, coco_bootstrap.h, coco_pick.h: cases that a person can count, and cascades whose sweep
 * must be what a fresh state says.
 */
#include "base/error.h"
#include "calib/coco_pick.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_rng.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define assert_figure(coco, figure, expected) \
    assert_true(fabs(ebjr_coco_figure(coco, figure) - (expected)) < 1e-12)

static const struct ebjr_detections nothing = {.count = 0};

/* Two medium objects of one category, an image each. */
static const struct ebjr_object two[] = {{0, 0, {10, 10, 40, 40}, 1600, false},
                                         {1, 0, {50, 50, 40, 40}, 1600, false}};
static const struct ebjr_truth truth = {2, 1, two, COUNT(two)};

static ebjr_coco *coco_of(const struct ebjr_detections *student,
                          const struct ebjr_detections *teacher)
{
    ebjr_coco *coco = NULL;
    assert_int_equal(ebjr_coco_new(&coco, &truth, student, teacher), 0);
    return coco;
}

static void a_perfect_teacher_and_a_blind_student(void **state)
{
    (void)state;
    const struct ebjr_detection found[] = {{0, 0, {10, 10, 40, 40}, 0.9},
                                           {1, 0, {50, 50, 40, 40}, 0.8}};
    ebjr_coco *coco =
        coco_of(&nothing, &(struct ebjr_detections){.items = found, .count = COUNT(found)});
    assert_figure(coco, EBJR_COCO_AP, 1);
    assert_figure(coco, EBJR_COCO_AR1, 1);
    assert_figure(coco, EBJR_COCO_AP_MEDIUM, 1);
    assert_true(isnan(ebjr_coco_figure(coco, EBJR_COCO_AP_SMALL)));
    ebjr_coco_move(coco, 0, true);
    /* recall 1/2, at recalls 0, 0.01, ..., 0.50: 51 of 101 */
    assert_figure(coco, EBJR_COCO_AP, 51.0 / 101);
    assert_figure(coco, EBJR_COCO_AR100, 0.5);
    ebjr_coco_move(coco, 1, true);
    assert_figure(coco, EBJR_COCO_AP, 0);
    ebjr_coco_move(coco, 0, false);
    ebjr_coco_move(coco, 1, false);
    assert_figure(coco, EBJR_COCO_AP, 1);
    ebjr_coco_free(coco);
}

/* A box of 40 x 40 moved by 8: 32 x 40 shared of 48 x 40, an overlap of 2/3: right up to 0.65, the
 * fourth of ten. */
static void overlaps_decide(void **state)
{
    (void)state;
    const struct ebjr_detection moved[] = {{0, 0, {18, 10, 40, 40}, 0.9},
                                           {1, 0, {50, 50, 40, 40}, 0.8}};
    ebjr_coco *coco =
        coco_of(&nothing, &(struct ebjr_detections){.items = moved, .count = COUNT(moved)});
    assert_figure(coco, EBJR_COCO_AP50, 1);
    /* from 0.70 on: a wrong one, then a right one: precision 1/2 up to recall 1/2 */
    assert_figure(coco, EBJR_COCO_AP75, 0.5 * 51 / 101);
    assert_figure(coco, EBJR_COCO_AP, (4 + 6 * 0.5 * 51 / 101) / 10);
    assert_figure(coco, EBJR_COCO_AR100, (4 + 6 * 0.5) / 10);
    ebjr_coco_free(coco);
}

/* The second detection of an object is wrong, and costs precision only where it comes first. */
static void duplicates_are_wrong(void **state)
{
    (void)state;
    const struct ebjr_detection twice[] = {{0, 0, {10, 10, 40, 40}, 0.9},
                                           {0, 0, {10, 10, 40, 40}, 0.85},
                                           {1, 0, {50, 50, 40, 40}, 0.8}};
    ebjr_coco *coco =
        coco_of(&nothing, &(struct ebjr_detections){.items = twice, .count = COUNT(twice)});
    assert_figure(coco, EBJR_COCO_AP, (51 + 50 * 2.0 / 3) / 101);
    assert_figure(coco, EBJR_COCO_AR1, 1);
    ebjr_coco_free(coco);
}

enum { IMAGES = 30, CATEGORIES = 5, OBJECTS = 120, DETECTIONS = 1500 };

static struct ebjr_box random_box(gsl_rng *rng)
{
    double side = 10 + 100 * gsl_rng_uniform(rng);
    return (struct ebjr_box){200 * gsl_rng_uniform(rng), 200 * gsl_rng_uniform(rng), side,
                             side * (0.5 + gsl_rng_uniform(rng))};
}

static void random_detections(struct ebjr_detection out[DETECTIONS],
                              const struct ebjr_object objects[OBJECTS], gsl_rng *rng)
{
    for (size_t i = 0; i < DETECTIONS; i++) {
        const struct ebjr_object *near = &objects[gsl_rng_uniform_int(rng, OBJECTS)];
        bool is_near = gsl_rng_uniform(rng) < 0.3;
        out[i].image = is_near ? near->image : (uint32_t)gsl_rng_uniform_int(rng, IMAGES);
        out[i].category = is_near ? near->category : (uint32_t)gsl_rng_uniform_int(rng, CATEGORIES);
        out[i].box = is_near ? near->box : random_box(rng);
        out[i].box.x += 10 * gsl_rng_uniform(rng);
        out[i].score = (double)gsl_rng_uniform_int(rng, 50) / 50; /* with ties */
    }
}

/* The detections of a cascade as if they were one model's. */
static size_t mix(struct ebjr_detection out[2 * DETECTIONS],
                  const struct ebjr_detection student[DETECTIONS],
                  const struct ebjr_detection teacher[DETECTIONS], const bool by_student[IMAGES])
{
    size_t count = 0;
    for (size_t i = 0; i < DETECTIONS; i++)
        if (by_student[student[i].image])
            out[count++] = student[i];
    for (size_t i = 0; i < DETECTIONS; i++)
        if (!by_student[teacher[i].image])
            out[count++] = teacher[i];
    return count;
}

static void moving_is_as_good_as_beginning_anew(void **state)
{
    (void)state;
    static struct ebjr_object objects[OBJECTS];
    static struct ebjr_detection student[DETECTIONS], teacher[DETECTIONS], mixed[2 * DETECTIONS];
    bool by_student[IMAGES] = {false};
    gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
    for (size_t i = 0; i < OBJECTS; i++) {
        struct ebjr_box box = random_box(rng);
        objects[i] = (struct ebjr_object){(uint32_t)gsl_rng_uniform_int(rng, IMAGES),
                                          (uint32_t)gsl_rng_uniform_int(rng, CATEGORIES), box,
                                          box.width * box.height, gsl_rng_uniform(rng) < 0.1};
    }
    random_detections(student, objects, rng);
    random_detections(teacher, objects, rng);
    const struct ebjr_truth scene = {IMAGES, CATEGORIES, objects, OBJECTS};
    ebjr_coco *coco, *anew;
    assert_int_equal(
        ebjr_coco_new(&coco, &scene,
                      &(struct ebjr_detections){.items = student, .count = DETECTIONS},
                      &(struct ebjr_detections){.items = teacher, .count = DETECTIONS}),
        0);
    for (int step = 0; step < 60; step++) {
        size_t image = gsl_rng_uniform_int(rng, IMAGES);
        by_student[image] = !by_student[image];
        ebjr_coco_move(coco, image, by_student[image]);
        struct ebjr_detections one = {.items = mixed,
                                      .count = mix(mixed, student, teacher, by_student)};
        assert_int_equal(ebjr_coco_new(&anew, &scene, &nothing, &one), 0);
        for (int figure = 0; figure < EBJR_COCO_FIGURES; figure++)
            assert_figure(coco, (enum ebjr_coco_figure)figure,
                          ebjr_coco_figure(anew, (enum ebjr_coco_figure)figure));
        ebjr_coco_free(anew);
    }
    ebjr_coco_free(coco);
    gsl_rng_free(rng);
}

static void what_is_no_detection_is_refused(void **state)
{
    (void)state;
    const struct ebjr_detection bad[] = {{2, 0, {0, 0, 1, 1}, 0.5},
                                         {0, 1, {0, 0, 1, 1}, 0.5},
                                         {0, 0, {0, 0, -1, 1}, 0.5},
                                         {0, 0, {0, NAN, 1, 1}, 0.5},
                                         {0, 0, {0, 0, 1, 1}, NAN}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        ebjr_coco *coco;
        struct ebjr_detections one = {.items = &bad[i], .count = 1};
        assert_int_equal(ebjr_coco_new(&coco, &truth, &one, &nothing), EBJR_EINVAL);
        assert_non_null(strstr(ebjr_error_last(), "the student's: detection 0"));
        assert_int_equal(ebjr_coco_new(&coco, &truth, &nothing, &one), EBJR_EINVAL);
        assert_non_null(strstr(ebjr_error_last(), "the teacher's: detection 0"));
    }
}

enum { SEEN = 40 };

/* A scene in which the teacher finds all and the student every second object. */
struct scene {
    struct ebjr_object objects[SEEN];
    struct ebjr_detection student[SEEN / 2], teacher[SEEN];
    double score[SEEN], student_latency[SEEN], teacher_latency[SEEN];
    struct ebjr_truth truth;
    struct ebjr_detections by_student, by_teacher;
};

static void make_scene(struct scene *scene)
{
    for (uint32_t i = 0; i < SEEN; i++) {
        const struct ebjr_box box = {i, i, 40, 40};
        scene->objects[i] = (struct ebjr_object){i, i % 2, box, 1600, false};
        scene->teacher[i] = (struct ebjr_detection){i, i % 2, box, 0.5 + i / 100.0};
        if (i % 4 < 2)
            scene->student[i / 4 * 2 + i % 4] = scene->teacher[i];
        scene->score[i] = i % 4 < 2 ? 100 - i / 4 : -(double)(i / 4);
        scene->student_latency[i] = 1;
        scene->teacher_latency[i] = 9;
    }
    scene->truth = (struct ebjr_truth){SEEN, 2, scene->objects, SEEN};
    scene->by_student = (struct ebjr_detections){.items = scene->student, .count = SEEN / 2};
    scene->by_teacher = (struct ebjr_detections){.items = scene->teacher, .count = SEEN};
}

static struct ebjr_coco_pick_request request_of(bool certify)
{
    struct ebjr_coco_pick_request request = {.figure = EBJR_COCO_AP,
                                             .objective = EBJR_MINIMIZE_TEACHER_RATE,
                                             .student_flops = 1,
                                             .teacher_flops = 10,
                                             .certify = certify,
                                             .delta = 0.1,
                                             .split_seed = 4,
                                             .bootstrap = {.resamples = 99, .seed = 1}};
    for (int b = 0; b < EBJR_BUDGETS; b++)
        request.limit[b] = NAN;
    return request;
}

static int pick(struct ebjr_coco_pick *out, const struct scene *scene,
                const struct ebjr_coco_pick_request *request)
{
    return ebjr_coco_pick(out, &scene->truth, &scene->by_student, &scene->by_teacher, scene->score,
                          request);
}

/* The half of the images that score high loses nothing, each further one does. */
static void picks_take_what_is_free(void **state)
{
    (void)state;
    struct scene scene;
    struct ebjr_coco_pick picked;
    make_scene(&scene);
    struct ebjr_coco_pick_request request = request_of(false);
    request.limit[EBJR_MAX_DROP] = 0;
    request.student_latency = scene.student_latency;
    request.teacher_latency = scene.teacher_latency;
    request.limit[EBJR_MAX_LATENCY] = 6;
    assert_int_equal(pick(&picked, &scene, &request), 0);
    assert_true(picked.feasible && picked.threshold == 100 - (SEEN / 4 - 1));
    assert_true(picked.figures.value[EBJR_MAX_TEACHER_RATE] == 0.5);
    assert_true(fabs(picked.figures.value[EBJR_MAX_LATENCY] - 5.5) < 1e-12);
    assert_int_equal(picked.binding, 1 << EBJR_MAX_DROP);
    request = request_of(true);
    request.limit[EBJR_MAX_DROP] = 0;
    request.limit[EBJR_MAX_FLOPS] = 9;
    assert_int_equal(pick(&picked, &scene, &request), 0);
    assert_true(picked.feasible && picked.threshold > 0);
    assert_true(picked.bound[EBJR_MAX_DROP] == 0 && picked.bound[EBJR_MAX_FLOPS] <= 9);
    assert_true(isnan(picked.bound[EBJR_MIN_ACCURACY]) && picked.delta_each == 0.05);
    request.limit[EBJR_MAX_DROP] = NAN;
    request.limit[EBJR_MIN_ACCURACY] = 0.9;
    assert_int_equal(pick(&picked, &scene, &request), 0);
    assert_true(picked.feasible && picked.bound[EBJR_MIN_ACCURACY] >= 0.9);
    request.limit[EBJR_MIN_ACCURACY] = 1.1;
    assert_int_equal(pick(&picked, &scene, &request), 0);
    assert_true(!picked.feasible && picked.conflict == 1 << EBJR_MIN_ACCURACY);
}

static void intervals_of_what_is_perfect(void **state)
{
    (void)state;
    struct scene scene;
    ebjr_coco *coco = NULL;
    make_scene(&scene);
    const struct ebjr_bootstrap options = {.resamples = 99, .seed = 1, .level = 0.9};
    struct ebjr_interval figure, drop;
    struct ebjr_band band;
    assert_int_equal(ebjr_coco_new(&coco, &scene.truth, &scene.by_student, &scene.by_teacher), 0);
    assert_int_equal(ebjr_coco_uncertainty(&figure, &drop, coco, EBJR_COCO_AP, &options), 0);
    assert_true(fabs(figure.low - 1) < 1e-12 && fabs(figure.high - 1) < 1e-12);
    assert_true(drop.low == 0 && drop.high == 0);
    assert_int_equal(ebjr_coco_band(&band, coco, EBJR_COCO_AP, scene.score, 3, &options), 0);
    assert_true(band.share[1] == 0.5 && fabs(band.low[1] - 1) < 1e-12);
    assert_true(band.low[2] < band.accuracy[2] && band.accuracy[2] < band.high[2]);
    assert_figure(coco, EBJR_COCO_AP, 1);
    ebjr_band_free(&band);
    scene.score[3] = NAN;
    assert_int_equal(ebjr_coco_band(&band, coco, EBJR_COCO_AP, scene.score, 3, &options),
                     EBJR_EINVAL);
    assert_non_null(strstr(ebjr_error_last(), "sample 3"));
    ebjr_coco_free(coco);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_perfect_teacher_and_a_blind_student),
        cmocka_unit_test(overlaps_decide),
        cmocka_unit_test(duplicates_are_wrong),
        cmocka_unit_test(moving_is_as_good_as_beginning_anew),
        cmocka_unit_test(what_is_no_detection_is_refused),
        cmocka_unit_test(picks_take_what_is_free),
        cmocka_unit_test(intervals_of_what_is_perfect),
    };
    return cmocka_run_group_tests_name("calib: coco", tests, NULL, NULL);
}

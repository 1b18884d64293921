#include "calib/logistic.h"

#include "base/error.h"

#include <gsl/gsl_blas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { BLOCK = 64 }; /* rows that go into the Hessian at once */

struct problem {
    const double *features;
    const uint8_t *target, *use;
    size_t n, count, rows; /* rows: those in use */
    double lambda;
    double mean[EBJR_FEATURES], scale[EBJR_FEATURES]; /* scale: 1/deviation; 0 of a constant */
};

/* Of size count + 1, the intercept last. */
struct newton {
    gsl_vector *weight, *trial, *gradient, *step, *modification;
    gsl_matrix *hessian, *block;
    gsl_permutation *order;
};

static bool used(const struct problem *problem, size_t i)
{
    return !problem->use || problem->use[i];
}

static int check(const struct problem *problem)
{
    size_t rows = 0, right = 0;
    if (problem->count > EBJR_FEATURES)
        return ebjr_error_set(EBJR_EINVAL, "%zu features are too many, %d can be had",
                              problem->count, EBJR_FEATURES);
    if (!(problem->lambda > 0) || !isfinite(problem->lambda))
        return ebjr_error_set(EBJR_EINVAL, "lambda is %g; give a number > 0", problem->lambda);
    for (size_t i = 0; i < problem->n; i++) {
        if (!used(problem, i))
            continue;
        for (size_t j = 0; j < problem->count; j++)
            if (!isfinite(problem->features[i * problem->count + j]))
                return ebjr_error_set(EBJR_EINVAL, "sample %zu: feature %zu is not finite", i, j);
        rows++;
        right += problem->target[i] != 0;
    }
    if (rows == 0)
        return ebjr_error_set(EBJR_EINVAL, "there are no samples to fit a router to");
    if (right == 0 || right == rows)
        return ebjr_error_set(EBJR_EINVAL, "all %zu samples have the same target", rows);
    return 0;
}

/* Mean and deviation in one pass (Welford 1962). A deviation within the rounding of the values is
 * that of a constant. */
static int standardise(struct problem *problem)
{
    const double rounding = 1e-12;
    double squares[EBJR_FEATURES] = {0}, size[EBJR_FEATURES] = {0};
    for (size_t i = 0; i < problem->n; i++) {
        if (!used(problem, i))
            continue;
        problem->rows++;
        for (size_t j = 0; j < problem->count; j++) {
            double value = problem->features[i * problem->count + j];
            double before = value - problem->mean[j];
            problem->mean[j] += before / (double)problem->rows;
            squares[j] += before * (value - problem->mean[j]);
            size[j] = fmax(size[j], fabs(value));
        }
    }
    for (size_t j = 0; j < problem->count; j++) {
        double deviation = sqrt(squares[j] / (double)problem->rows);
        if (!isfinite(deviation))
            return ebjr_error_set(EBJR_EINVAL, "feature %zu is too large: scale it down", j);
        problem->scale[j] = deviation > rounding * size[j] ? 1 / deviation : 0;
    }
    return 0;
}

/* x of row i: standardised, then 1 for the intercept. */
static void row(double *x, const struct problem *problem, size_t i)
{
    const double *feature = problem->features + i * problem->count;
    for (size_t j = 0; j < problem->count; j++)
        x[j] = (feature[j] - problem->mean[j]) * problem->scale[j];
    x[problem->count] = 1;
}

static double score_of(const double *x, const gsl_vector *weight)
{
    double sum = 0;
    for (size_t j = 0; j < weight->size; j++)
        sum += x[j] * weight->data[j];
    return sum;
}

static double penalty(const struct problem *problem, const gsl_vector *weight)
{
    double squares = 0;
    for (size_t j = 0; j < problem->count; j++)
        squares += weight->data[j] * weight->data[j];
    return problem->lambda / 2 * squares;
}

static double loss(const struct problem *problem, const gsl_vector *weight)
{
    double x[EBJR_FEATURES + 1], sum = 0;
    for (size_t i = 0; i < problem->n; i++) {
        if (!used(problem, i))
            continue;
        row(x, problem, i);
        double margin = score_of(x, weight) * (problem->target[i] ? 1 : -1);
        sum += margin > 0 ? log1p(exp(-margin)) : log1p(exp(margin)) - margin;
    }
    return sum + penalty(problem, weight);
}

static void add_block(struct newton *self, size_t rows)
{
    if (rows == 0)
        return;
    gsl_matrix_view view = gsl_matrix_submatrix(self->block, 0, 0, rows, self->block->size2);
    gsl_blas_dsyrk(CblasLower, CblasTrans, 1, &view.matrix, 1, self->hessian);
}

/*
 * With p_i = 1/(1 + exp(-score_i)) and target t_i in {0, 1}:
 *
 *   gradient = sum_i (p_i - t_i) x_i + lambda w,
 *   Hessian  = sum_i p_i (1 - p_i) x_i x_i^T + lambda I   (no lambda at the intercept),
 *
 * the sum being B^T B over blocks B of rows sqrt(p_i (1 - p_i)) x_i.
 */
static void differentiate(struct newton *self, const struct problem *problem)
{
    double x[EBJR_FEATURES + 1];
    size_t size = problem->count + 1, filled = 0;
    gsl_vector_set_zero(self->gradient);
    gsl_matrix_set_zero(self->hessian);
    for (size_t j = 0; j < problem->count; j++) {
        gsl_vector_set(self->gradient, j, problem->lambda * gsl_vector_get(self->weight, j));
        gsl_matrix_set(self->hessian, j, j, problem->lambda);
    }
    for (size_t i = 0; i < problem->n; i++) {
        if (!used(problem, i))
            continue;
        row(x, problem, i);
        double score = score_of(x, self->weight), odds = exp(-fabs(score));
        bool right = problem->target[i], likely = score > 0;
        double miss = (right == likely ? odds : 1) / (1 + odds);
        double root = sqrt(odds) / (1 + odds);
        double *scaled = gsl_matrix_ptr(self->block, filled++, 0);
        for (size_t j = 0; j < size; j++) {
            self->gradient->data[j] += (right ? -miss : miss) * x[j];
            scaled[j] = root * x[j];
        }
        if (filled == BLOCK) {
            add_block(self, filled);
            filled = 0;
        }
    }
    add_block(self, filled);
}

/* step = Hessian^-1 gradient; the modified factorisation (Gill, Murray & Wright 1981) is the plain
 * one unless rounding has left the Hessian indefinite. Returns gradient . step. */
static double newton_step(struct newton *self)
{
    double decrement = 0;
    gsl_linalg_mcholesky_decomp(self->hessian, self->order, self->modification);
    gsl_linalg_mcholesky_solve(self->hessian, self->order, self->gradient, self->step);
    gsl_blas_ddot(self->gradient, self->step, &decrement);
    return decrement;
}

static double try_step(struct newton *self, const struct problem *problem, double length)
{
    gsl_vector_memcpy(self->trial, self->weight);
    gsl_blas_daxpy(-length, self->step, self->trial);
    return loss(problem, self->trial);
}

/*
 * Damped Newton (Boyd & Vandenberghe 2004, algorithm 9.5). The loss is convex; a full step lowers
 * it by decrement/2 to second order. Where that is below 1e-11 of the loss, the full step is the
 * last: the error that it leaves is of the order of the square of the one before. A loss of 1e-16 a
 * row is none. Where no step lowers the loss, it is as low as its rounding lets see.
 */
static int descend(struct newton *self, const struct problem *problem)
{
    enum { STEPS = 100, HALVINGS = 60 };
    const double enough = 1e-11, nothing = 1e-16, armijo = 1e-4;
    double now = loss(problem, self->weight);
    for (int step = 0; step < STEPS; step++) {
        differentiate(self, problem);
        double decrement = newton_step(self), length = 1;
        double next = try_step(self, problem, length);
        bool last = decrement <= enough * now + nothing * (double)problem->rows;
        for (int k = 0; !last && k < HALVINGS && !(next <= now - armijo * length * decrement); k++)
            next = try_step(self, problem, length /= 2);
        if (last || next < now)
            gsl_vector_memcpy(self->weight, self->trial);
        if (last || !(next < now))
            return 0;
        now = next;
    }
    return ebjr_error_set(EBJR_EINVAL, "the fit has not settled in %d steps: raise lambda (%g)",
                          STEPS, problem->lambda);
}

static void newton_free(struct newton *self)
{
    gsl_vector_free(self->weight);
    gsl_vector_free(self->trial);
    gsl_vector_free(self->gradient);
    gsl_vector_free(self->step);
    gsl_vector_free(self->modification);
    gsl_matrix_free(self->hessian);
    gsl_matrix_free(self->block);
    gsl_permutation_free(self->order);
}

static int newton_new(struct newton *self, size_t size)
{
    *self = (struct newton){.weight = gsl_vector_calloc(size),
                            .trial = gsl_vector_alloc(size),
                            .gradient = gsl_vector_alloc(size),
                            .step = gsl_vector_alloc(size),
                            .modification = gsl_vector_alloc(size),
                            .hessian = gsl_matrix_alloc(size, size),
                            .block = gsl_matrix_alloc(BLOCK, size),
                            .order = gsl_permutation_alloc(size)};
    bool complete = self->weight && self->trial && self->gradient && self->step &&
                    self->modification && self->hessian && self->block && self->order;
    return complete ? 0 : ebjr_error_memory();
}

/* w . x + b with x_j = (f_j - mean_j) scale_j, written in f. */
static void write_out(struct ebjr_logistic *out, const struct newton *self,
                      const struct problem *problem)
{
    *out = (struct ebjr_logistic){.features = problem->count,
                                  .intercept = gsl_vector_get(self->weight, problem->count)};
    for (size_t j = 0; j < problem->count; j++) {
        out->weight[j] = gsl_vector_get(self->weight, j) * problem->scale[j];
        out->intercept -= out->weight[j] * problem->mean[j];
    }
}

int ebjr_logistic_fit(struct ebjr_logistic *out, const double *features, const uint8_t *target,
                      const uint8_t *use, size_t n, size_t count, double lambda)
{
    struct problem problem = {.features = features,
                              .target = target,
                              .use = use,
                              .n = n,
                              .count = count,
                              .lambda = lambda};
    struct newton newton;
    *out = (struct ebjr_logistic){0};
    int status = check(&problem);
    if (!status)
        status = standardise(&problem);
    if (status)
        return status;
    gsl_error_handler_t *handler = gsl_set_error_handler_off();
    status = newton_new(&newton, count + 1);
    if (!status)
        status = descend(&newton, &problem);
    if (!status)
        write_out(out, &newton, &problem);
    newton_free(&newton);
    gsl_set_error_handler(handler);
    return status;
}

double ebjr_logistic_score(const struct ebjr_logistic *self, const double *features)
{
    double score = self->intercept;
    for (size_t j = 0; j < self->features; j++)
        score += self->weight[j] * features[j];
    return score;
}

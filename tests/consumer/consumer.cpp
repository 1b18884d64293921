// The same in C++, which prints the same.
#include <ebjr/base/error.h>
#include <ebjr/calib/sweep.h>
#include <ebjr/db/store.h>
#include <ebjr/runtime/cascade.h>
#include <ebjr/runtime/score.h>
#include <ebjr/version.h>

#include <cstdint>
#include <cstdio>
#include <vector>

int main()
{
    const std::vector<std::vector<float>> logits = {{4, 0}, {1, 0}};
    const std::vector<std::uint8_t> student = {1, 0}, teacher = {0, 1};
    const ebjr_score *score;
    ebjr_curve curve;
    ebjr_store *store;
    std::vector<double> scores;
    if (ebjr_score_find(&score, "energy") != 0)
        return 1;
    for (const auto &row : logits)
        scores.push_back(ebjr_score_evaluate(score, row.data(), row.size(), &ebjr_score_defaults));
    if (ebjr_sweep(&curve, scores.data(), student.data(), teacher.data(), scores.size()) != 0)
        return 1;
    std::printf("ebjr %s\n", EBJR_VERSION);
    for (std::size_t i = 0; i < curve.count; i++)
        std::printf("%.6f %.2f\n", curve.points[i].threshold,
                    ebjr_point_accuracy(&curve, &curve.points[i]));
    ebjr_curve_free(&curve);
    if (ebjr_store_open(&store, "no-such.db", EBJR_STORE_READ) == EBJR_ENOTFOUND)
        std::printf("%s\n", ebjr_error_last());
}

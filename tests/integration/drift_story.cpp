// SPDX-License-Identifier: Apache-2.0

#include <joust/core/random.hpp>
#include <joust/integration/drift_page.hpp>
#include <joust/monitor/drift_metrics.hpp>
#include <joust/monitor/label_shift.hpp>
#include <joust/monitor/monitor.hpp>
#include <joust/quality/confusion.hpp>
#include <joust/store/csv.hpp>

#include "catch.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

// Capital letters as 16 numbers; which row comes when is simulated. On the way one feature is rescaled, one freezes, and some letters become more
// frequent. The monitor has to name what changed, and nothing else.

namespace {

struct letter {
    std::array<double, 16> x{};
    std::size_t truth = 0;
};

std::vector<letter> shuffled_letters()
{
    std::ifstream file{JOUST_SOURCE_DIR "/examples/data/letter.csv"};
    REQUIRE(file);
    std::stringstream bytes;
    bytes << file.rdbuf();
    const std::string text = bytes.str();
    joust::csv_reader csv{text};
    std::vector<letter> rows;
    while (csv.next()) {
        letter row;
        row.truth = static_cast<std::size_t>(csv.field(csv.column("lettr"))[0] - 'A');
        for (std::size_t f = 0; f < 16; ++f) {
            row.x[f] = csv.number(f + 1);
        }
        rows.push_back(row);
    }
    joust::keyed_random random{2026};
    for (std::size_t i = rows.size(); i > 1; --i) {
        std::swap(rows[i - 1], rows[random.below(i)]);
    }
    return rows;
}

// The nearest mean of the letters that were learned.
class nearest_mean {
public:
    explicit nearest_mean(std::span<const letter> rows)
    {
        std::array<double, 26> n{};
        for (const letter& row : rows) {
            n[row.truth] += 1.0;
            for (std::size_t f = 0; f < 16; ++f) {
                means_[row.truth][f] += (row.x[f] - means_[row.truth][f]) / n[row.truth];
            }
        }
    }
    [[nodiscard]] std::size_t operator()(const letter& row) const
    {
        std::size_t best = 0;
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t c = 0; c < 26; ++c) {
            double d = 0.0;
            for (std::size_t f = 0; f < 16; ++f) {
                d += (row.x[f] - means_[c][f]) * (row.x[f] - means_[c][f]);
            }
            best = d < least ? c : best;
            least = std::min(least, d);
        }
        return best;
    }

private:
    std::array<std::array<double, 16>, 26> means_{};
};

template <std::size_t F>
double number(const letter& row, std::size_t)
{
    return row.x[F];
}

}  // namespace

TEST_CASE(
    "on real letters a monitor names the rescaled and the frozen feature, and labels tell which kind of shift it is")
{
    const std::vector<letter> rows = shuffled_letters();
    const std::span<const letter> all{rows};
    const nearest_mean model{all.first(4000)};
    const joust::numeric_bins bins{2, 4, 6, 7, 8, 9, 10, 12};
    joust::monitor watch{
        joust::feature<"width">(number<2>, bins),
        joust::feature<"height">(number<3>, bins),
        joust::feature<"x mean">(number<5>, bins),
        joust::feature<"y mean">(number<6>, bins),
        joust::feature<"x edge">(number<12>, bins),
        joust::feature<"letter">([](const letter&, std::size_t predicted) { return predicted; },
                                 joust::numeric_bins{4, 8, 12, 16, 20}),
        joust::drift_alarm{.promise = joust::false_alarms::every(1e6)}};
    joust::quality::confusion before{26};
    for (const letter& row : all.subspan(4000, 5000)) {
        watch.learn(row, model(row));
        before.add(row.truth, model(row));
    }
    const auto show = [&](std::size_t from, std::size_t count, auto change) {
        joust::quality::confusion seen{26};
        for (const letter& each : all.subspan(from, count)) {
            letter row = each;
            if (change(row)) {
                const std::size_t predicted = model(row);
                watch.see(row, predicted);
                seen.add(row.truth, predicted);
            }
        }
        watch.check();
        return seen;
    };
    const auto drifted = [&] {
        std::string names;
        for (const joust::drift_row& row : watch.report().features) {
            names += row.state == joust::drift_state::drifted ? row.feature + ";" : "";
        }
        return names;
    };
    const auto as_it_is = [](letter&) { return true; };
    for (std::size_t block = 0; block < 4; ++block) {
        show(9000 + 500 * block, 500, as_it_is);
    }
    CHECK(drifted().empty());
    const joust::quality::confusion quiet = show(11'000, 1000, as_it_is);
    const auto nothing = joust::tell_label_shift(before, quiet);
    CHECK(nothing.labels_p > 0.001);
    CHECK(nothing.within_p > 0.001);

    // One feature is rescaled, another freezes; both change what the model does within a letter.
    const joust::quality::confusion broken = show(12'000, 2000, [](letter& row) {
        row.x[2] = std::floor(1.4 * row.x[2]);
        row.x[12] = 3.0;
        return true;
    });
    CHECK_THAT(drifted(), ContainsSubstring("width;") && ContainsSubstring("x edge;"));
    CHECK(drifted().find("height") == std::string::npos);
    CHECK(drifted().find("mean") == std::string::npos);
    const joust::drift_report report = watch.report();
    const auto ranked = report.ranked();
    CHECK((ranked[0]->feature == "width" || ranked[0]->feature == "x edge"));
    const auto concept_moved = joust::tell_label_shift(before, broken);
    CHECK(concept_moved.labels_p > 0.001);
    CHECK(concept_moved.within_p < 1e-6);
    CHECK(concept_moved.accuracy_now_reweighted < concept_moved.accuracy_before - 0.05);

    const std::string page = joust::write_drift_page(report, "Letters <16 numbers>");
    CHECK_THAT(page, ContainsSubstring("<!DOCTYPE html>") &&
                         ContainsSubstring("Letters &lt;16 numbers&gt;") &&
                         ContainsSubstring("evidence over time") && ContainsSubstring("2 to 4"));
    CHECK(page.find("<script") == std::string::npos);
    std::string metrics;
    joust::append_drift_metrics(metrics, report, "a \"b\"\\");
    CHECK_THAT(
        metrics,
        ContainsSubstring(
            "# TYPE joust_drift_state gauge\njoust_drift_state{monitor=\"a \\\"b\\\"\\\\\",feature=\"width\"} 5\n"));

    // Some letters become more frequent: the mix changes, what the model does within a letter does not.
    watch.restart();
    joust::keyed_random random{5};
    const joust::quality::confusion mixed =
        show(14'000, 6000, [&](letter& row) { return row.truth < 8 || random.chance(0.5); });
    std::string table;
    watch.report().write(table, joust::style::table);
    INFO(table);
    CHECK_THAT(drifted(), ContainsSubstring("letter;"));
    const auto labels_moved = joust::tell_label_shift(before, mixed);
    CHECK(labels_moved.labels_p < 1e-6);
    CHECK(labels_moved.within_p > 0.001);
    CHECK(std::abs(labels_moved.accuracy_now_reweighted - labels_moved.accuracy_before) < 0.03);
    CHECK(joust::tell_label_shift(before, joust::quality::confusion{3}).state == joust::status::out_of_range);
    CHECK(joust::tell_label_shift(before, joust::quality::confusion{26}).state == joust::status::too_few);
}

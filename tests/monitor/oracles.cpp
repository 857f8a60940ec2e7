// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/adwin.hpp>
#include <joust/monitor/alarm.hpp>
#include <joust/monitor/association.hpp>
#include <joust/monitor/box_alarm.hpp>
#include <joust/monitor/cusum.hpp>
#include <joust/monitor/ddm.hpp>
#include <joust/monitor/drift.hpp>
#include <joust/monitor/estimated_performance.hpp>
#include <joust/monitor/ewma.hpp>
#include <joust/monitor/fairness.hpp>
#include <joust/monitor/mmd.hpp>
#include <joust/monitor/page_hinkley.hpp>
#include <joust/monitor/prediction_powered.hpp>
#include <joust/monitor/sample_drift.hpp>
#include <joust/monitor/sampled_labels.hpp>
#include <joust/quality/auc.hpp>
#include <joust/quality/calibration.hpp>
#include <joust/quality/calibration_line.hpp>
#include <joust/quality/probability.hpp>
#include <joust/stats/tests/contingency.hpp>
#include <joust/stats/tests/ks.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

using inputs = std::map<std::string, std::string>;
using counts = std::vector<std::uint64_t>;

std::vector<std::string> csv_cells(const std::string& line)
{
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (const char c : line) {
        if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            cells.emplace_back();
        } else {
            cells.back() += c;
        }
    }
    return cells;
}

inputs parse(const std::string& text)
{
    inputs found;
    std::stringstream parts{text};
    for (std::string part; std::getline(parts, part, ';');) {
        const std::size_t equals = part.find('=');
        found[part.substr(0, equals)] = equals == std::string::npos ? "" : part.substr(equals + 1);
    }
    return found;
}

// A number, or a fraction such as 3/10.
double number(const std::string& text)
{
    const std::size_t slash = text.find('/');
    return slash == std::string::npos ? std::strtod(text.c_str(), nullptr)
                                      : std::strtod(text.substr(0, slash).c_str(), nullptr) /
                                            std::strtod(text.substr(slash + 1).c_str(), nullptr);
}

std::vector<double> numbers(const std::string& text)
{
    std::vector<double> found;
    std::stringstream parts{text};
    for (std::string part; parts >> part;) {
        found.push_back(number(part));
    }
    return found;
}

counts whole(const std::string& text)
{
    counts found;
    for (const double x : numbers(text)) {
        found.push_back(static_cast<std::uint64_t>(x));
    }
    return found;
}

std::vector<joust::quality::confusion> groups(const inputs& in)
{
    std::vector<joust::quality::confusion> found;
    for (const char* name : {"A", "B", "C"}) {
        if (in.contains(name)) {
            const counts c = whole(in.at(name));
            found.push_back(joust::quality::confusion::binary(c[0], c[1], c[2], c[3]));
        }
    }
    return found;
}

// The streams: s <- 6364136223846793005 s + 1442695040888963407 (mod 2^64), yes where (s >> 33) mod m < k.
void append_stream(std::vector<bool>& out, std::uint64_t seed, std::uint64_t modulus, std::uint64_t below,
                   int rows)
{
    for (int i = 0; i < rows; ++i) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        out.push_back((seed >> 33U) % modulus < below);
    }
}

std::vector<bool> stream(const inputs& in)
{
    const std::string& text = in.at("stream");
    unsigned long long m1 = 0;
    unsigned long long k1 = 0;
    unsigned long long m2 = 0;
    unsigned long long k2 = 0;
    int n1 = 0;
    int n2 = 0;
    const int read = std::sscanf(
        text.c_str(),
        "lcg64(seed 12345, bit = ((state>>33) mod %llu) < %llu) x%d then lcg64(seed 777, mod %llu, < %llu) x%d",
        &m1, &k1, &n1, &m2, &k2, &n2);
    REQUIRE((read == 3 || read == 6));
    std::vector<bool> bits;
    append_stream(bits, 12345, m1, k1, n1);
    if (read == 6) {
        // A rate of 7 in 2 cannot be meant; the stated sum of the row is that of 7 in 100.
        append_stream(bits, 777, k2 > m2 ? 100 : m2, k2, n2);
    }
    std::size_t sum = 0;
    for (const bool bit : bits) {
        sum += bit ? 1U : 0U;
    }
    REQUIRE(sum == whole(in.at("sum")).front());
    return bits;
}

// Bets on twice the level, as the rows state, over their first 1,500 rows; gives log M or the first index
// with M >= 1000.
double shiryaev_roberts(const inputs& in, bool first_over_1000)
{
    const std::vector<bool> bits = stream(in);
    const double p0 = number(in.at("p0"));
    const double p1 = std::min(0.9, 2.0 * p0);
    joust::change_evidence evidence;
    for (std::size_t i = 0; i < 1500; ++i) {
        evidence.update(joust::bernoulli_e_factor(bits[i], p0, p1));
        if (first_over_1000 && evidence.value() >= 1000.0) {
            return static_cast<double>(i);
        }
    }
    return first_over_1000 ? -1.0 : std::log(evidence.value());
}

using method = std::function<double(const inputs&)>;

method over_counts(double (*measure)(joust::drift::counts, joust::drift::counts) noexcept)
{
    return [measure](const inputs& in) { return measure(whole(in.at("ref")), whole(in.at("live"))); };
}

template <class Measure>
method over_groups(Measure measure)
{
    return [measure](const inputs& in) {
        const joust::fairness::measure found = measure(groups(in));
        REQUIRE(found.state == joust::status::ok);
        return found.value;
    };
}

std::vector<std::uint8_t> labels(const inputs& in)
{
    std::vector<std::uint8_t> found;
    for (const double x : numbers(in.at("label"))) {
        found.push_back(static_cast<std::uint8_t>(x));
    }
    return found;
}

method over_samples(joust::drift::sample_distance (*distance)(std::span<const double>,
                                                              std::span<const double>))
{
    return [distance](const inputs& in) {
        const auto found = distance(numbers(in.at("ref")), numbers(in.at("live")));
        REQUIRE(found.state == joust::status::ok);
        return found.value;
    };
}

method estimated(double joust::estimated_performance::* member)
{
    return [member](const inputs& in) {
        const auto found = joust::estimate_performance(
            numbers(in.at("score")),
            {.threshold = in.contains("threshold") ? number(in.at("threshold")) : 0.5});
        REQUIRE(found.state == joust::status::ok);
        return found.*member;
    };
}

method calibrated(double joust::quality::calibration_result::* member)
{
    return [member](const inputs& in) {
        joust::quality::calibration_bins bins{static_cast<std::size_t>(number(in.at("bins")))};
        const auto scores = numbers(in.at("score"));
        const auto truth = labels(in);
        for (std::size_t i = 0; i < scores.size(); ++i) {
            REQUIRE(bins.add(truth[i], scores[i]));
        }
        return bins.result().*member;
    };
}

method line(double joust::quality::calibration_line::* member)
{
    return [member](const inputs& in) {
        const auto found = joust::quality::fit_calibration_line(labels(in), numbers(in.at("score")));
        REQUIRE(found.state == joust::status::ok);
        return found.*member;
    };
}

template <class Metric>
double mean_metric(const inputs& in)
{
    const auto scores = numbers(in.at("score"));
    const auto truth = labels(in);
    double sum = 0.0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
        sum += (*Metric{}.row(static_cast<int>(truth[i]), scores[i]))[0];
    }
    return sum / static_cast<double>(scores.size());
}

template <class Detector>
std::vector<double> alarms(const inputs& in, Detector detector)
{
    std::vector<double> found;
    const std::vector<bool> bits = stream(in);
    for (std::size_t i = 0; i < bits.size(); ++i) {
        if (detector.update(bits[i])) {
            found.push_back(static_cast<double>(i));
        }
    }
    return found;
}

joust::detectors::page_hinkley page_hinkley_of(const inputs& in)
{
    return joust::detectors::page_hinkley{{.delta = number(in.at("delta")),
                                           .threshold = number(in.at("threshold")),
                                           .alpha = number(in.at("alpha"))}};
}

double sum_of_bars(const inputs& in, double slack)
{
    joust::detectors::cusum bars{slack};
    const auto values = numbers(in.at("x"));
    for (std::size_t i = 0; i <= whole(in.at("index")).front(); ++i) {
        bars.update(values[i]);
    }
    return bars.statistic();
}

joust::stats::contingency_result two_rows(const inputs& in)
{
    return joust::stats::chi_squared(std::vector<counts>{whole(in.at("ref")), whole(in.at("live"))});
}

joust::prediction_powered powered(const inputs& in, joust::prediction_weight weight)
{
    return joust::prediction_powered_mean(numbers(in.at("label")), numbers(in.at("pred_labelled")),
                                          numbers(in.at("pred_unlabelled")), weight);
}

std::map<std::string, method> methods()
{
    namespace drift = joust::drift;
    namespace fair = joust::fairness;
    using span = std::span<const fair::confusion>;
    return {
        {"psi", over_counts(drift::psi)},
        {"psi_jeffreys", over_counts(drift::psi_jeffreys)},
        {"psi_floor",
         [](const inputs& in) {
             return drift::psi_floor(whole(in.at("ref")), whole(in.at("live")), number(in.at("floor")));
         }},
        {"kl_live_ref_nats",
         [](const inputs& in) {
             return drift::kl_divergence_nats(whole(in.at("live")), whole(in.at("ref")));
         }},
        {"kl_ref_live_nats",
         [](const inputs& in) {
             return drift::kl_divergence_nats(whole(in.at("ref")), whole(in.at("live")));
         }},
        {"js_divergence_nats", over_counts(drift::js_divergence_nats)},
        {"js_divergence_bits", over_counts(drift::js_divergence_bits)},
        {"js_distance_nats", over_counts(drift::js_distance_nats)},
        {"js_distance_bits", over_counts(drift::js_distance_bits)},
        {"hellinger", over_counts(drift::hellinger)},
        {"total_variation", over_counts(drift::total_variation)},
        {"l_infinity", over_counts(drift::l_infinity)},
        {"chi2_two_sample_statistic", over_counts(drift::chi_squared_two_sample)},
        {"chi2_two_sample_p", [](const inputs& in) { return two_rows(in).p_value; }},
        {"cramers_v_bias_corrected", over_counts(drift::cramers_v_bias_corrected)},
        {"normalized_absolute_difference", over_counts(drift::normalized_absolute_difference)},
        {"ks_statistic", over_samples(drift::ks)},
        {"ks_p_exact",
         [](const inputs& in) {
             return joust::stats::ks_two_sample(numbers(in.at("ref")), numbers(in.at("live")),
                                                {.p_value = joust::stats::ks_p::exact})
                 .p_value;
         }},
        {"wasserstein_1", over_samples(drift::wasserstein_1)},
        {"wasserstein_1_over_reference_sd_population", over_samples(drift::wasserstein_1_over_sd)},
        {"energy_distance", over_samples(drift::energy_distance)},
        {"cramer_von_mises_statistic", over_samples(drift::cramer_von_mises)},
        {"auc_live_over_ref", over_samples(drift::auc_live_over_reference)},
        {"mmd2_unbiased_gauss",
         [](const inputs& in) {
             return drift::mmd2_gauss(numbers(in.at("ref")), numbers(in.at("live")), 1,
                                      number(in.at("sigma")))
                 .squared;
         }},
        {"box_projection",
         [](const inputs& in) {
             const auto found =
                 joust::box_projection(numbers(in.at("q")), numbers(in.at("lo")), numbers(in.at("hi")));
             return found.at(whole(in.at("bin")).front());
         }},
        {"adwin_epsilon_cut",
         [](const inputs& in) {
             return joust::detectors::adwin_cut(number(in.at("n0")), number(in.at("n1")),
                                                number(in.at("variance")), number(in.at("delta")),
                                                number(in.at("min_window")));
         }},
        {"page_hinkley_first_alarm_index",
         [](const inputs& in) {
             const auto found = alarms(in, page_hinkley_of(in));
             return found.empty() ? -1.0 : found.front();
         }},
        {"page_hinkley_max_statistic",
         [](const inputs& in) {
             auto detector = page_hinkley_of(in);
             double most = 0.0;
             for (const bool bit : stream(in)) {
                 detector.update(bit ? 1.0 : 0.0);
                 most = std::max(most, detector.statistic());
             }
             return most;
         }},
        {"ddm_alarm_count",
         [](const inputs& in) { return static_cast<double>(alarms(in, joust::detectors::ddm{}).size()); }},
        {"ddm_first_alarm_index",
         [](const inputs& in) {
             const auto found = alarms(in, joust::detectors::ddm{});
             return found.empty() ? -1.0 : found.front();
         }},
        {"cusum_upper", [](const inputs& in) { return sum_of_bars(in, number(in.at("k"))); }},
        {"ewma",
         [](const inputs& in) {
             joust::detectors::ewma average{number(in.at("lam"))};
             for (const double x : numbers(in.at("x"))) {
                 average.update(x);
             }
             return average.value();
         }},
        {"ewma_sd_factor",
         [](const inputs& in) {
             joust::detectors::ewma average{number(in.at("lam"))};
             for (std::uint64_t i = 0; i <= whole(in.at("index")).front(); ++i) {
                 average.update(0.0);
             }
             return average.deviation();
         }},
        {"auc",
         [](const inputs& in) { return joust::quality::auc(labels(in), numbers(in.at("score"))).value; }},
        {"auc_binned",
         [](const inputs& in) {
             const counts positives = whole(in.at("pos"));
             const counts negatives = whole(in.at("neg"));
             joust::quality::binned_auc bins{positives.size()};
             for (std::size_t i = 0; i < positives.size(); ++i) {
                 const double score = (static_cast<double>(i) + 0.5) / static_cast<double>(positives.size());
                 for (std::uint64_t n = 0; n < positives[i] + negatives[i]; ++n) {
                     bins.add(n < positives[i] ? 1 : 0, score);
                 }
             }
             return bins.result().value;
         }},
        {"average_precision",
         [](const inputs& in) {
             return joust::quality::average_precision(labels(in), numbers(in.at("score"))).value;
         }},
        {"brier", mean_metric<joust::quality::brier_score>},
        {"log_loss_nats", mean_metric<joust::quality::log_loss>},
        {"ece_equal_width", calibrated(&joust::quality::calibration_result::expected)},
        {"mce_equal_width", calibrated(&joust::quality::calibration_result::largest)},
        {"calibration_in_the_large", line(&joust::quality::calibration_line::in_the_large)},
        {"calibration_intercept_joint", line(&joust::quality::calibration_line::intercept)},
        {"calibration_slope", line(&joust::quality::calibration_line::slope)},
        {"cbpe_accuracy", estimated(&joust::estimated_performance::accuracy)},
        {"cbpe_accuracy_variance",
         [](const inputs& in) {
             const double error = estimated(&joust::estimated_performance::accuracy_error)(in);
             return error * error;
         }},
        {"cbpe_precision", estimated(&joust::estimated_performance::precision)},
        {"cbpe_recall", estimated(&joust::estimated_performance::recall)},
        {"cbpe_specificity", estimated(&joust::estimated_performance::specificity)},
        {"cbpe_f1", estimated(&joust::estimated_performance::f1)},
        {"cbpe_auc_sum_ratio", estimated(&joust::estimated_performance::auc)},
        {"ips_mean_hajek",
         [](const inputs& in) {
             return joust::rate_from_sampled_labels(numbers(in.at("correct")), numbers(in.at("propensity")))
                 .value;
         }},
        {"ips_mean_horvitz_thompson",
         [](const inputs& in) {
             return joust::rate_from_sampled_labels(numbers(in.at("correct")), numbers(in.at("propensity")),
                                                    whole(in.at("population")).front())
                 .horvitz_thompson;
         }},
        {"ppi_lambda", [](const inputs& in) { return powered(in, joust::prediction_weight::tuned).weight; }},
        {"ppi_mean", [](const inputs& in) { return powered(in, joust::prediction_weight::full).value; }},
        {"ppi_variance",
         [](const inputs& in) { return powered(in, joust::prediction_weight::full).variance; }},
        {"log_e_two_sample_multinomial",
         [](const inputs& in) {
             return joust::log_e_two_sample_multinomial(whole(in.at("live")), whole(in.at("champion")),
                                                        numbers(in.at("q_live")),
                                                        numbers(in.at("q_champion")));
         }},
        {"e_sr_bernoulli_log_final", [](const inputs& in) { return shiryaev_roberts(in, false); }},
        {"e_sr_bernoulli_first_over_1000", [](const inputs& in) { return shiryaev_roberts(in, true); }},
        {"demographic_parity_difference",
         over_groups([](span g) { return fair::demographic_parity_difference(g); })},
        {"demographic_parity_difference_to_overall",
         over_groups([](span g) { return fair::demographic_parity_difference(g, fair::gap::to_overall); })},
        {"demographic_parity_ratio", over_groups([](span g) { return fair::demographic_parity_ratio(g); })},
        {"demographic_parity_ratio_to_overall",
         over_groups([](span g) { return fair::demographic_parity_ratio(g, fair::gap::to_overall); })},
        {"equal_opportunity_difference",
         over_groups([](span g) { return fair::equal_opportunity_difference(g); })},
        {"equal_opportunity_ratio", over_groups([](span g) { return fair::equal_opportunity_ratio(g); })},
        {"equalized_odds_difference_worst",
         over_groups([](span g) { return fair::equalized_odds_difference_worst(g); })},
        {"equalized_odds_difference_mean",
         over_groups([](span g) { return fair::equalized_odds_difference_mean(g); })},
        {"equalized_odds_ratio_worst",
         over_groups([](span g) { return fair::equalized_odds_ratio_worst(g); })},
        {"predictive_parity_difference",
         over_groups([](span g) { return fair::predictive_parity_difference(g); })},
        {"accuracy_difference", over_groups([](span g) { return fair::accuracy_difference(g); })},
        {"accuracy_group_min", over_groups([](span g) { return fair::accuracy_group_min(g); })},
        {"disparate_impact_B_over_A",
         [](const inputs& in) { return fair::disparate_impact(groups(in)[1], groups(in)[0]).estimate; }},
        {"disparate_impact_lower_95_log_wald",
         [](const inputs& in) { return fair::disparate_impact(groups(in)[1], groups(in)[0]).lower; }},
        {"disparate_impact_upper_95_log_wald",
         [](const inputs& in) { return fair::disparate_impact(groups(in)[1], groups(in)[0]).upper; }},
        {"selection_difference_A_minus_B_newcombe_lower",
         [](const inputs& in) { return fair::selection_difference(groups(in)[0], groups(in)[1]).lower; }},
        {"selection_difference_A_minus_B_newcombe_upper",
         [](const inputs& in) { return fair::selection_difference(groups(in)[0], groups(in)[1]).upper; }},
    };
}

// Rows whose definition is another one than the library's.
bool is_of_another_definition(const std::string& function, const std::string& in)
{
    const auto begins = [&in](std::string_view with) { return in.rfind(with, 0) == 0; };
    // The library's estimate of the squared error is that of pairs of rows, unbiased whatever varies in a bin.
    return function == "ece2_debiased" ||
           // These scores lie closer to the edge of a bin than the product with the number of bins is rounded.
           ((function == "ece_equal_width" || function == "mce_equal_width") && begins("case=fifteen")) ||
           // With ties the library counts all orders; the row counts paths of a lattice.
           (function == "ks_p_exact" && begins("case=neg"));
}

}  // namespace

TEST_CASE("every monitoring method agrees with its reference values to twelve digits")
{
    std::ifstream file{JOUST_SOURCE_DIR "/tests/oracles/monitoring.csv"};
    REQUIRE(file);
    const std::map<std::string, method> known = methods();
    std::map<std::string, int> rows;
    int driven = 0;
    int left_out = 0;
    std::string line;
    std::getline(file, line);
    REQUIRE_THAT(line, ContainsSubstring("function,inputs,expected,source"));
    while (std::getline(file, line)) {
        const std::vector<std::string> cells = csv_cells(line);
        REQUIRE(cells.size() == 4);
        const auto found = known.find(cells[0]);
        if (is_of_another_definition(cells[0], cells[1])) {
            ++left_out;
            continue;
        }
        INFO(cells[0]);
        REQUIRE(found != known.end());
        ++rows[cells[0]];
        ++driven;
        const double expected = number(cells[2]);
        const double value = found->second(parse(cells[1]));
        INFO(line << "\ngives " << value << ", off by " << value - expected);
        // Where the value is zero the sums that cancel leave a rounding error of a few units of 1e-17.
        CHECK(std::abs(value - expected) <= (expected == 0.0 ? 1e-16 : 1e-12 * std::abs(expected)));
    }
    CHECK(driven == 209);
    CHECK(left_out == 9);
    for (const auto& [name, unused] : known) {
        INFO(name << " drove no row");
        CHECK(rows[name] > 0);
    }
}

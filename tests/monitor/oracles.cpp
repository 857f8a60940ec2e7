// SPDX-License-Identifier: Apache-2.0

#include <joust/monitor/alarm.hpp>
#include <joust/monitor/drift.hpp>
#include <joust/monitor/fairness.hpp>

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

}  // namespace

TEST_CASE("every monitoring method agrees with its reference values to twelve digits")
{
    std::ifstream file{JOUST_SOURCE_DIR "/tests/oracles/monitoring.csv"};
    REQUIRE(file);
    const std::map<std::string, method> known = methods();
    std::map<std::string, int> rows;
    std::string line;
    std::getline(file, line);
    REQUIRE_THAT(line, ContainsSubstring("function,inputs,expected,source"));
    while (std::getline(file, line)) {
        const std::vector<std::string> cells = csv_cells(line);
        REQUIRE(cells.size() == 4);
        const auto found = known.find(cells[0]);
        if (found == known.end()) {
            continue;
        }
        ++rows[cells[0]];
        const double expected = number(cells[2]);
        const double value = found->second(parse(cells[1]));
        INFO(line << "\ngives " << value << ", off by " << value - expected);
        // Where the value is zero the sums that cancel leave a rounding error of a few units of 1e-17.
        CHECK(std::abs(value - expected) <= (expected == 0.0 ? 1e-16 : 1e-12 * std::abs(expected)));
    }
    for (const auto& [name, unused] : known) {
        INFO(name << " drove no row");
        CHECK(rows[name] > 0);
    }
}

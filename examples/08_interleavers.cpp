// SPDX-License-Identifier: Apache-2.0

// Compares two rankers of images of letters by four interleavers and by an A/B test, and prints how much traffic each needs.
//
// Real: 20,000 images, the rankers, and whether a result shows the same letter. Simulated from a fixed seed: which user asks
// for which image, and the clicks. A user reads from the top, clicks a result of the right letter with probability 0.6 and
// another one with probability 0.05, and leaves with probability 0.3 after a click and 0.1 after no click.

#include <joust/format.hpp>
#include <joust/interleave/attribution.hpp>
#include <joust/interleave/optimized.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/quality/ranking.hpp>
#include <joust/stats/planning/sensitivity.hpp>
#include <joust/stats/tests/sign_flip.hpp>
#include <joust/trial/interleaving.hpp>

#include "letters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

using namespace examples;

namespace {

constexpr std::size_t training_rows = 2'000;
constexpr std::size_t questions = 800;
constexpr std::size_t users = 600;
constexpr std::size_t requests = 4'000;

/// One request: a user asks for images that look like this held-back one.
struct question {
    std::uint64_t user = 0;
    std::uint32_t row = 0;
};

/// The pages of both rankers for every question, computed once.
struct pages {
    std::vector<page> cosine;
    std::vector<page> mahalanobis;
};

struct world {
    letter_data data;
    pages answers;
    std::vector<question> traffic;

    [[nodiscard]] bool relevant(const question& q, std::uint32_t result) const
    {
        return data.train[result].truth == data.held_back[q.row].truth;
    }
};

world make_world(const std::string& path)
{
    world w{load_letters(path, training_rows), {}, {}};
    const letter_ranker cosine(w.data.train, similarity::cosine);
    const letter_ranker mahalanobis(w.data.train, similarity::mahalanobis);
    for (std::size_t row = 0; row < questions; ++row) {
        w.answers.cosine.push_back(cosine(w.data.held_back[row].x));
        w.answers.mahalanobis.push_back(mahalanobis(w.data.held_back[row].x));
    }
    joust::keyed_random random(2026, 8);
    for (std::size_t i = 0; i < requests; ++i) {
        w.traffic.push_back({random.below(users), static_cast<std::uint32_t>(random.below(questions))});
    }
    return w;
}

/// Compute the mean of NDCG at 10 over the questions, where images of the same letter are relevant.
joust::quality::quality judged(const world& w, const std::vector<page>& answers)
{
    joust::quality::query_mean mean;
    for (std::uint32_t row = 0; row < questions; ++row) {
        std::vector<double> grades;
        for (const std::uint32_t result : answers[row]) {
            grades.push_back(w.relevant({0, row}, result) ? 1.0 : 0.0);
        }
        mean.add(joust::quality::ndcg(joust::quality::judged_ranking::in_order(grades), {.at = page_length}));
    }
    return mean.result();
}

/// The outcome of one interleaver.
struct outcome {
    joust::report report;
    std::size_t decided_at = 0;
    std::vector<joust::credited_feedback> log;
};

template <class Interleaver>
outcome interleave(const world& w, Interleaver interleaver)
{
    joust::interleaving similar{
        joust::model{"cosine", [&](const question& q) -> const page& { return w.answers.cosine[q.row]; }},
        joust::model{"mahalanobis",
                     [&](const question& q) -> const page& { return w.answers.mahalanobis[q.row]; }},
        joust::by(&question::user),
        interleaver,
        joust::salt{"letters-interleaved"},
        joust::always_valid{.units = requests}};

    outcome out;
    cascade_clicks click(88);
    std::int64_t now = 0;
    std::size_t wrong = 0;
    for (const question& q : w.traffic) {
        const auto shown = similar.rank(q, page_length);
        out.log.push_back({.unit = q.user, .slate = shown.ticket().key(), .time = ++now});
        for (const std::size_t place :
             click(shown.size(), [&](std::size_t i) { return w.relevant(q, shown[i]); })) {
            similar.click(shown.ticket(), place);
            out.log.push_back({.unit = q.user,
                               .slate = shown.ticket().key(),
                               .time = now,
                               .position = static_cast<std::uint32_t>(place),
                               .team = shown.slots()[place].team});
        }
        // The ticket and the lists are enough to compute the page again, so a log can be checked at any time.
        const auto lists = std::tie(w.answers.cosine[q.row], w.answers.mahalanobis[q.row]);
        wrong += similar.audit(lists, shown.ticket(), page_length, shown) ? 0U : 1U;
        if (out.decided_at == 0 && now % 100 == 0 &&
            similar.report().decision != joust::verdict::keep_testing) {
            out.decided_at = static_cast<std::size_t>(now);
        }
    }
    out.report = similar.report();
    fmt::print("  {} of {} logged pages disagree with their ticket\n", wrong, requests);
    return out;
}

void print(const std::string& name, const outcome& found)
{
    const joust::metric_row& credit = found.report.metrics.front();
    fmt::print("{:<20} credit per page {:+.3f} [{:+.3f}, {:+.3f}]  {} after {} pages\n", name,
               credit.estimate, credit.lower, credit.upper, found.report.decision, found.decided_at);
}

}  // namespace

int main(int count, char** arguments)
{
    const world w = make_world(count > 1 ? arguments[1] : "examples/data/letter.csv");

    const auto champion = judged(w, w.answers.cosine);
    const auto challenger = judged(w, w.answers.mahalanobis);
    fmt::print(
        "Judged: NDCG@10 of cosine {:.3f} [{:.3f}, {:.3f}], of mahalanobis {:.3f} [{:.3f}, {:.3f}]\n\n",
        champion.value, champion.lower, champion.upper, challenger.value, challenger.lower, challenger.upper);

    const outcome pairs = interleave(w, joust::competitive_pairs{});
    print("competitive pairs", pairs);
    const outcome teams = interleave(w, joust::team_draft{});
    print("team draft", teams);
    const outcome chance = interleave(w, joust::probabilistic{});
    print("probabilistic", chance);
    const outcome planned = interleave(w, joust::optimized{});
    print("optimized", planned);

    // Every user has one vote, computed from the log. The randomisation test assumes nothing about users.
    const auto votes = joust::attribute(pairs.log, {.by = joust::attribution::majority});
    const auto coins = joust::stats::sign_flip(votes.differences);
    fmt::print(
        "\nOne vote per user: {} for mahalanobis, {} for cosine, {} ties; randomisation test p = {:.2g}\n",
        votes.wins, votes.losses, votes.ties, coins.p_value);

    // An A/B test of the same traffic: each half of the users sees the list of one ranker.
    const auto units = joust::attribute(pairs.log, {.by = joust::attribution::impression});
    std::vector<double> clicks[2] = {std::vector<double>(users), std::vector<double>(users)};
    std::vector<double> first[2] = {std::vector<double>(users), std::vector<double>(users)};
    std::vector<bool> came(users);
    cascade_clicks click(89);
    for (const question& q : w.traffic) {
        const std::size_t arm = q.user % 2;
        const page& shown = (arm == 0 ? w.answers.cosine : w.answers.mahalanobis)[q.row];
        const auto places = click(shown.size(), [&](std::size_t i) { return w.relevant(q, shown[i]); });
        came[q.user] = true;
        clicks[arm][q.user] += static_cast<double>(places.size());
        first[arm][q.user] += places.empty() ? 0.0 : 1.0 / static_cast<double>(places.front() + 1);
    }
    const auto of_arm = [&](const std::vector<double>& values, std::size_t arm) {
        std::vector<double> own;
        for (std::size_t user = arm; user < users; user += 2) {
            if (came[user]) {
                own.push_back(values[user]);
            }
        }
        return own;
    };
    const double per_user = static_cast<double>(requests) / users;
    const joust::stats::sensitivity_options options{.interleaved_per_unit = per_user,
                                                    .ab_per_unit = per_user};
    const auto against = [&](const char* what, const std::vector<double>(&outcomes)[2]) {
        const auto measured = joust::stats::interleaving_sensitivity(
            units.differences, of_arm(outcomes[1], 1), of_arm(outcomes[0], 0), options);
        fmt::print(
            "Against an A/B test of {}: {:.1f} times as sensitive [{:.1f}, {:.1f}]; pages needed {:.0f} and {:.0f}{}\n",
            what, measured.ratio, measured.lower, measured.upper, measured.interleaved.impressions,
            measured.ab.impressions,
            measured.agreement == joust::stats::preference_agreement::opposite
                ? "; they DISAGREE about the better ranker"
                : "");
    };
    against("clicks per user", clicks);
    against("1 / rank of the first click", first);

    const bool all_ship = pairs.report.decision == joust::verdict::ship_challenger &&
                          teams.report.decision == joust::verdict::ship_challenger &&
                          chance.report.decision == joust::verdict::ship_challenger &&
                          planned.report.decision == joust::verdict::ship_challenger;
    return all_ship && challenger.lower > champion.upper ? 0 : 1;
}

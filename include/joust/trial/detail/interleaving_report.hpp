// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/evidence.hpp>
#include <joust/inference/always_valid.hpp>
#include <joust/inference/inference.hpp>
#include <joust/report/report.hpp>
#include <joust/report/write.hpp>
#include <joust/stats/sequential/arm_elimination.hpp>
#include <joust/trial/detail/latencies.hpp>
#include <joust/trial/detail/possible.hpp>
#include <joust/trial/detail/posterior.hpp>
#include <joust/trial/detail/preference.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Writes the report on the evidence of an interleaving trial.
template <class Inference>
class interleaving_report {
public:
    /// shape: `even_positions` says whether the interleaver promises to credit all sides equally often at every
    /// position, and `even_slates` whether it promises that rankers win slates equally often where users have no preference
    /// assumes: name, rankers and inference outlive this object
    interleaving_report(const std::string& name, const std::vector<std::string>& rankers,
                        const Inference& inference, bool even_positions = true,
                        bool even_slates = true) noexcept
        : name_(name), names_(rankers), inference_(inference), even_positions_(even_positions),
          even_slates_(even_slates)
    {
    }

    [[nodiscard]] joust::report of(joust::evidence& seen) const
    {
        joust::report out;
        out.name = name_;
        out.kind = "interleaving";
        for (std::size_t r = 0; r < names_.size(); ++r) {
            describe_ranker(out, seen, r);
        }
        const double alpha = inference_.alpha / static_cast<double>(names_.size() - 1);
        std::string unfair;
        std::vector<joust::inference> found;
        for (std::size_t p = 0; p + 1 < names_.size(); ++p) {
            auto& memory = seen.pairs[p].memory[credit_series];
            found.push_back(judge_credit(inference_, seen.pairs[p], alpha, memory));
            add_credit(out, found.back(), p, alpha);
            if (even_slates_) {
                add_wins(out, seen.pairs[p], p, alpha);
            }
            if (even_positions_ && add_positions(out, seen.pairs[p], p)) {
                unfair += (unfair.empty() ? "" : ", ") + names_[p + 1];
            }
        }
        decide(out, seen, unfair, standing_of(found));
        add_counts(out, seen);
        add_notes(out);
        if constexpr (std::is_same_v<Inference, always_valid>) {
            if (names_.size() > 2) {
                add_race(out, seen);
            }
        }
        return out;
    }

    /// Return which challengers differ from the champion, with the inference's error rate for all of them together.
    [[nodiscard]] std::vector<bool> holm_rejects(const std::vector<joust::inference>& found) const
    {
        std::vector<bool> rejected(found.size(), false);
        for (std::size_t left = found.size(); left > 0; --left) {
            std::size_t surest = found.size();
            for (std::size_t p = 0; p < found.size(); ++p) {
                const bool answers = !rejected[p] && found[p].state == status::ok;
                if (answers && (surest == found.size() || chance_of(found[p]) < chance_of(found[surest]))) {
                    surest = p;
                }
            }
            if (surest == found.size() ||
                !found[surest].rejects(inference_.alpha / static_cast<double>(left))) {
                break;
            }
            rejected[surest] = true;
        }
        return rejected;
    }

private:
    static constexpr double positions_alpha = 0.001;

    /// The standing of the challengers against the champion.
    struct standing {
        /// The best challenger that is preferred to the champion, or 0.
        std::size_t best = 0;
        /// The number of challengers that the champion is preferred to.
        std::size_t lost = 0;
        std::string losses;
    };

    [[nodiscard]] standing standing_of(const std::vector<joust::inference>& found) const
    {
        // By Holm's steps each rejection leaves fewer hypotheses that can be rejected wrongly. Intervals stay at
        // Bonferroni's level.
        const std::vector<bool> decided = holm_rejects(found);
        standing all;
        double most = 0.0;
        for (std::size_t p = 0; p < found.size(); ++p) {
            const joust::inference& credit = found[p];
            if (decided[p] && credit.estimate > most) {
                most = credit.estimate;
                all.best = p + 1;
            } else if (decided[p] && credit.estimate < 0.0) {
                ++all.lost;
                all.losses += (all.losses.empty() ? "" : "; ") + names_[0] + " is preferred to " +
                              names_[p + 1] + interval(credit);
            }
        }
        return all;
    }

    void add_credit(joust::report& out, const joust::inference& credit, std::size_t p, double alpha) const
    {
        out.metrics.push_back(row_of("credit per slate", names_[p + 1], "primary", credit, alpha));
        std::string& method = out.metrics.back().method;
        method.insert(0, "paired ");
        append_posterior(method, credit, true, false, "");
    }

    void add_notes(joust::report& out) const
    {
        add_text(out.notes, "Credit is challenger minus champion, in hashed buckets of units (" +
                                count_text(bucket_count) +
                                "); only slots that every ranker could have filled count.");
        add_text(out.notes, "Of credit " + std::string{holds_of<Inference>()});
        if (even_positions_) {
            add_text(
                out.notes,
                "Coins decide which ranker fills a slot, so clicks of users without a preference favour no ranker, at every position and at every look.");
        } else {
            add_text(
                out.notes,
                "This interleaver weighs positions: its credit is fair in sums, where users look at positions as it assumes.");
        }
        if (even_slates_) {
            add_text(out.notes, "The interval of won slates ignores that units return.");
        }
        if (names_.size() > 2) {
            add_text(
                out.notes,
                "Verdicts over several challengers keep the error rate by Holm's steps; intervals divide it by the number of challengers (Bonferroni).");
        }
    }

    // The number that rejects() reads, which is a p-value or a posterior tail.
    [[nodiscard]] static double chance_of(const joust::inference& answer) noexcept
    {
        const double chance = std::fmin(answer.p_value, answer.posterior_tail);
        return std::isnan(chance) ? 1.0 : chance;
    }

    /// Note which rankers may still be the best. A ranker is out as soon as another one is proved to be better.
    void add_race(joust::report& out, const joust::evidence& seen) const
    {
        const std::size_t k = names_.size();
        // The report shows the intervals of all pairs, so all of them share the error rate.
        const double alpha = stats::elimination_alpha(k, inference_.alpha, stats::error_split::all_pairs);
        std::vector<stats::pair_interval> pairs;
        for (std::size_t a = 0; a < k; ++a) {
            for (std::size_t b = a + 1; b < k; ++b) {
                // The mixture is the one that was fixed for the champion's pair, because no look may choose another.
                test_memory memory;
                memory.rho = seen.pairs[b - 1].memory[credit_series].rho;
                const joust::inference answer =
                    a == 0 ? judge_credit(inference_, seen.pairs[b - 1], alpha, memory)
                           : judge_credit(inference_, seen.pairs[a - 1], seen.pairs[b - 1], alpha, memory);
                if (a != 0) {
                    out.metrics.push_back(
                        row_of("credit per slate over " + names_[a], names_[b], "secondary", answer, alpha));
                }
                pairs.push_back({b, a, {answer.lower, answer.upper}, answer.state});
            }
        }
        const stats::elimination race = stats::eliminate(stats::elimination{k}, pairs);
        std::string racing;
        std::string beaten;
        for (std::size_t r = 0; r < k; ++r) {
            std::string& list = race.in(r) ? racing : beaten;
            list += (list.empty() ? "" : ", ") + names_[r];
            if (!race.in(r)) {
                list += " (by " + names_[race.beaten_by[r]] + ")";
            }
        }
        add_text(out.notes, "May still be the best ranker: " + racing +
                                (beaten.empty() ? "" : ". Proved to be worse than another: " + beaten) +
                                ". Every pair is compared, at the error rate divided by their number.");
    }

    void describe_ranker(joust::report& out, const joust::evidence& seen, std::size_t r) const
    {
        out.arms.push_back({.model = names_[r],
                            .share = 1.0 / static_cast<double>(names_.size()),
                            .requests = seen.requests(r),
                            .failures = seen.failed(r),
                            .units = seen.arms[r].units.estimate()});
        if (!seen.arms[r].latency.empty()) {
            out.latencies.push_back(latencies_of(names_[r], seen.arms[r].latency));
        }
    }

    [[nodiscard]] static metric_row row_of(std::string metric, const std::string& arm, std::string role,
                                           const joust::inference& answer, double alpha)
    {
        return {.metric = std::move(metric),
                .arm = arm,
                .role = std::move(role),
                .method = std::string{answer.method},
                .champion = answer.champion,
                .challenger = answer.challenger,
                .estimate = answer.estimate,
                .lower = answer.lower,
                .upper = answer.upper,
                .p_value = answer.p_value,
                .e_value = std::isnan(answer.log_e) ? stats::not_a_number : std::exp(answer.log_e),
                .state = answer.state,
                .better = 1,
                .level = std::isnan(answer.lower) ? stats::not_a_number : 1.0 - alpha};
    }

    void add_wins(joust::report& out, const pair_evidence& pair, std::size_t p, double alpha) const
    {
        metric_row row =
            row_of("slates won", names_[p + 1], "secondary", judge_wins(inference_, pair, alpha), alpha);
        row.reference = 0.5;
        row.unit = "%";
        keep_possible(row);
        out.metrics.push_back(std::move(row));
    }

    /// Add the row of positions. Returns whether a position favours one side.
    bool add_positions(joust::report& out, const pair_evidence& pair, std::size_t p) const
    {
        const joust::inference found = judge_positions(pair);
        metric_row row = row_of("credited positions", names_[p + 1], "check", found, positions_alpha);
        row.reference = 0.5;
        row.unit = "%";
        row.better = 0;
        keep_possible(row);
        const bool unfair = found.rejects(positions_alpha);
        if (unfair) {
            row.state = status::srm_failed;
        }
        out.metrics.push_back(std::move(row));
        return unfair;
    }

    void decide(joust::report& out, const joust::evidence& seen, const std::string& unfair,
                const standing& now) const
    {
        if (!unfair.empty()) {
            out.reason =
                "some position was not credited to both sides equally often (" + unfair +
                "), so no comparison can be trusted: look for lists that are changed or cached after the trial has drawn them";
        } else if (now.best != 0) {
            const metric_row& won =
                out.metrics[(1U + (even_slates_ ? 1U : 0U) + (even_positions_ ? 1U : 0U)) * (now.best - 1)];
            out.reason = names_[now.best] + " is preferred to " + names_[0] + interval(won);
            if (const double failed = failures_that_matter(won, seen, now.best); failed > 0.0) {
                out.reason += ", but it failed on ";
                append_percent(out.reason, failed, 1);
                out.reason += " of the requests, which could change the verdict";
            } else {
                out.decision = verdict::ship_challenger;
            }
        } else if (now.lost == names_.size() - 1) {
            out.decision = verdict::keep_champion;
            out.reason = now.losses;
        } else {
            const metric_row& first = out.metrics.front();
            switch (first.state) {
                case status::ok: out.reason = "no preference is proved yet" + interval(first); break;
                case status::burn_in:
                    out.reason = "credit is still in its burn-in: too few units or clicks for any claim";
                    break;
                case status::before_planned_sample:
                    out.reason =
                        "credit is judged once, at the planned number of slates, which is not reached";
                    break;
                case status::zero_variance:
                    out.reason = "no slate has earned either side more credit than the other";
                    break;
                default:
                    out.reason =
                        seen.requests(0) == 0 ? "no slate was served yet" : "credit cannot be judged yet";
                    break;
            }
        }
    }

    template <class Answer>
    [[nodiscard]] static std::string interval(const Answer& answer)
    {
        std::string text = ": credit per slate ";
        append_number(text, answer.estimate, 3, signs::always);
        text += " [";
        append_number(text, answer.lower, 3, signs::always);
        text += ", ";
        append_number(text, answer.upper, 3, signs::always);
        return text + "]";
    }

    /// Return the share of requests on which a ranker failed, if its lead would be lost without the credit of a whole slate
    /// on each of them, and else 0. The trial showed the champion's list there, which credits no ranker.
    [[nodiscard]] static double failures_that_matter(const metric_row& won, const joust::evidence& seen,
                                                     std::size_t ranker)
    {
        const auto requests = static_cast<double>(seen.requests(ranker));
        const double failed = requests > 0.0 ? static_cast<double>(seen.failed(ranker)) / requests : 0.0;
        const double a_slate = failed < 1.0 ? (won.champion + won.challenger) / (1.0 - failed) : 0.0;
        return failed > 0.0 && !(won.lower - failed * a_slate > 0.0) ? failed : 0.0;
    }

    void add_counts(joust::report& out, const joust::evidence& seen) const
    {
        const auto add = [&](const char* what, std::uint64_t number) {
            if (number > 0) {
                out.counts.push_back({what, number});
            }
        };
        for (std::size_t i = 0; i < counted_reasons && i < seen.ignored.size(); ++i) {
            add(ignored_words[i], seen.ignored[i]);
        }
        add("feedback for a position that credits no ranker", count_of(seen, slate_count::neutral_feedback));
        add("feedback for a position not shown", count_of(seen, slate_count::not_shown));
        add("slates of the champion alone, since a challenger failed", count_of(seen, slate_count::alone));
        add("lists of rankers that missed their deadline", count_of(seen, slate_count::late));
        add("slates with a clicked slot that counts",
            static_cast<std::uint64_t>(
                as_count(total(seen.pairs.front().series[preference_series].challenger_root))));
        add("calls served and not recorded", seen.unrecorded);
    }

    const std::string& name_;
    const std::vector<std::string>& names_;
    const Inference& inference_;
    bool even_positions_;
    bool even_slates_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/order.hpp>
#include <joust/quality/quality.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

// Metrics of one ranked list whose documents have been judged:
//   gains:      dcg, ndcg (gain = grade), exponential_dcg, exponential_ndcg (gain = 2^grade - 1)
//   relevance:  average_precision, reciprocal_rank, bpref, precision_at, recall_at, hit_rate_at
//   users:      expected_reciprocal_rank, rank_biased_precision
// query_mean is the mean over queries. rank_biased_overlap.hpp and rank_correlation.hpp compare two lists.

/// Choose the order of documents of equal score.
enum class rank_ties : std::uint8_t {
    /// The exact average of the metric over all orders of each tied group. A model that gives every document the same
    /// score gets what a random order gets.
    expected,
    /// By falling id, as trec_eval does: reproducible, and as arbitrary as ids are. That program stores scores in
    /// single precision: round scores to float before comparing with it.
    by_id,
    /// The order of the input. If that is sorted by label, a constant model looks perfect.
    by_input,
    /// The worst document of a group first: the least that the scores guarantee.
    pessimistic
};

/// Hold a document with the score that a ranker gave it.
template <class Id>
struct scored_item {
    /// What identifies the document.
    Id id;
    /// The score; higher is better.
    double score;
};

/// Hold a document with its grade of relevance.
template <class Id>
struct judged_item {
    /// What identifies the document.
    Id id;
    /// The grade, 0 or more.
    double grade;
};

/// A list whose elements have `id` and `score`, such as `scored_item`.
template <class T>
concept scored_list = requires(const T& list) {
    std::size(list);
    std::begin(list)->id < std::begin(list)->id;
    { std::begin(list)->score } -> std::convertible_to<double>;
};

/// A list whose elements have `id` and `grade`, such as `judged_item`.
template <class T>
concept judged_list = requires(const T& list) {
    std::size(list);
    std::begin(list)->id < std::begin(list)->id;
    { std::begin(list)->grade } -> std::convertible_to<double>;
};

/// The number of ranks that stands for all ranks.
inline constexpr std::size_t every_rank = std::numeric_limits<std::size_t>::max();

namespace detail {

// Positions of a list by rising id; equal neighbours are duplicates.
template <class List>
[[nodiscard]] std::vector<std::size_t> order_by_id(const List& list)
{
    const auto at = std::begin(list);
    return stats::detail::order_by(std::size(list), [&](std::size_t a, std::size_t b) {
        return at[static_cast<std::ptrdiff_t>(a)].id < at[static_cast<std::ptrdiff_t>(b)].id;
    });
}

template <class List>
[[nodiscard]] bool has_duplicate(const List& list, const std::vector<std::size_t>& order)
{
    const auto at = std::begin(list);
    for (std::size_t i = 0; i + 1 < order.size(); ++i) {
        if (!(at[static_cast<std::ptrdiff_t>(order[i])].id <
              at[static_cast<std::ptrdiff_t>(order[i + 1])].id)) {
            return true;
        }
    }
    return false;
}

[[nodiscard]] inline bool is_grade(double grade) noexcept
{
    return grade >= 0.0 && grade <= std::numeric_limits<double>::max();
}

}  // namespace detail

/// Hold one query's list with the grades of its documents, and the grades of judged documents that it misses.
///
/// errors: `state()` is out_of_range, and with it every metric, for an id that occurs twice in either list, a score
///     that is NaN, a grade that is negative or not finite.
/// cost: three sorts, about 5 us for 100 documents.
class judged_ranking {
public:
    /// Combine a list with judgements. Documents without a judgement have grade 0; some metrics treat them
    /// differently.
    template <scored_list Retrieved, judged_list Judged>
    judged_ranking(const Retrieved& retrieved, const Judged& judged, rank_ties ties = rank_ties::expected)
    {
        const std::vector<std::size_t> by_id = detail::order_by_id(retrieved);
        const std::vector<std::size_t> judged_by_id = detail::order_by_id(judged);
        if (detail::has_duplicate(retrieved, by_id) || detail::has_duplicate(judged, judged_by_id)) {
            state_ = status::out_of_range;
            return;
        }
        const auto document = std::begin(retrieved);
        const auto judgement = std::begin(judged);
        std::vector<slot> slots(std::size(retrieved));
        std::size_t next = 0;
        const auto miss = [&] {
            missed_.push_back(
                static_cast<double>(judgement[static_cast<std::ptrdiff_t>(judged_by_id[next])].grade));
            ++next;
        };
        for (std::size_t i = 0; i < by_id.size(); ++i) {
            const auto& here = document[static_cast<std::ptrdiff_t>(by_id[i])];
            slot& place = slots[by_id[i]];
            place.score = static_cast<double>(here.score);
            place.by_id = i;
            while (next < judged_by_id.size() &&
                   judgement[static_cast<std::ptrdiff_t>(judged_by_id[next])].id < here.id) {
                miss();
            }
            if (next < judged_by_id.size() &&
                !(here.id < judgement[static_cast<std::ptrdiff_t>(judged_by_id[next])].id)) {
                place.grade =
                    static_cast<double>(judgement[static_cast<std::ptrdiff_t>(judged_by_id[next])].grade);
                place.judged = true;
                ++next;
            }
        }
        while (next < judged_by_id.size()) {
            miss();
        }
        arrange(slots, ties);
    }

    /// Build a ranking in which all documents are judged and retrieved; their ids are their positions in the input.
    [[nodiscard]] static judged_ranking of_scores(std::span<const double> grades,
                                                  std::span<const double> scores,
                                                  rank_ties ties = rank_ties::expected)
    {
        judged_ranking out;
        if (grades.size() != scores.size()) {
            out.state_ = status::out_of_range;
            return out;
        }
        std::vector<slot> slots(grades.size());
        for (std::size_t i = 0; i < grades.size(); ++i) {
            slots[i] = {scores[i], grades[i], i, true};
        }
        out.arrange(slots, ties);
        return out;
    }

    /// Build a ranking from a list that is in order already, best first, and misses nothing.
    [[nodiscard]] static judged_ranking in_order(std::span<const double> grades)
    {
        judged_ranking out;
        std::vector<slot> slots(grades.size());
        for (std::size_t i = 0; i < grades.size(); ++i) {
            slots[i] = {0.0, grades[i], i, true};
        }
        out.arrange(slots, rank_ties::by_input);
        return out;
    }

    /// Return whether the ranking is valid, and why not.
    [[nodiscard]] status state() const noexcept { return state_; }
    /// Return grades by rank; 0 for documents without a judgement.
    [[nodiscard]] std::span<const double> grades() const noexcept { return grades_; }
    /// Was the document at this rank judged?
    [[nodiscard]] bool judged(std::size_t rank) const noexcept { return judged_[rank] != 0; }
    /// Return the grades of judged documents that the list misses.
    [[nodiscard]] std::span<const double> missed() const noexcept { return missed_; }
    /// Return the end of each group of unknown order; without ties every rank is a group.
    [[nodiscard]] std::span<const std::size_t> group_ends() const noexcept { return ends_; }

    /// Call `visit(from, to)` for every group of ranks that begins before `at`.
    template <class Visit>
    void each_group(std::size_t at, Visit visit) const
    {
        std::size_t from = 0;
        for (const std::size_t to : ends_) {
            if (from >= at) {
                return;
            }
            visit(from, to);
            from = to;
        }
    }

    /// Return how many documents have at least this grade, retrieved ones and missed ones.
    [[nodiscard]] double relevant(double from) const noexcept
    {
        double count = 0.0;
        for (const double g : grades_) {
            count += g >= from ? 1.0 : 0.0;
        }
        for (const double g : missed_) {
            count += g >= from ? 1.0 : 0.0;
        }
        return count;
    }

private:
    struct slot {
        double score = 0.0;
        double grade = 0.0;
        std::size_t by_id = 0;
        bool judged = false;
    };

    judged_ranking() = default;

    void arrange(const std::vector<slot>& slots, rank_ties ties)
    {
        for (const slot& s : slots) {
            if (std::isnan(s.score) || !detail::is_grade(s.grade)) {
                state_ = status::out_of_range;
            }
        }
        for (const double g : missed_) {
            if (!detail::is_grade(g)) {
                state_ = status::out_of_range;
            }
        }
        if (state_ != status::ok) {
            return;
        }
        const std::vector<std::size_t> order =
            stats::detail::order_by(slots.size(), [&](std::size_t a, std::size_t b) {
                const slot& x = slots[a];
                const slot& y = slots[b];
                if (x.score != y.score) {
                    return x.score > y.score;
                }
                if (ties == rank_ties::by_id) {
                    return x.by_id > y.by_id;
                }
                return ties == rank_ties::pessimistic && x.grade < y.grade;
            });
        for (std::size_t i = 0; i < order.size(); ++i) {
            const slot& s = slots[order[i]];
            grades_.push_back(s.grade);
            judged_.push_back(s.judged ? 1 : 0);
            const bool tied =
                ties == rank_ties::expected && i + 1 < order.size() && slots[order[i + 1]].score == s.score;
            if (!tied) {
                ends_.push_back(i + 1);
            }
        }
    }

    std::vector<double> grades_{};
    std::vector<std::uint8_t> judged_{};
    std::vector<double> missed_{};
    std::vector<std::size_t> ends_{};
    status state_ = status::ok;
};

/// Report a metric of one query. Its state is too_few where the query has no answer (no relevant document is known).
struct query_value {
    /// The metric.
    double value = stats::not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

/// Choose the documents of the ideal order.
enum class ideal_order : std::uint8_t {
    /// All judged documents, also those that the list misses (the definition).
    judged,
    /// The retrieved documents alone, which shows how well a re-ranker ordered its input.
    retrieved
};

/// Set up dcg and ndcg.
struct gain_options {
    /// How many ranks count.
    std::size_t at = every_rank;
    /// The documents of the ideal order.
    ideal_order ideal = ideal_order::judged;
};

/// Set up metrics of relevance.
struct relevance_options {
    /// How many ranks count.
    std::size_t at = every_rank;
    /// The smallest grade that is relevant.
    double relevant_from = 1.0;
};

namespace detail {

[[nodiscard]] inline double discount(std::size_t rank) noexcept
{
    return 1.0 / std::log2(static_cast<double>(rank) + 2.0);
}

[[nodiscard]] inline query_value answered(double value) noexcept
{
    return {value, std::isfinite(value) ? status::ok : status::out_of_range};
}

[[nodiscard]] inline bool usable(const relevance_options& options) noexcept
{
    return options.at > 0 && options.relevant_from > 0.0;
}

// Each place of a tied group gets the group's mean gain. source: McSherry and Najork 2008, section 3.
template <class Gain>
[[nodiscard]] double discounted_gain(const judged_ranking& query, std::size_t at, Gain gain)
{
    double total = 0.0;
    query.each_group(at, [&](std::size_t from, std::size_t to) {
        double gains = 0.0, discounts = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            gains += gain(query.grades()[i]);
            discounts += i < at ? discount(i) : 0.0;
        }
        total += gains / static_cast<double>(to - from) * discounts;
    });
    return total;
}

template <class Gain>
[[nodiscard]] double ideal_gain(const judged_ranking& query, const gain_options& options, Gain gain)
{
    std::vector<double> grades(query.grades().begin(), query.grades().end());
    if (options.ideal == ideal_order::judged) {
        grades.insert(grades.end(), query.missed().begin(), query.missed().end());
    }
    const std::vector<std::size_t> order = stats::detail::order_by(
        grades.size(), [&](std::size_t a, std::size_t b) { return grades[a] > grades[b]; });
    double total = 0.0;
    for (std::size_t i = 0; i < order.size() && i < options.at; ++i) {
        total += gain(grades[order[i]]) * discount(i);
    }
    return total;
}

template <class Gain>
[[nodiscard]] query_value gained(const judged_ranking& query, const gain_options& options, bool normalised,
                                 Gain gain)
{
    if (query.state() != status::ok || options.at == 0) {
        return {stats::not_a_number, status::out_of_range};
    }
    const double total = discounted_gain(query, options.at, gain);
    if (!normalised) {
        return answered(total);
    }
    const double best = ideal_gain(query, options, gain);
    if (best == 0.0) {
        return {};
    }
    // An order that is ideal may differ from the ideal sum by rounding alone.
    const double share = total / best;
    return answered(share > 1.0 ? 1.0 : share);
}

[[nodiscard]] inline double linear_gain(double grade) noexcept
{
    return grade;
}
[[nodiscard]] inline double exponential_gain(double grade) noexcept
{
    return std::exp2(grade) - 1.0;
}

// Relevant documents among ranks from `from` to `to` - 1.
[[nodiscard]] inline double relevant_in(const judged_ranking& query, std::size_t from, std::size_t to,
                                        double relevant_from) noexcept
{
    double count = 0.0;
    for (std::size_t i = from; i < to; ++i) {
        count += query.grades()[i] >= relevant_from ? 1.0 : 0.0;
    }
    return count;
}

// Expected number of relevant documents among the first `at` ranks.
[[nodiscard]] inline double relevant_up_to(const judged_ranking& query, const relevance_options& options)
{
    double total = 0.0;
    query.each_group(options.at, [&](std::size_t from, std::size_t to) {
        const std::size_t end = to < options.at ? to : options.at;
        total += relevant_in(query, from, to, options.relevant_from) * static_cast<double>(end - from) /
                 static_cast<double>(to - from);
    });
    return total;
}

// The mean of worth(rank) of the first relevant document; within its group each order is equally likely.
template <class Worth>
[[nodiscard]] double worth_of_first(const judged_ranking& query, const relevance_options& options,
                                    Worth worth)
{
    double total = 0.0, none = 1.0;
    query.each_group(options.at, [&](std::size_t from, std::size_t to) {
        const double relevant = relevant_in(query, from, to, options.relevant_from);
        for (std::size_t i = from; i < to && i < options.at && none > 0.0; ++i) {
            const double left = static_cast<double>(to - i);
            const double here = relevant < left ? relevant / left : 1.0;
            total += none * here * worth(i);
            none *= 1.0 - here;
        }
    });
    return total;
}

}  // namespace detail

/// Sum the grades of a list, each discounted by log2(rank + 1).
///
/// errors: out_of_range (the ranking's, no rank).
/// cost: O(n log n) for n judged items at most.
/// source: Järvelin and Kekäläinen 2002, with the discount of Burges et al. 2005; ties: McSherry and Najork 2008,
///     "Computing information retrieval performance measures efficiently in the presence of tied scores".
[[nodiscard]] inline query_value dcg(const judged_ranking& query, const gain_options& options = {})
{
    return detail::gained(query, options, false, detail::linear_gain);
}

/// Return `dcg` as a share of that of the best order: NDCG as in trec_eval and scikit-learn.
///
/// errors: as dcg; too_few where no grade is above 0.
/// cost: O(n log n) for n judged items at most.
/// source: as dcg.
[[nodiscard]] inline query_value ndcg(const judged_ranking& query, const gain_options& options = {})
{
    return detail::gained(query, options, true, detail::linear_gain);
}

/// Sum gains 2^grade - 1, discounted by log2(rank + 1): the objective of LightGBM and XGBoost.
///
/// errors: as dcg; out_of_range also where a gain overflows.
/// cost: O(n log n) for n judged items at most.
/// source: Burges et al. 2005, "Learning to rank using gradient descent".
[[nodiscard]] inline query_value exponential_dcg(const judged_ranking& query,
                                                 const gain_options& options = {})
{
    return detail::gained(query, options, false, detail::exponential_gain);
}

/// Return `exponential_dcg` as a share of that of the best order. It is not comparable with `ndcg`: with more than two
/// grades they differ.
///
/// errors: as exponential_dcg; too_few where no grade is above 0.
/// cost: O(n log n) for n judged items at most.
/// source: as exponential_dcg.
[[nodiscard]] inline query_value exponential_ndcg(const judged_ranking& query,
                                                  const gain_options& options = {})
{
    return detail::gained(query, options, true, detail::exponential_gain);
}

/// Average the precision at every relevant document over all relevant ones; missed ones count as 0.
///
/// With `at` fewer ranks count, still of all relevant documents (map_cut of trec_eval). This function is for one
/// ranked list; `average_precision` for pooled rows, in which tied rows enter together, is in classification.hpp.
/// errors: too_few (no relevant document), out_of_range (the ranking's, no rank, a threshold not above 0).
/// cost: O(n log n) for n judged items at most.
/// source: Buckley and Voorhees 2000; ties: McSherry and Najork 2008, section 3.
[[nodiscard]] inline query_value average_precision(const judged_ranking& query,
                                                   const relevance_options& options = {})
{
    if (query.state() != status::ok || !detail::usable(options)) {
        return {stats::not_a_number, status::out_of_range};
    }
    const double all = query.relevant(options.relevant_from);
    if (all == 0.0) {
        return {};
    }
    double total = 0.0, before = 0.0;
    query.each_group(options.at, [&](std::size_t from, std::size_t to) {
        const double n = static_cast<double>(to - from);
        const double r = detail::relevant_in(query, from, to, options.relevant_from);
        if (r == 0.0) {
            return;
        }
        // Given that the document at place j of the group is relevant, (r - 1) / (n - 1) of those before it are
        // relevant.
        const double rate = n > 1.0 ? (r - 1.0) / (n - 1.0) : 0.0;
        for (std::size_t i = from; i < to && i < options.at; ++i) {
            const double found = before + 1.0 + static_cast<double>(i - from) * rate;
            total += r / n * found / (static_cast<double>(i) + 1.0);
        }
        before += r;
    });
    return detail::answered(total / all);
}

/// Return 1 / rank of the first relevant document, and 0 where no relevant one is among the ranks that count.
///
/// errors: as average_precision.
/// cost: O(n log n) for n judged items at most.
/// source: Kantor and Voorhees 2000, TREC-5 confusion track; ties: McSherry and Najork 2008, section 3.
[[nodiscard]] inline query_value reciprocal_rank(const judged_ranking& query,
                                                 const relevance_options& options = {})
{
    if (query.state() != status::ok || !detail::usable(options)) {
        return {stats::not_a_number, status::out_of_range};
    }
    if (query.relevant(options.relevant_from) == 0.0) {
        return {};
    }
    return detail::answered(detail::worth_of_first(
        query, options, [](std::size_t rank) { return 1.0 / (static_cast<double>(rank) + 1.0); }));
}

/// Return the share of relevant documents among the first `at`; a shorter list counts as filled with irrelevant ones.
///
/// errors: out_of_range (that of the ranking, `at` not set, no rank, a threshold not above 0).
/// cost: O(n log n) for n judged items at most.
[[nodiscard]] inline query_value precision_at(const judged_ranking& query, const relevance_options& options)
{
    if (query.state() != status::ok || !detail::usable(options) || options.at == every_rank) {
        return {stats::not_a_number, status::out_of_range};
    }
    return detail::answered(detail::relevant_up_to(query, options) / static_cast<double>(options.at));
}

/// Return the share of all relevant documents that is among the first `at`.
///
/// errors: as average_precision.
/// cost: O(n log n) for n judged items at most.
[[nodiscard]] inline query_value recall_at(const judged_ranking& query, const relevance_options& options)
{
    if (query.state() != status::ok || !detail::usable(options)) {
        return {stats::not_a_number, status::out_of_range};
    }
    const double all = query.relevant(options.relevant_from);
    return all == 0.0 ? query_value{} : detail::answered(detail::relevant_up_to(query, options) / all);
}

/// Return whether a relevant document is among the first `at`: 1 or 0, and with ties the probability of it.
///
/// errors: as average_precision.
/// cost: O(n log n) for n judged items at most.
[[nodiscard]] inline query_value hit_rate_at(const judged_ranking& query, const relevance_options& options)
{
    if (query.state() != status::ok || !detail::usable(options)) {
        return {stats::not_a_number, status::out_of_range};
    }
    if (query.relevant(options.relevant_from) == 0.0) {
        return {};
    }
    return detail::answered(detail::worth_of_first(query, options, [](std::size_t) { return 1.0; }));
}

/// Average, over the relevant documents, the share of documents judged irrelevant that are not above them. Documents
/// without a judgement do not count.
///
/// When to use: incomplete judgements.
/// errors: too_few (no relevant document), out_of_range (that of the ranking, a threshold not above 0). `at` is not
///     used.
/// cost: O(n log n) for n judged items at most
/// source: Buckley and Voorhees 2004, "Retrieval evaluation with incomplete information", with the bound min(R, N) of
///     trec_eval 8.
[[nodiscard]] inline query_value bpref(const judged_ranking& query, const relevance_options& options = {})
{
    if (query.state() != status::ok || !(options.relevant_from > 0.0)) {
        return {stats::not_a_number, status::out_of_range};
    }
    const double relevant = query.relevant(options.relevant_from);
    if (relevant == 0.0) {
        return {};
    }
    double irrelevant = 0.0;
    for (std::size_t i = 0; i < query.grades().size(); ++i) {
        irrelevant += query.judged(i) && query.grades()[i] < options.relevant_from ? 1.0 : 0.0;
    }
    for (const double g : query.missed()) {
        irrelevant += g < options.relevant_from ? 1.0 : 0.0;
    }
    const double bound = relevant < irrelevant ? relevant : irrelevant;
    double total = 0.0, above = 0.0;
    query.each_group(every_rank, [&](std::size_t from, std::size_t to) {
        double r = 0.0, n = 0.0;
        for (std::size_t i = from; i < to; ++i) {
            const bool counts = query.grades()[i] >= options.relevant_from;
            r += counts ? 1.0 : 0.0;
            n += !counts && query.judged(i) ? 1.0 : 0.0;
        }
        // From 0 to all n irrelevant documents of the group are above a relevant one, each number equally likely.
        double kept = 0.0;
        for (double h = 0.0; r > 0.0 && h <= n; h += 1.0) {
            const double over = above + h < relevant ? above + h : relevant;
            kept += over > 0.0 ? 1.0 - over / bound : 1.0;
        }
        total += r * kept / (n + 1.0);
        above += n;
    });
    return detail::answered(total / relevant);
}

/// Set up expected_reciprocal_rank.
struct cascade_options {
    /// How many ranks count.
    std::size_t at = every_rank;
    /// The top of the scale, not the best grade of this query.
    double best_grade = 4.0;
};

/// Return the mean of 1 / rank at which a user stops whom a document satisfies with probability
/// (2^grade - 1) / 2^best_grade, and who goes on otherwise.
///
/// errors: out_of_range (the ranking's, no rank, a grade above `best_grade`).
/// cost: for a tied group its size times the ranks that count.
/// source: Chapelle, Metzler, Zhang and Grinspan 2009, "Expected reciprocal rank for graded relevance".
[[nodiscard]] inline query_value expected_reciprocal_rank(const judged_ranking& query,
                                                          const cascade_options& options = {})
{
    bool valid = query.state() == status::ok && options.at > 0 && options.best_grade > 0.0 &&
                 std::isfinite(options.best_grade);
    for (const double g : query.grades()) {
        valid = valid && g <= options.best_grade;
    }
    if (!valid) {
        return {stats::not_a_number, status::out_of_range};
    }
    double total = 0.0, going_on = 1.0;
    std::vector<double> pass, stop;
    query.each_group(options.at, [&](std::size_t from, std::size_t to) {
        // Over all orders of the group: the mean probability to pass i documents, and to stop at place i. Computed
        // document by document, each of which is before place i, at it or after it; every term is positive.
        const std::size_t depth = (to < options.at ? to : options.at) - from;
        pass.assign(depth + 1, 0.0);
        stop.assign(depth + 1, 0.0);
        pass[0] = 1.0;
        double all = 1.0;
        for (std::size_t d = from; d < to; ++d) {
            const double stops =
                std::exp2(query.grades()[d] - options.best_grade) - std::exp2(-options.best_grade);
            const std::size_t count = d - from + 1;
            const double m = static_cast<double>(count);
            for (std::size_t i = count < depth ? count : depth; i > 0; --i) {
                const double place = static_cast<double>(i);
                stop[i] = ((m - place) * stop[i] + stops * pass[i - 1] +
                           (place - 1.0) * (1.0 - stops) * stop[i - 1]) /
                          m;
                pass[i] = ((m - place) * pass[i] + place * (1.0 - stops) * pass[i - 1]) / m;
            }
            all *= 1.0 - stops;
        }
        for (std::size_t i = 1; i <= depth; ++i) {
            total += going_on * stop[i] / static_cast<double>(from + i);
        }
        going_on *= all;
    });
    return detail::answered(total);
}

/// Set up rank_biased_precision.
struct persistence_options {
    /// The probability that the user goes on to the next document.
    double p = 0.8;
    /// The grade that is fully relevant.
    double best_grade = 1.0;
};

/// Report a metric, and how much documents without a judgement and ranks beyond the list could still add.
struct bounded_query_value : query_value {
    /// The most that could still be added.
    double residual = stats::not_a_number;
};

/// Return the gain per document of a user who goes on to the next one with probability p: (1 - p) times the sum of
/// gain p^(rank - 1), with the gain grade / best_grade.
///
/// The true value is in [value, value + residual]: judge more documents where that is too wide.
/// errors: out_of_range (that of the ranking, p outside (0, 1), a grade above `best_grade`).
/// cost: O(n log n) for n judged items at most.
/// source: Moffat and Zobel 2008, "Rank-biased precision for measurement of retrieval effectiveness".
[[nodiscard]] inline bounded_query_value rank_biased_precision(const judged_ranking& query,
                                                               const persistence_options& options = {})
{
    bounded_query_value out;
    bool valid = query.state() == status::ok && options.p > 0.0 && options.p < 1.0 &&
                 options.best_grade > 0.0 && std::isfinite(options.best_grade);
    for (const double g : query.grades()) {
        valid = valid && g <= options.best_grade;
    }
    if (!valid) {
        out.state = status::out_of_range;
        return out;
    }
    double total = 0.0, unknown = 0.0, here = 1.0;
    query.each_group(every_rank, [&](std::size_t from, std::size_t to) {
        double gains = 0.0, unjudged = 0.0;
        double next = here;
        for (std::size_t i = from; i < to; ++i) {
            gains += query.grades()[i] / options.best_grade;
            unjudged += query.judged(i) ? 0.0 : 1.0;
            next *= options.p;
        }
        const double n = static_cast<double>(to - from);
        total += gains / n * (here - next);
        unknown += unjudged / n * (here - next);
        here = next;
    });
    out.value = total;
    out.residual = unknown + here;
    out.state = status::ok;
    return out;
}

/// Choose how a query without an answer (its state is too_few) enters the mean.
///
/// A query for which nothing was retrieved has an answer: pass an empty list, and it counts as 0.
enum class unanswerable : std::uint8_t {
    /// It is left out, as trec_eval does with queries without relevant documents.
    left_out,
    /// It counts as 0.
    zero,
    /// It makes the mean out_of_range.
    refused
};

/// Average a metric over queries, mergeable.
///
/// When not: two rankers (`query_difference`), because queries differ far more than rankers do.
/// assumes: independent queries.
/// cost: O(1) for each query.
class query_mean {
public:
    /// Start without queries.
    explicit query_mean(unanswerable how = unanswerable::left_out) noexcept : how_(how) {}

    /// Count a query; the return value is false where its value does not enter the mean.
    bool add(const query_value& query) noexcept
    {
        if (query.state == status::ok) {
            return values_.add(query.value);
        }
        if (query.state == status::too_few && how_ != unanswerable::refused) {
            ++unanswered_;
            return how_ == unanswerable::zero && values_.add(0.0);
        }
        ++rejected_;
        return false;
    }

    /// Add another part; returns false, and adds nothing, where it treats queries without an answer differently.
    bool merge(const query_mean& other) noexcept
    {
        if (how_ != other.how_) {
            return false;
        }
        values_.merge(other.values_);
        unanswered_ += other.unanswered_;
        rejected_ += other.rejected_;
        return true;
    }

    /// Return how many queries are in the mean.
    [[nodiscard]] std::uint64_t counted() const noexcept
    {
        return static_cast<std::uint64_t>(values_.summary().n);
    }
    /// Return how many queries had no answer, and were counted as zero or left out.
    [[nodiscard]] std::uint64_t unanswered() const noexcept { return unanswered_; }
    /// Return how many queries were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return rejected_ + values_.rejected(); }

    /// Return the mean with a normal interval over queries.
    ///
    /// errors: out_of_range (a rejected query, without which the mean would be that of other queries; alpha),
    ///     too_few (fewer than 2 queries; the value is given for one), zero_variance.
    [[nodiscard]] quality result(double alpha = 0.05) const noexcept
    {
        const stats::sample_summary s = values_.summary();
        quality out;
        out.rows = counted();
        if (rejected() != 0) {
            out.state = status::out_of_range;
            return out;
        }
        if (s.n < 2.0) {
            out.value = s.n > 0.0 ? s.mean : stats::not_a_number;
            return out;
        }
        return detail::judged(s.mean, s.variance / s.n, out.rows, alpha);
    }

private:
    stats::moments values_{};
    std::uint64_t unanswered_ = 0;
    std::uint64_t rejected_ = 0;
    unanswerable how_;
};

/// Compare a metric of two rankers over the same queries, first minus second, mergeable.
///
/// A query counts for both or for neither, so both means are of the same queries.
/// assumes: independent queries; about 30 of them, for the normal limit.
/// cost: O(1) for each query.
class query_difference {
public:
    /// Start without queries.
    explicit query_difference(unanswerable how = unanswerable::left_out) noexcept : differences_(how) {}

    /// Count a query by the values of both rankers; the return value is false where it does not enter the mean.
    bool add(const query_value& first, const query_value& second) noexcept
    {
        const bool silent = first.state == status::too_few && second.state == status::too_few;
        const bool answered = first.state == status::ok && second.state == status::ok;
        // A query that only one of them can answer was judged by different judgements.
        const status state = answered ? status::ok : silent ? status::too_few : status::out_of_range;
        return differences_.add({answered ? first.value - second.value : stats::not_a_number, state});
    }
    /// Add another part; returns false, and adds nothing, where it treats queries without an answer differently.
    bool merge(const query_difference& other) noexcept { return differences_.merge(other.differences_); }

    /// Return how many queries are in the mean.
    [[nodiscard]] std::uint64_t counted() const noexcept { return differences_.counted(); }
    /// Return how many queries had no answer, and were counted as zero or left out.
    [[nodiscard]] std::uint64_t unanswered() const noexcept { return differences_.unanswered(); }
    /// Return how many queries were rejected.
    [[nodiscard]] std::uint64_t rejected() const noexcept { return differences_.rejected(); }

    /// Return the mean difference so far.
    ///
    /// errors: out_of_range (a rejected query, or one that only one of the two can answer; alpha), too_few (fewer
    ///     than 2 queries), zero_variance (all differences are equal).
    [[nodiscard]] stats::test_result result(const stats::test_options& options = {}) const noexcept
    {
        constexpr std::string_view method = "difference of ranking metrics, paired by query";
        const quality mean = differences_.result(options.alpha);
        if (mean.state != status::ok) {
            stats::test_result out = detail::refused(method, mean.state);
            out.estimate = mean.value;
            return out;
        }
        return detail::judged_difference(method, mean.value, mean.standard_error * mean.standard_error,
                                         options);
    }

private:
    query_mean differences_;
};

}  // namespace quality
}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/quality/ranking.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

/// Choose what is assumed of the documents that the shorter list does not show, where ties of the longer list go past its end.
enum class unseen_overlap : std::uint8_t {
    /// What each order of the ties would assume, on average: equation 32 of Webber and others.
    mean_of_orders,
    /// That, times the mean share by which the documents of the longer list alone have entered at a depth: variant a as
    /// Corsi and Urbano publish it. Only `extrapolated` differs.
    corsi_urbano
};

/// Set up rank_biased_overlap.
struct overlap_options {
    /// The probability that a reader goes on from one rank to the next. At 0.9 the first 10 ranks carry 86 % of the
    /// weight, at 0.8 97 %.
    double p = 0.9;
    /// How documents of equal score are ordered.
    rank_ties ties = rank_ties::expected;
    /// What is assumed of documents that are not seen.
    unseen_overlap unseen = unseen_overlap::mean_of_orders;
};

/// Report how similar two rankings are, from 0 (disjoint) to 1 (identical).
struct overlap {
    /// The overlap if the lists continue to agree as much as they do so far.
    double extrapolated = stats::not_a_number;
    /// The smallest overlap that any continuation of the lists could give; it approaches `upper` for long lists.
    double lower = stats::not_a_number;
    /// The largest overlap that any continuation of the lists could give.
    double upper = stats::not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

namespace detail {

// A document's share in the first `depth` ranks: 1 if its tied group ends before, and within the group the share of
// orders in which the document is that high.
struct rank_range {
    std::size_t from = 0;
    std::size_t to = 0;

    [[nodiscard]] double within(std::size_t depth) const noexcept
    {
        if (depth >= to) {
            return 1.0;
        }
        return depth <= from ? 0.0 : static_cast<double>(depth - from) / static_cast<double>(to - from);
    }
};

// Fills in the ranks, counted from 0, of each document in the order of the input. Returns false for a score that is
// NaN, or a policy that has no meaning here.
template <class List>
[[nodiscard]] bool rank_ranges(const List& list, const std::vector<std::size_t>& by_id, rank_ties ties,
                               std::vector<rank_range>& ranges)
{
    const auto item = std::begin(list);
    const std::size_t n = std::size(list);
    std::vector<double> scores(n);
    std::vector<std::size_t> place(n);
    for (std::size_t i = 0; i < n; ++i) {
        scores[i] = static_cast<double>(item[static_cast<std::ptrdiff_t>(i)].score);
        place[by_id[i]] = i;
    }
    for (const double s : scores) {
        if (std::isnan(s)) {
            return false;
        }
    }
    const std::vector<std::size_t> order = stats::detail::order_by(n, [&](std::size_t a, std::size_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b]
                                      : ties == rank_ties::by_id && place[a] > place[b];
    });
    ranges.assign(n, {});
    for (std::size_t from = 0; from < n;) {
        std::size_t to = from + 1;
        while (ties == rank_ties::expected && to < n && scores[order[to]] == scores[order[from]]) {
            ++to;
        }
        for (std::size_t i = from; i < to; ++i) {
            ranges[order[i]] = {from, to};
        }
        from = to;
    }
    return ties != rank_ties::pessimistic;
}

// The overlap of two lists by depth, from the ranks of the documents that are in both. Every shared document adds a
// product of two ramps, so its first ranks are walked and the rest is a constant.
[[nodiscard]] inline std::vector<double> overlaps(const std::vector<rank_range>& first,
                                                  const std::vector<rank_range>& second, std::size_t depth)
{
    std::vector<double> steps(depth + 1, 0.0);
    for (std::size_t i = 0; i < first.size(); ++i) {
        const std::size_t from = first[i].from > second[i].from ? first[i].from : second[i].from;
        const std::size_t to = first[i].to > second[i].to ? first[i].to : second[i].to;
        double last = 0.0;
        for (std::size_t d = from + 1; d <= to; ++d) {
            const double now = first[i].within(d) * second[i].within(d);
            steps[d] += now - last;
            last = now;
        }
    }
    for (std::size_t d = 1; d <= depth; ++d) {
        steps[d] += steps[d - 1];
    }
    return steps;
}

// By depth, the mean share by which those documents of a list that have begun to enter it have entered: 1 but within ties.
[[nodiscard]] inline std::vector<double> entered_shares(const std::vector<rank_range>& ranges,
                                                        std::size_t depth)
{
    std::vector<double> sums(depth + 1, 0.0), counts(depth + 1, 0.0);
    for (const rank_range& range : ranges) {
        double last = 0.0;
        for (std::size_t d = range.from + 1; d <= range.to; ++d) {
            sums[d] += range.within(d) - last;
            last = range.within(d);
        }
        counts[range.from + 1] += 1.0;
    }
    std::vector<double> shares(depth + 1, 1.0);
    for (std::size_t d = 1; d <= depth; ++d) {
        sums[d] += sums[d - 1];
        counts[d] += counts[d - 1];
        shares[d] = counts[d] > 0.0 ? sums[d] / counts[d] : 1.0;
    }
    return shares;
}

// `entered` scales what is assumed at each depth, where it is not empty. source: Webber, Moffat and Zobel 2010, section 4;
// equation 32 (extrapolation of lists of two lengths).
[[nodiscard]] inline overlap overlap_of(const std::vector<double>& shared, std::size_t shorter, double p,
                                        const std::vector<double>& entered)
{
    overlap out;
    const std::size_t longer = shared.size() - 1;
    const double s = static_cast<double>(shorter);
    const double l = static_cast<double>(longer);
    const double at_s = shared[shorter];
    const double at_l = shared[longer];
    // Beyond f = s + l - x the two lists may agree on everything.
    const std::size_t free = shorter + longer - static_cast<std::size_t>(std::round(at_l));
    double seen = 0.0, assumed = 0.0, most = 0.0;
    double weight = (1.0 - p) / p;  // (1 - p) p^(d - 1)
    double power = 1.0, lengths = 0.0;
    for (std::size_t d = 1; d <= (free > longer ? free : longer); ++d) {
        weight *= p;
        power *= p;
        const double depth = static_cast<double>(d);
        const double more = d > shorter ? depth - s : 0.0;
        const double even_more = d > longer ? depth - l : 0.0;
        const double x = d <= longer ? shared[d] : at_l;
        if (d <= longer) {
            seen += weight * x / depth;
            const double share = entered.empty() ? 1.0 : entered[d];
            assumed += more > 0.0 ? weight * share * at_s * more / (s * depth) : 0.0;
            lengths += power / depth;
        }
        if (d <= free) {
            most += weight * (x + more + even_more) / depth;
        }
    }
    const double tail = std::pow(p, l);
    out.extrapolated = seen + assumed + ((at_l - at_s) / l + at_s / s) * tail;
    out.lower = seen + at_l * (1.0 - p) / p * (-std::log1p(-p) - lengths);
    out.upper = most + std::pow(p, static_cast<double>(free));
    // Where the lists leave nothing open, rounding may exchange the ends.
    out.lower = out.lower > 0.0 ? out.lower : 0.0;
    out.upper = out.upper < 1.0 ? out.upper : 1.0;
    out.state = status::ok;
    return out;
}

// entered_shares of the documents that are only in the longer of two lists.
template <class Longer, class Shorter>
[[nodiscard]] std::vector<double> entered_alone(const Longer& longer, const std::vector<std::size_t>& by_id,
                                                const std::vector<rank_range>& ranges, const Shorter& shorter,
                                                const std::vector<std::size_t>& shorter_by_id)
{
    const auto a = std::begin(longer);
    const auto b = std::begin(shorter);
    std::vector<rank_range> alone;
    std::size_t j = 0;
    for (const std::size_t i : by_id) {
        const auto& id = a[static_cast<std::ptrdiff_t>(i)].id;
        while (j < shorter_by_id.size() && b[static_cast<std::ptrdiff_t>(shorter_by_id[j])].id < id) {
            ++j;
        }
        if (j == shorter_by_id.size() || id < b[static_cast<std::ptrdiff_t>(shorter_by_id[j])].id) {
            alone.push_back(ranges[i]);
        }
    }
    return entered_shares(alone, by_id.size());
}

}  // namespace detail

/// Compare two rankings of possibly different documents by rank-biased overlap: the mean share of common documents at
/// the depth that a reader with probability p of going on reaches.
///
/// Ties: `expected` is the exact mean over all orders of the tied groups of both lists: a document of a group adds to
/// each depth the share of orders in which it is that high. So an order exists but is unknown, as in variant a of Corsi and
/// Urbano. With lists of one length, or ties that end before the shorter list does, `extrapolated` is their number. Where a
/// tied group of the longer list goes past the end of the shorter one it is not: they assume less of the documents that are
/// not seen, which is no mean over orders. `.unseen = unseen_overlap::corsi_urbano` gives their number. `pessimistic` has no
/// meaning for two lists: out_of_range.
///
/// When to use: rankers whose top matters most and whose lists are cut. When not: both order the same documents and
/// every rank matters; see rank_correlation.hpp.
/// errors: out_of_range (p outside (0, 1), an id twice in a list, a score that is NaN), too_few (an empty list).
/// cost: two sorts, and for each shared document the size of its tied groups; at most twice the length of a list is
///     read.
/// source: Webber, Moffat and Zobel 2010, "A similarity measure for indefinite rankings"; Corsi and Urbano 2024, "The
///     treatment of ties in rank-biased overlap".
template <scored_list First, scored_list Second>
[[nodiscard]] overlap rank_biased_overlap(const First& first, const Second& second,
                                          const overlap_options& options = {})
{
    overlap out;
    out.state = status::out_of_range;
    const std::vector<std::size_t> one = detail::order_by_id(first);
    const std::vector<std::size_t> two = detail::order_by_id(second);
    std::vector<detail::rank_range> ranges_one, ranges_two;
    if (!(options.p > 0.0 && options.p < 1.0) || detail::has_duplicate(first, one) ||
        detail::has_duplicate(second, two) || !detail::rank_ranges(first, one, options.ties, ranges_one) ||
        !detail::rank_ranges(second, two, options.ties, ranges_two)) {
        return out;
    }
    if (one.empty() || two.empty()) {
        out.state = status::too_few;
        return out;
    }
    const auto a = std::begin(first);
    const auto b = std::begin(second);
    std::vector<detail::rank_range> shared_one, shared_two;
    for (std::size_t i = 0, j = 0; i < one.size() && j < two.size();) {
        const auto& x = a[static_cast<std::ptrdiff_t>(one[i])];
        const auto& y = b[static_cast<std::ptrdiff_t>(two[j])];
        if (x.id < y.id) {
            ++i;
        } else if (y.id < x.id) {
            ++j;
        } else {
            shared_one.push_back(ranges_one[one[i++]]);
            shared_two.push_back(ranges_two[two[j++]]);
        }
    }
    std::vector<double> entered;
    if (options.unseen == unseen_overlap::corsi_urbano && one.size() != two.size()) {
        entered = one.size() > two.size() ? detail::entered_alone(first, one, ranges_one, second, two)
                                          : detail::entered_alone(second, two, ranges_two, first, one);
    }
    const std::size_t shorter = one.size() < two.size() ? one.size() : two.size();
    const std::size_t longer = one.size() < two.size() ? two.size() : one.size();
    return detail::overlap_of(detail::overlaps(shared_one, shared_two, longer), shorter, options.p, entered);
}

/// Compare two lists of ids, best first.
template <class Id>
[[nodiscard]] overlap rank_biased_overlap(std::span<const Id> first, std::span<const Id> second,
                                          const overlap_options& options = {})
{
    const auto scored = [](std::span<const Id> ids) {
        std::vector<scored_item<Id>> list;
        for (std::size_t i = 0; i < ids.size(); ++i) {
            list.push_back({ids[i], -static_cast<double>(i)});
        }
        return list;
    };
    return rank_biased_overlap(scored(first), scored(second), options);
}

}  // namespace quality
}  // namespace v0
}  // namespace joust

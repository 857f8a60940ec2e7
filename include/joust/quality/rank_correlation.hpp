// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/order.hpp>
#include <joust/stats/result.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace joust {
inline namespace v0 {
namespace quality {

/// Report a correlation of two rankings.
struct rank_correlation {
    /// The correlation, from -1 (reversed) to 1 (alike).
    double value = stats::not_a_number;
    /// Whether the numbers are valid, and why not.
    status state = status::too_few;
};

namespace detail {

// Counts by place, with sums of the counts of all lower places. source: Fenwick 1994.
class place_counts {
public:
    explicit place_counts(std::size_t places) : sums_(places + 1) {}

    void add(std::size_t place) noexcept
    {
        for (std::size_t i = place + 1; i < sums_.size(); i += i & (0 - i)) {
            ++sums_[i];
        }
    }
    [[nodiscard]] std::uint64_t below(std::size_t place) const noexcept
    {
        std::uint64_t sum = 0;
        for (std::size_t i = place; i > 0; i -= i & (0 - i)) {
            sum += sums_[i];
        }
        return sum;
    }

private:
    std::vector<std::uint64_t> sums_;
};

// The place of each value in falling order: equal values share a place, and places have no gaps.
struct dense_places {
    std::vector<std::size_t> order{};  // positions by falling value
    std::vector<std::size_t> place{};  // the place of each position
    std::size_t places = 0;

    explicit dense_places(std::span<const double> values)
        : order(stats::detail::order_by(values.size(),
                                        [&](std::size_t a, std::size_t b) { return values[a] > values[b]; })),
          place(values.size())
    {
        for (std::size_t i = 0; i < order.size(); ++i) {
            places += i > 0 && values[order[i]] != values[order[i - 1]] ? 1U : 0U;
            place[order[i]] = places;
        }
        places += order.empty() ? 0U : 1U;
    }
};

[[nodiscard]] inline status state_of_scores(std::span<const double> x, std::span<const double> y) noexcept
{
    bool valid = x.size() == y.size();
    for (std::size_t i = 0; valid && i < x.size(); ++i) {
        valid = !std::isnan(x[i]) && !std::isnan(y[i]);
    }
    return !valid ? status::out_of_range : x.size() < 2 ? status::too_few : status::ok;
}

// Calls visit(from, to) for every run of positions with one place.
template <class Visit>
void for_runs(const dense_places& ranked, Visit visit)
{
    for (std::size_t from = 0; from < ranked.order.size();) {
        std::size_t to = from + 1;
        while (to < ranked.order.size() &&
               ranked.place[ranked.order[to]] == ranked.place[ranked.order[from]]) {
            ++to;
        }
        visit(from, to);
        from = to;
    }
}

[[nodiscard]] inline std::uint64_t tied_pairs(const dense_places& ranked) noexcept
{
    std::uint64_t pairs = 0;
    for_runs(ranked, [&](std::size_t from, std::size_t to) {
        const std::uint64_t n = to - from;
        pairs += n * (n - 1) / 2;
    });
    return pairs;
}

}  // namespace detail

/// Correlate two scores of the same documents by Kendall's tau-b: the pairs in the same order minus the pairs in the
/// opposite order, as a share that allows for ties.
///
/// When to use: every pair matters equally. When not: the top matters more (`ap_correlation`), or ranks are to be tested for
/// a trend (`stats::spearman`).
/// errors: out_of_range (unequal lengths, NaN), too_few (fewer than 2 documents), zero_variance (either score is
///     constant).
/// cost: n log n; exact counts.
/// source: Kendall 1945, "The treatment of ties in ranking problems".
[[nodiscard]] inline rank_correlation kendall_tau_b(std::span<const double> x, std::span<const double> y)
{
    rank_correlation out;
    out.state = detail::state_of_scores(x, y);
    if (out.state != status::ok) {
        return out;
    }
    const detail::dense_places of_x{x};
    const detail::dense_places of_y{y};
    const std::uint64_t n = x.size();
    const std::uint64_t all = n * (n - 1) / 2;
    const std::uint64_t apart_x = all - detail::tied_pairs(of_x);
    const std::uint64_t apart_y = all - detail::tied_pairs(of_y);
    if (apart_x == 0 || apart_y == 0) {
        out.state = status::zero_variance;
        return out;
    }
    detail::place_counts seen{of_y.places};
    std::uint64_t alike = 0, reversed = 0, before = 0;
    detail::for_runs(of_x, [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            const std::size_t place = of_y.place[of_x.order[i]];
            alike += seen.below(place);
            reversed += before - seen.below(place + 1);
        }
        for (std::size_t i = from; i < to; ++i) {
            seen.add(of_y.place[of_x.order[i]]);
        }
        before += to - from;
    });
    // One root of each factor, so that tau of equal rankings is exactly 1 and the product loses no digits.
    const double difference =
        alike >= reversed ? static_cast<double>(alike - reversed) : -static_cast<double>(reversed - alike);
    out.value = apart_x == apart_y ? difference / static_cast<double>(apart_x)
                                   : difference / std::sqrt(static_cast<double>(apart_x)) /
                                         std::sqrt(static_cast<double>(apart_y));
    return out;
}

/// Correlate a ranking with the true one so that mistakes near its top have more weight: the mean, over all ranks but
/// the first, of the share of documents above it that belong there, scaled to -1 .. 1.
///
/// It is not symmetric: the second score's ranking is the one judged. For two rankings of which neither is the truth,
/// average both directions. Ties in either are broken at random, and the result is the exact mean over all orders.
/// errors: out_of_range (unequal lengths, NaN), too_few (fewer than 2 documents).
/// cost: n log n.
/// source: Yilmaz, Aslam and Robertson 2008, "A new rank correlation coefficient for information retrieval"; ties:
///     Urbano and Marrero 2017, "The treatment of ties in AP correlation", the mean over all orders.
[[nodiscard]] inline rank_correlation ap_correlation(std::span<const double> truth,
                                                     std::span<const double> judged)
{
    rank_correlation out;
    out.state = detail::state_of_scores(truth, judged);
    if (out.state != status::ok) {
        return out;
    }
    const detail::dense_places of_truth{truth};
    const detail::dense_places of_judged{judged};
    detail::place_counts seen{of_truth.places};
    double total = 0.0;
    detail::for_runs(of_judged, [&](std::size_t from, std::size_t to) {
        double right =
            0.0;  // documents above the group that belong there; a tie of the truth counts one half
        for (std::size_t i = from; i < to; ++i) {
            const std::size_t place = of_truth.place[of_judged.order[i]];
            right += 0.5 * static_cast<double>(seen.below(place) + seen.below(place + 1));
        }
        right /= static_cast<double>(to - from);
        for (std::size_t i = from; i < to; ++i) {
            seen.add(of_truth.place[of_judged.order[i]]);
            if (i > 0) {
                // Half of the group's own documents above rank i belong there, whatever the truth is.
                total += (right + 0.5 * static_cast<double>(i - from)) / static_cast<double>(i);
            }
        }
    });
    out.value = 2.0 * total / static_cast<double>(truth.size() - 1) - 1.0;
    return out;
}

}  // namespace quality
}  // namespace v0
}  // namespace joust

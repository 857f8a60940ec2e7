// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

/// Set up cluster_robust_t.
struct cluster_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// With fewer clusters the state is few_clusters: the numbers are given, but may be too optimistic.
    std::size_t min_clusters = 8;
    /// With fewer degrees of freedom the state is few_clusters.
    double min_df = 4.0;
};

/// Report a cluster-robust comparison, and what ignoring the clusters would give.
struct cluster_result : test_result {
    /// The CR2 standard error, which the test uses.
    double standard_error = not_a_number;
    /// The standard error by the plain sandwich.
    double cr0 = not_a_number;
    /// CR0 with Stata's factor for clusters and coefficients.
    double cr1 = not_a_number;
    /// Welch's standard error, which treats every value as independent.
    double naive_error = not_a_number;
    /// The lower end of Welch's interval.
    double naive_lower = not_a_number;
    /// The upper end of Welch's interval.
    double naive_upper = not_a_number;
    /// How many clusters there are.
    std::size_t clusters = 0;
    /// How many clusters have values of the first sample.
    std::size_t first_clusters = 0;
    /// How many clusters have values of the second sample; a cluster may have both.
    std::size_t second_clusters = 0;
};

namespace detail {

// A cluster's residual sums and sizes; index 0 is the second sample, index 1 the first.
struct cluster_sums {
    double residuals[2] = {0.0, 0.0};
    double sizes[2] = {0.0, 0.0};
};

[[nodiscard]] inline std::vector<cluster_sums> sums_by_cluster(std::span<const double> values,
                                                               std::span<const std::uint64_t> clusters,
                                                               std::span<const std::uint8_t> in_first,
                                                               const moments (&sample)[2])
{
    std::vector<cluster_sums> groups;
    std::unordered_map<std::uint64_t, std::size_t> index;
    const double means[2] = {sample[0].mean(), sample[1].mean()};
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto [place, added] = index.try_emplace(clusters[i], groups.size());
        if (added) {
            groups.emplace_back();
        }
        const std::size_t arm = in_first[i] != 0 ? 1 : 0;
        groups[place->second].residuals[arm] += values[i] - means[arm];
        groups[place->second].sizes[arm] += 1.0;
    }
    return groups;
}

// Variances of the difference of means, and Satterthwaite's degrees of freedom of the adjusted one.
//
// The regression on two sample indicators has the hat matrix 1 / n within a sample, so (I - H)^(-1/2) only rescales a
// cluster's residual sum by 1 / sqrt(1 - m / n), and no matrix is needed.
class cluster_variance {
public:
    explicit cluster_variance(const moments (&sample)[2]) noexcept
        : n_{static_cast<double>(sample[0].count()), static_cast<double>(sample[1].count())}
    {
    }

    void add(const cluster_sums& g) noexcept
    {
        double plain = 0.0, adjusted = 0.0, m_gg = 0.0;
        double w[2] = {0.0, 0.0};
        for (std::size_t a = 0; a < 2; ++a) {
            const double sign = a == 1 ? 1.0 : -1.0;
            const double left = 1.0 - g.sizes[a] / n_[a];
            if (!(left > 0.0)) {
                spread_ = false;
                continue;
            }
            const double scale = 1.0 / (n_[a] * std::sqrt(left));
            plain += sign * g.residuals[a] / n_[a];
            adjusted += sign * g.residuals[a] * scale;
            w[a] = g.sizes[a] * scale;
            m_gg += g.sizes[a] / (n_[a] * n_[a]);
        }
        cr0_ += plain * plain;
        cr2_ += adjusted * adjusted;
        diagonal_ += m_gg * m_gg;
        for (std::size_t a = 0; a < 2; ++a) {
            for (std::size_t b = 0; b < 2; ++b) {
                cross_[a][b] += w[a] * w[b];
                own_[a][b] += w[a] * w[a] * w[b] * w[b];
            }
        }
    }

    // True while every sample lies in more than one cluster.
    [[nodiscard]] bool spread() const noexcept { return spread_; }
    [[nodiscard]] double cr0() const noexcept { return cr0_; }
    [[nodiscard]] double cr1(std::size_t clusters) const noexcept
    {
        const double count = static_cast<double>(clusters);
        const double total = n_[0] + n_[1];
        return cr0_ * count / (count - 1.0) * (total - 1.0) / (total - 2.0);
    }
    [[nodiscard]] double cr2() const noexcept { return cr2_; }

    // Satterthwaite: trace(M)^2 / trace(M^2) with M_gh = delta_gh v_g'v_g - v_g' H v_h under independent errors.
    [[nodiscard]] double df() const noexcept
    {
        const double trace = 1.0 / n_[0] + 1.0 / n_[1];
        double squares = diagonal_;
        for (std::size_t a = 0; a < 2; ++a) {
            for (std::size_t b = 0; b < 2; ++b) {
                squares += (cross_[a][b] * cross_[a][b] - own_[a][b]) / (n_[a] * n_[b]);
            }
        }
        return trace * trace / squares;
    }

private:
    double n_[2];
    double cr0_ = 0.0;
    double cr2_ = 0.0;
    double diagonal_ = 0.0;    // the sum over clusters of (M_gg)^2
    double own_[2][2] = {};    // sum_g w_ga^2 w_gb^2
    double cross_[2][2] = {};  // sum_g w_ga w_gb
    bool spread_ = true;
};

}  // namespace detail

/// Compare the means of two samples whose values come in clusters (users with many requests, pupils of a
/// school).
///
/// Value i belongs to cluster `clusters[i]`, and to the first sample where `in_first[i]` is not 0. Clusters may hold
/// values of both samples or of one; the estimate is the plain difference of means. CR2 makes the variance unbiased
/// where errors are in fact independent; Satterthwaite's degrees of freedom allow for few or unequal clusters.
/// shape: three spans of equal length
/// assumes: clusters are independent of each other; nothing is assumed within a cluster.
/// errors: out_of_range (lengths, NaN, infinities, alpha), too_few (a sample with fewer than 2 values),
///     zero_variance, few_clusters (fewer than `min_clusters`, fewer than `min_df` degrees of freedom, or a
///     sample in one cluster).
/// cost: one hash map of the clusters; about 30 ns per value.
/// source: Liang and Zeger 1986; Bell and McCaffrey 2002; Pustejovsky and Tipton 2018 (CR2 and its degrees of
///     freedom).
[[nodiscard]] inline cluster_result cluster_robust_t(std::span<const double> values,
                                                     std::span<const std::uint64_t> clusters,
                                                     std::span<const std::uint8_t> in_first,
                                                     const cluster_options& options = {})
{
    cluster_result result;
    result.method = "cluster-robust t-test (CR2, Satterthwaite)";
    result.state = status::out_of_range;
    if (values.size() != clusters.size() || values.size() != in_first.size() ||
        !detail::is_alpha(options.alpha)) {
        return result;
    }
    moments sample[2];  // the second and the first
    for (std::size_t i = 0; i < values.size(); ++i) {
        sample[in_first[i] != 0 ? 1 : 0].add(values[i]);
    }
    if (sample[0].rejected() + sample[1].rejected() != 0) {
        return result;
    }
    const test_result naive = welch_t(sample[1], sample[0], {options.alpha, options.alternative});
    result.estimate = naive.estimate;
    result.naive_lower = naive.lower;
    result.naive_upper = naive.upper;
    if (naive.state != status::ok) {
        result.state = naive.state;
        return result;
    }
    result.naive_error = naive.estimate / naive.statistic;
    if (naive.statistic == 0.0) {
        result.naive_error = std::sqrt(sample[1].variance() / static_cast<double>(sample[1].count()) +
                                       sample[0].variance() / static_cast<double>(sample[0].count()));
    }

    const std::vector<detail::cluster_sums> groups =
        detail::sums_by_cluster(values, clusters, in_first, sample);
    detail::cluster_variance variance{sample};
    for (const detail::cluster_sums& g : groups) {
        variance.add(g);
        result.first_clusters += g.sizes[1] > 0.0 ? 1U : 0U;
        result.second_clusters += g.sizes[0] > 0.0 ? 1U : 0U;
    }
    result.clusters = groups.size();
    if (!variance.spread() || groups.size() < 3) {
        result.state = status::few_clusters;
        return result;
    }
    const double df = variance.df();
    result.cr0 = std::sqrt(variance.cr0());
    result.cr1 = std::sqrt(variance.cr1(groups.size()));
    result.standard_error = std::sqrt(variance.cr2());
    const test_result test = detail::judge_t(result.method, result.estimate, result.standard_error, df,
                                             {options.alpha, options.alternative});
    static_cast<test_result&>(result) = test;
    if (result.state == status::ok && (groups.size() < options.min_clusters || df < options.min_df)) {
        result.state = status::few_clusters;
    }
    return result;
}

}  // namespace stats
}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/distributions.hpp>
#include <joust/stats/options.hpp>
#include <joust/stats/result.hpp>
#include <joust/stats/tests/welch.hpp>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace stats {

// The only header of stats/ that includes Eigen: least squares with robust errors, and adjustment by several
// covariates.

/// View an Eigen vector as a sample, for any test that takes a span. The vector must outlive the view.
/// cost: nothing is copied
template <class Derived>
    requires std::is_same_v<typename Derived::Scalar, double>
[[nodiscard]] std::span<const double> as_sample(const Eigen::PlainObjectBase<Derived>& values) noexcept
{
    static_assert(Derived::IsVectorAtCompileTime, "joust: a sample is a vector, not a matrix");
    return {values.data(), static_cast<std::size_t>(values.size())};
}

/// Refuse a temporary vector: the view would outlive it.
template <class Derived>
std::span<const double> as_sample(const Eigen::PlainObjectBase<Derived>&&) = delete;

/// Choose how the variance of a coefficient allows for unequal variances of independent rows.
enum class hc : std::uint8_t {
    /// The plain sandwich, which is too small with few rows.
    hc0,
    /// hc0 times n / (n - p).
    hc1,
    /// The recommended one: unbiased where the variances are equal.
    hc2,
    /// A larger one, close to the jackknife.
    hc3
};

/// Choose how the variance of a coefficient allows for clusters.
enum class cr : std::uint8_t {
    /// The plain cluster sandwich, which is too small with few clusters.
    cr0,
    /// cr0, scaled for the numbers of clusters and rows.
    cr1,
    /// The recommended one: unbiased where the rows are in fact independent.
    cr2
};

/// Choose where degrees of freedom come from.
enum class degrees : std::uint8_t {
    /// Satterthwaite's, computed from the design; only for hc2 and cr2.
    satterthwaite,
    /// Rows (or clusters) minus coefficients.
    residual
};

/// Set up a test of a coefficient.
struct regression_options {
    /// The interval covers with probability 1 - alpha.
    double alpha = 0.05;
    /// The departure from the null that the p-value looks for.
    side alternative = side::two;
    /// How the variance allows for unequal variances of independent rows.
    hc variance = hc::hc2;
    /// How the variance allows for clusters.
    cr clustered = cr::cr2;
    /// Where the degrees of freedom come from.
    degrees df = degrees::satterthwaite;
    /// With clusters: the smallest degrees of freedom below which the state is few_clusters.
    double min_df = 4.0;
    /// The number of clusters below which the state is few_clusters.
    std::size_t min_clusters = 8;
};

/// Report a test of a coefficient, with the standard error that it used.
struct regression_result : test_result {
    /// The standard error of the estimate.
    double standard_error = not_a_number;
    /// The number of clusters; 0 for independent rows.
    std::size_t clusters = 0;
};

/// Fit a linear model by least squares, and test its coefficients or combinations of them.
///
/// A column that depends on others is not an error: combinations that it does not affect keep their meaning, and the
/// others are out_of_range.
/// shape: one row of `x` per value of `y`; a column of ones gives the intercept.
/// errors: state() is too_few unless there are more rows than independent columns, and out_of_range for NaN,
///     infinities or unequal lengths.
/// cost: O(n p^2) once, and O(n p^2) for each test of a contrast.
/// source: Householder QR with column pivoting.
class least_squares {
public:
    /// Fit `y` to the columns of `x`.
    least_squares(const Eigen::Ref<const Eigen::MatrixXd>& x, std::span<const double> y)
    {
        if (x.rows() != static_cast<Eigen::Index>(y.size())) {
            state_ = status::out_of_range;
            return;
        }
        const Eigen::Map<const Eigen::VectorXd> values(y.data(), x.rows());
        if (!(x.allFinite() && values.allFinite())) {
            state_ = status::out_of_range;
            return;
        }
        if (x.cols() == 0 || x.rows() <= 1) {
            return;
        }
        // Columns are scaled to length 1 first, so that units of measurement do not decide which column counts as
        // dependent.
        columns_ = x.cols();
        scale_ = x.colwise().norm().transpose();
        for (Eigen::Index j = 0; j < columns_; ++j) {
            scale_[j] = scale_[j] > 0.0 ? scale_[j] : 1.0;
        }
        Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(x.rows(), columns_);
        qr.setThreshold(1e-10);
        qr.compute(x * scale_.cwiseInverse().asDiagonal());
        rank_ = qr.rank();
        if (x.rows() <= rank_ || rank_ == 0) {
            return;
        }
        q_ = qr.householderQ() * Eigen::MatrixXd::Identity(x.rows(), rank_);
        r_ = qr.matrixQR().topRows(rank_).template triangularView<Eigen::Upper>();
        order_ = qr.colsPermutation().indices();
        fit_ = q_.transpose() * values;
        residuals_ = values - q_ * fit_;
        // Project the residuals once more, because the variance is computed from them.
        const Eigen::VectorXd again = q_.transpose() * residuals_;
        residuals_ -= q_ * again;
        fit_ += again;
        leverages_ = q_.rowwise().squaredNorm();
        state_ = status::ok;
    }

    /// Return whether the fit is valid, and why not.
    [[nodiscard]] status state() const noexcept { return state_; }
    /// Return how many columns are independent.
    [[nodiscard]] Eigen::Index rank() const noexcept { return rank_; }
    /// Return the residuals, one per row.
    [[nodiscard]] const Eigen::VectorXd& residuals() const noexcept { return residuals_; }
    /// Return the leverages, one per row.
    [[nodiscard]] const Eigen::VectorXd& leverages() const noexcept { return leverages_; }

    /// Return all coefficients; those of dependent columns are 0.
    [[nodiscard]] Eigen::VectorXd coefficients() const
    {
        Eigen::VectorXd out = Eigen::VectorXd::Zero(columns_);
        if (state_ == status::ok) {
            const Eigen::VectorXd solved =
                r_.leftCols(rank_).template triangularView<Eigen::Upper>().solve(fit_);
            for (Eigen::Index j = 0; j < rank_; ++j) {
                out[order_[j]] = solved[j] / scale_[order_[j]];
            }
        }
        return out;
    }

    /// Test whether a weighted sum of coefficients is 0, for independent rows.
    ///
    /// errors: those of the fit; too_few where one row determines its own fit (leverage 1; not for hc0 and hc1);
    ///     zero_variance; out_of_range (a contrast that the data do not determine, alpha).
    /// source: White 1980; MacKinnon and White 1985 (hc2, hc3); Bell and McCaffrey 2002 (degrees of freedom).
    [[nodiscard]] regression_result test(const Eigen::Ref<const Eigen::VectorXd>& contrast,
                                         const regression_options& options = {}) const
    {
        regression_result result;
        switch (options.variance) {
            case hc::hc0: result.method = "least squares, HC0"; break;
            case hc::hc1: result.method = "least squares, HC1"; break;
            case hc::hc2: result.method = "least squares, HC2"; break;
            case hc::hc3: result.method = "least squares, HC3"; break;
        }
        Eigen::VectorXd z;
        if (!prepare(contrast, z, result)) {
            return result;
        }
        const Eigen::VectorXd weights = q_ * z;
        const double n = static_cast<double>(q_.rows());
        const double left = n - static_cast<double>(rank_);
        double variance = 0.0;
        // Satterthwaite: trace(M)^2 / trace(M^2), M_ij = a_i a_j (1{i = j} - h_ij), a_i = w_i / sqrt(1 - h_i)
        double trace = 0.0, squares = 0.0;
        Eigen::MatrixXd outer = Eigen::MatrixXd::Zero(rank_, rank_);
        const bool levers = options.variance == hc::hc2 || options.variance == hc::hc3;
        for (Eigen::Index i = 0; i < q_.rows(); ++i) {
            const double rest = 1.0 - leverages_[i];
            if (levers && !(rest > 1e-10)) {
                result.estimate = not_a_number;
                result.state = status::too_few;
                return result;
            }
            const double factor = options.variance == hc::hc2   ? 1.0 / rest
                                  : options.variance == hc::hc3 ? 1.0 / (rest * rest)
                                  : options.variance == hc::hc1 ? n / left
                                                                : 1.0;
            const double part = weights[i] * residuals_[i];
            variance += part * part * factor;
            if (options.variance == hc::hc2) {
                const double a2 = weights[i] * weights[i] / rest;
                trace += weights[i] * weights[i];
                squares += a2 * a2 * (1.0 - 2.0 * leverages_[i]);
                outer.selfadjointView<Eigen::Lower>().rankUpdate(q_.row(i).transpose(), a2);
            }
        }
        double df = left;
        if (options.variance == hc::hc2 && options.df == degrees::satterthwaite) {
            const Eigen::MatrixXd full = outer.selfadjointView<Eigen::Lower>();
            df = trace * trace / (squares + full.squaredNorm());
        }
        judge(result, variance, df, options);
        return result;
    }

    /// Test one coefficient, chosen by its column.
    [[nodiscard]] regression_result test(Eigen::Index column, const regression_options& options = {}) const
    {
        return test(unit(column), options);
    }

    /// Test whether a weighted sum of coefficients is 0, for rows in clusters.
    ///
    /// shape: one cluster per row
    /// errors: as for independent rows; few_clusters (fewer than `min_clusters`, or degrees of freedom below `min_df`:
    ///     the numbers are given, but may be too optimistic).
    /// source: Liang and Zeger 1986; Bell and McCaffrey 2002; Pustejovsky and Tipton 2018.
    [[nodiscard]] regression_result test(const Eigen::Ref<const Eigen::VectorXd>& contrast,
                                         std::span<const std::uint64_t> clusters,
                                         const regression_options& options = {}) const
    {
        regression_result result;
        switch (options.clustered) {
            case cr::cr0: result.method = "least squares, CR0"; break;
            case cr::cr1: result.method = "least squares, CR1"; break;
            case cr::cr2: result.method = "least squares, CR2"; break;
        }
        Eigen::VectorXd z;
        if (!prepare(contrast, z, result)) {
            return result;
        }
        if (clusters.size() != static_cast<std::size_t>(q_.rows())) {
            result.estimate = not_a_number;
            result.state = status::out_of_range;
            return result;
        }
        // Q'Q and Q'e of a cluster's rows are enough: (I - QQ')^(-1/2) Q z = Q (I - Q'Q)^(-1/2) z.
        struct group {
            Eigen::MatrixXd cross;
            Eigen::VectorXd score;
        };
        std::vector<group> groups;
        std::unordered_map<std::uint64_t, std::size_t> index;
        for (Eigen::Index i = 0; i < q_.rows(); ++i) {
            const auto [place, added] =
                index.try_emplace(clusters[static_cast<std::size_t>(i)], groups.size());
            if (added) {
                groups.push_back({Eigen::MatrixXd::Zero(rank_, rank_), Eigen::VectorXd::Zero(rank_)});
            }
            group& g = groups[place->second];
            g.cross.noalias() += q_.row(i).transpose() * q_.row(i);
            g.score.noalias() += residuals_[i] * q_.row(i).transpose();
        }
        result.clusters = groups.size();
        const double count = static_cast<double>(groups.size());
        const double n = static_cast<double>(q_.rows());
        double variance = 0.0, trace = 0.0, squares = 0.0;
        Eigen::MatrixXd outer = Eigen::MatrixXd::Zero(rank_, rank_);
        for (const group& g : groups) {
            Eigen::VectorXd u = z;
            if (options.clustered == cr::cr2) {
                const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(g.cross);
                Eigen::VectorXd powers(rank_);
                for (Eigen::Index j = 0; j < rank_; ++j) {
                    // A direction that only this cluster determines has no residual, so the pseudo-inverse is taken.
                    const double rest = 1.0 - eigen.eigenvalues()[j];
                    powers[j] = rest > 1e-10 ? 1.0 / std::sqrt(rest) : 0.0;
                }
                u = eigen.eigenvectors() * (powers.cwiseProduct(eigen.eigenvectors().transpose() * z));
                const Eigen::VectorXd w = g.cross * u;
                const double own = u.dot(w);
                const double common = w.squaredNorm();
                trace += own - common;
                squares += own * own - 2.0 * own * common;
                outer.noalias() += w * w.transpose();
            }
            const double part = u.dot(g.score);
            variance += part * part;
        }
        if (groups.size() < 2) {
            result.estimate = not_a_number;
            result.state = status::few_clusters;
            return result;
        }
        if (options.clustered == cr::cr1) {
            variance *= count / (count - 1.0) * (n - 1.0) / (n - static_cast<double>(rank_));
        }
        double df = count - 1.0;
        if (options.clustered == cr::cr2 && options.df == degrees::satterthwaite) {
            df = trace * trace / (squares + outer.squaredNorm());
        }
        judge(result, variance, df, options);
        if (result.state == status::ok && (groups.size() < options.min_clusters || !(df >= options.min_df))) {
            result.state = status::few_clusters;
        }
        return result;
    }

    /// Test one coefficient, chosen by its column, for rows in clusters.
    [[nodiscard]] regression_result test(Eigen::Index column, std::span<const std::uint64_t> clusters,
                                         const regression_options& options = {}) const
    {
        return test(unit(column), clusters, options);
    }

private:
    [[nodiscard]] Eigen::VectorXd unit(Eigen::Index column) const
    {
        Eigen::VectorXd out = Eigen::VectorXd::Zero(columns_);
        if (column >= 0 && column < columns_) {
            out[column] = 1.0;
        }
        return out;
    }

    // Computes the z with c'b = z'Q'y, and the estimate. Returns false, with a state, where the contrast is not
    // determined.
    [[nodiscard]] bool prepare(const Eigen::Ref<const Eigen::VectorXd>& contrast, Eigen::VectorXd& z,
                               regression_result& result) const
    {
        result.state = state_;
        if (state_ != status::ok) {
            return false;
        }
        result.state = status::out_of_range;
        if (contrast.size() != columns_ || !contrast.allFinite() || !(contrast.norm() > 0.0)) {
            return false;
        }
        Eigen::VectorXd ordered(columns_);
        for (Eigen::Index j = 0; j < columns_; ++j) {
            ordered[j] = contrast[order_[j]] / scale_[order_[j]];
        }
        z = r_.leftCols(rank_).template triangularView<Eigen::Upper>().transpose().solve(ordered.head(rank_));
        if (rank_ < columns_) {
            // The contrast is determined only if the dependent columns give the same value.
            const Eigen::VectorXd rest =
                r_.rightCols(columns_ - rank_).transpose() * z - ordered.tail(columns_ - rank_);
            if (rest.norm() > 1e-8 * (1.0 + ordered.norm())) {
                return false;
            }
        }
        result.estimate = z.dot(fit_);
        return true;
    }

    static void judge(regression_result& result, double variance, double df,
                      const regression_options& options)
    {
        const double error = std::sqrt(variance);
        static_cast<test_result&>(result) =
            detail::judge_t(result.method, result.estimate, error, df, {options.alpha, options.alternative});
        result.standard_error = error;
        if (result.state == status::ok && !(df > 0.0)) {
            result.p_value = result.log_p = result.lower = result.upper = not_a_number;
            result.state = status::too_few;
        }
    }

    status state_ = status::too_few;
    Eigen::Index columns_ = 0;
    Eigen::Index rank_ = 0;
    Eigen::VectorXd scale_;
    Eigen::MatrixXd q_;
    Eigen::MatrixXd r_;  // rank x columns, in pivoted order
    Eigen::VectorXi order_;
    Eigen::VectorXd fit_;  // Q'y
    Eigen::VectorXd residuals_;
    Eigen::VectorXd leverages_;
};

/// Report an adjusted comparison, with the effect of the covariates.
struct adjusted_result : regression_result {
    /// The plain difference of means.
    double unadjusted = not_a_number;
    /// 1 - adjusted / plain variance, both robust.
    double variance_reduction = not_a_number;
    /// How many missing covariate values were replaced.
    std::size_t filled = 0;
};

/// Set up lin_adjustment.
struct adjustment_options : regression_options {
    /// Replace missing (NaN) covariates by their column's mean and add an indicator column; otherwise they are
    /// refused.
    bool fill_missing = false;
};

namespace detail {

[[nodiscard]] inline adjusted_result lin(std::span<const double> y, std::span<const std::uint8_t> in_first,
                                         const Eigen::Ref<const Eigen::MatrixXd>& covariates,
                                         std::span<const std::uint64_t> clusters, bool clustered,
                                         const adjustment_options& options)
{
    adjusted_result result;
    result.method = clustered ? "Lin's adjustment, cluster-robust" : "Lin's adjustment, HC";
    const Eigen::Index n = covariates.rows();
    if (n != static_cast<Eigen::Index>(y.size()) || in_first.size() != y.size()) {
        result.state = status::out_of_range;
        return result;
    }
    Eigen::MatrixXd x = covariates;
    std::vector<Eigen::VectorXd> indicators;
    for (Eigen::Index j = 0; j < x.cols(); ++j) {
        Eigen::VectorXd missing = Eigen::VectorXd::Zero(n);
        double mean = 0.0, seen = 0.0;
        for (Eigen::Index i = 0; i < n; ++i) {
            if (std::isnan(x(i, j)) && options.fill_missing) {
                missing[i] = 1.0;
            } else {
                seen += 1.0;
                mean += (x(i, j) - mean) / seen;
            }
        }
        if (seen < static_cast<double>(n)) {
            result.filled += static_cast<std::size_t>(static_cast<double>(n) - seen);
            x.col(j) = (missing.array() > 0.0).select(mean, x.col(j));
            indicators.push_back(missing);
        }
    }
    const Eigen::Index given = x.cols();
    x.conservativeResize(n, given + static_cast<Eigen::Index>(indicators.size()));
    for (std::size_t j = 0; j < indicators.size(); ++j) {
        x.col(given + static_cast<Eigen::Index>(j)) = indicators[j];
    }
    double y_mean = 0.0;
    Eigen::MatrixXd design(n, 2 + 2 * x.cols());
    if (n > 0) {
        x.rowwise() -= x.colwise().mean().eval();
        y_mean = Eigen::Map<const Eigen::VectorXd>(y.data(), n).mean();
    }
    std::vector<double> centred(y.begin(), y.end());
    for (Eigen::Index i = 0; i < n; ++i) {
        const double t = in_first[static_cast<std::size_t>(i)] != 0 ? 1.0 : 0.0;
        design(i, 0) = 1.0;
        design(i, 1) = t;
        for (Eigen::Index j = 0; j < x.cols(); ++j) {
            design(i, 2 + j) = x(i, j);
            design(i, 2 + x.cols() + j) = t * x(i, j);
        }
        centred[static_cast<std::size_t>(i)] -=
            y_mean;  // has no effect on the slopes: the intercept absorbs it
    }
    const least_squares fit{design, centred};
    const least_squares plain{design.leftCols(2), centred};
    const auto judge = [&](const least_squares& model) {
        return clustered ? model.test(Eigen::Index{1}, clusters, options)
                         : model.test(Eigen::Index{1}, options);
    };
    const std::string_view method = result.method;
    static_cast<regression_result&>(result) = judge(fit);
    result.method = method;
    const regression_result without = judge(plain);
    result.unadjusted = without.estimate;
    const double ratio = result.standard_error / without.standard_error;
    result.variance_reduction = 1.0 - ratio * ratio;
    return result;
}

}  // namespace detail

/// Compare two means after removing what several covariates from before the experiment explain, with separate slopes
/// for each sample.
///
/// In large samples it is never worse than no adjustment, even where the linear model is wrong. With one covariate
/// `cuped` is nearly the same and works on a stream. Row i is in the first sample where `in_first[i]` is not 0; the
/// estimate is first minus second.
/// shape: one row of covariates per value; no column of ones.
/// assumes: covariates that the treatment cannot have changed; about ten rows per coefficient.
/// errors: as least_squares: too_few, zero_variance, out_of_range (a sample is empty, NaN).
/// cost: O(n p^2) for n rows and p covariates.
/// source: Lin 2013, "Agnostic notes on regression adjustments to experimental data".
[[nodiscard]] inline adjusted_result lin_adjustment(std::span<const double> y,
                                                    std::span<const std::uint8_t> in_first,
                                                    const Eigen::Ref<const Eigen::MatrixXd>& covariates,
                                                    const adjustment_options& options = {})
{
    return detail::lin(y, in_first, covariates, {}, false, options);
}

/// Compare two adjusted means with rows in clusters.
///
/// errors: as for independent rows; few_clusters as least_squares.
/// cost: O(n p^2) for n rows and p covariates.
[[nodiscard]] inline adjusted_result lin_adjustment(std::span<const double> y,
                                                    std::span<const std::uint8_t> in_first,
                                                    const Eigen::Ref<const Eigen::MatrixXd>& covariates,
                                                    std::span<const std::uint64_t> clusters,
                                                    const adjustment_options& options = {})
{
    return detail::lin(y, in_first, covariates, clusters, true, options);
}

}  // namespace stats
}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/numeric/falling_integral.hpp>

#include <cmath>
#include <limits>
#include <span>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// The logarithm of the integral of exp(log_f) over the real line, for an analytic integrand with one peak. Bayes
// factors, probabilities to be best and non-central distributions are such integrals of products of densities and
// tails. All terms are positive, so the relative error stays at rounding even where the integral itself underflows.
//
// Where both sides are alike, the trapezoidal rule. Otherwise panels from the peak outwards are halved until a Gauss-Legendre rule of 16 points agrees with that of both halves to
// 1e-11, which are then far closer. So a cliff beside a wide shape, as where one of two densities is a million times
// narrower, and exponential tails of any length cost a few dozen panels more. NaN where 400 panels are too few.
//
// log_f has to be concave, or nearly so: from the peak it falls on both sides. `start` is a point at which it is finite,
// `width` a rough scale. Shapes much wider than 1 that bend within a distance of 1 name the places of their bends, as
// `kinks`: smaller panels are put around them.
template <class LogDensity>
[[nodiscard]] double log_unimodal_integral(LogDensity log_f, double start, double width,
                                           std::span<const double> kinks = {})
{
    constexpr double infinity = std::numeric_limits<double>::infinity();
    constexpr double negligible = 38.0;  // exp(-38) is below half a unit in the last place
    constexpr int most_halvings = 64;
    constexpr int most_panels = 400;
    constexpr int most_edges = 128;

    // Walk uphill with growing steps until the peak lies between `left` and `right`.
    double middle = start;
    double at_middle = log_f(middle);
    if (!(at_middle > -infinity)) {
        return at_middle;
    }
    double left = middle - width, right = middle + width;
    double at_left = log_f(left), at_right = log_f(right);
    double step = width;
    for (int i = 0; i < 200 && (at_left > at_middle || at_right > at_middle); ++i) {
        step *= 2.0;
        if (at_right > at_middle) {
            left = middle;
            at_left = at_middle;
            middle = right;
            at_middle = at_right;
            right = middle + step;
            at_right = log_f(right);
        } else {
            right = middle;
            at_right = at_middle;
            middle = left;
            at_middle = at_left;
            left = middle - step;
            at_left = log_f(left);
        }
    }
    if (at_left > at_middle || at_right > at_middle) {
        return std::numeric_limits<double>::quiet_NaN();  // no peak was found
    }
    // Narrow the bracket until the remaining slope does not matter.
    constexpr double golden = 0.38196601125010515;
    for (int i = 0; i < 200 && (at_middle - at_left > 0.2 || at_middle - at_right > 0.2); ++i) {
        const bool to_right = right - middle > middle - left;
        const double at = to_right ? middle + golden * (right - middle) : middle - golden * (middle - left);
        if (at == middle || at == left || at == right) {
            break;
        }
        const double value = log_f(at);
        if (value > at_middle) {
            (to_right ? left : right) = middle;
            (to_right ? at_left : at_right) = at_middle;
            middle = at;
            at_middle = value;
        } else {
            (to_right ? right : left) = at;
            (to_right ? at_right : at_left) = value;
        }
    }
    // The points beyond which nothing counts, on each side.
    const auto end_of = [&](double direction) {
        double inside = 0.0;
        double reach = right - left > 0.0 ? right - left : width;
        for (int i = 0; i < 300; ++i) {
            const double lost = at_middle - log_f(middle + direction * reach);
            if (lost >= negligible && lost <= 1.5 * negligible) {
                break;
            }
            if (lost < negligible) {
                inside = reach;
                reach *= 2.0;
            } else {
                const double closer = 0.5 * (inside + reach);
                if (!(closer > inside && closer < reach) || reach - inside < 1e-3 * reach) {
                    break;  // an end at which the integrand breaks off
                }
                reach = closer;
            }
        }
        return reach;
    };
    struct panel {
        double from, to, integral;
    };
    const auto rule = [&](double from, double to) {
        const double half = 0.5 * (to - from);
        const double centre = 0.5 * (to + from);
        double sum = 0.0;
        for (const rule_node& node : rule_of_16) {
            sum += node.weight * (std::exp(log_f(middle + (centre - half * node.at)) - at_middle) +
                                  std::exp(log_f(middle + (centre + half * node.at)) - at_middle));
        }
        return half * sum;
    };
    const double to_left = end_of(-1.0);
    const double to_right = end_of(1.0);
    if (!(to_left > 1e-300 && to_right > 1e-300 && std::isfinite(to_left + to_right))) {
        return at_middle < -1000.0 ? at_middle : std::numeric_limits<double>::quiet_NaN();
    }
    if (kinks.empty() && to_left < 2.0 * to_right && to_right < 2.0 * to_left) {
        // Shapes like a normal density take the fewest points with the trapezoidal rule, which then converges
        // exponentially. Points at middle +- h (i + 1/2): grids of two steps share no point.
        const auto even = [&](double h) {
            double sum = 0.0;
            for (double at = 0.5 * h; at < to_left || at < to_right; at += h) {
                sum += std::exp(log_f(middle + at) - at_middle) + std::exp(log_f(middle - at) - at_middle);
            }
            return h * sum;
        };
        const double h = (to_left < to_right ? to_left : to_right) / 14.0;
        const double coarse = even(h);
        const double fine = even(0.5 * h);
        if (std::fabs(fine - coarse) <= 1e-9 * fine) {
            return at_middle + std::log(fine);
        }
    }
    double edges[most_edges];
    int count = 0;
    const auto add_edge = [&](double at) {
        if (!(at > -to_left && at < to_right && count < most_edges - 1)) {
            return;
        }
        int place = count++;
        for (; place > 0 && edges[place - 1] > at; --place) {
            edges[place] = edges[place - 1];
        }
        edges[place] = at;
    };
    add_edge(0.0);
    for (const double kink : kinks) {
        add_edge(kink - middle);
        for (double away = 1.0; away < to_left + to_right; away *= 4.0) {
            add_edge(kink - middle - away);
            add_edge(kink - middle + away);
        }
    }
    edges[count] = to_right;
    panel waiting[most_edges + most_halvings];
    double about = 0.0;
    double total = 0.0;
    double from = -to_left;
    for (int i = 0; i <= count; ++i) {
        waiting[i] = {from, edges[i], rule(from, edges[i])};
        about += waiting[i].integral;
        from = edges[i];
    }
    ++count;
    const int first_panels = count;
    for (int done = 0; count > 0; ++done) {
        const panel whole = waiting[--count];
        const double centre = 0.5 * (whole.from + whole.to);
        const double first = rule(whole.from, centre);
        const double second = rule(centre, whole.to);
        const double error = std::fabs(first + second - whole.integral);
        about += first + second - whole.integral;
        if (done > most_panels || std::isnan(error)) {
            // An integral that underflows is as good as its peak.
            return at_middle < -1000.0 ? at_middle : std::numeric_limits<double>::quiet_NaN();
        }
        if (error <= 1e-11 * about || count + 2 > first_panels + most_halvings ||
            whole.to - whole.from < 1e-13 * (to_left + to_right)) {
            total += first + second;
            continue;
        }
        waiting[count++] = {whole.from, centre, first};
        waiting[count++] = {centre, whole.to, second};
    }
    return at_middle + std::log(total);
}

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust

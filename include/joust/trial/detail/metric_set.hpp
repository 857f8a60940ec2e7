// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/text.hpp>
#include <joust/core/text_list.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/evidence/live_quantile.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/guardrail.hpp>
#include <joust/metric/mean.hpp>
#include <joust/metric/metric.hpp>
#include <joust/metric/quantile.hpp>
#include <joust/metric/ratio.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Whether a policy is a metric: plain, guarded or primary.
template <class T>
inline constexpr bool brings_metric =
    role_of<metric_role, T>::plays || role_of<guardrail_role, T>::plays || role_of<primary_role, T>::plays;

template <class T>
struct inner_metric {
    using type = T;
};
template <class Metric>
struct inner_metric<guarded<Metric>> {
    using type = Metric;
};
template <class Metric>
struct inner_metric<primary_metric<Metric>> {
    using type = Metric;
};
template <class T>
using inner_metric_t = typename inner_metric<T>::type;

template <class T>
[[nodiscard]] constexpr const inner_metric_t<T>& inner(const T& given) noexcept
{
    if constexpr (is_guarded<T> || is_primary<T>) {
        return given.metric;
    } else {
        return given;
    }
}

template <class T>
inline constexpr bool is_conversion = false;
template <fixed_string Name>
inline constexpr bool is_conversion<conversion<Name>> = true;

template <class T>
inline constexpr bool is_mean = false;
template <fixed_string Name>
inline constexpr bool is_mean<mean<Name>> = true;

/// Refuse options under which a metric cannot measure anything.
template <class Metric>
void check_metric(const Metric& given)
{
    if constexpr (is_mean<Metric>) {
        if (!(given.cap > 0.0)) {
            throw configuration_error("mean(" + std::string{Metric::name()} + ").cap", to_text(given.cap),
                                      "the largest value that one exposure may bring, above 0");
        }
    }
    if constexpr (is_quantile<Metric>) {
        const std::string where = "quantile(" + std::string{Metric::name()} + ").";
        if (!(given.q > 0.0 && given.q < 1.0)) {
            throw configuration_error(where + "q", to_text(given.q), "a probability between 0 and 1");
        }
        if (given.warm_up < 100 || given.warm_up > 1'000'000) {
            throw configuration_error(where + "warm_up", std::to_string(given.warm_up),
                                      "from 100 to a million values of the champion");
        }
        if (!(given.threshold > -std::numeric_limits<double>::infinity())) {
            throw configuration_error(where + "threshold", to_text(given.threshold),
                                      "a value, or no threshold, which leaves it to the warm-up to find one");
        }
    }
}

/// Return the unit that a metric's numbers are shown in.
template <class Metric>
constexpr std::string_view unit_of() noexcept
{
    if constexpr (is_conversion<Metric> || std::is_same_v<Metric, failures>) {
        return "%";
    } else if constexpr (std::is_same_v<Metric, latency>) {
        return "ms";
    } else {
        return "";
    }
}

/// The properties of a metric that reports and verdicts need.
struct metric_spec {
    enum class part : unsigned char { primary, secondary, guardrail };

    std::string name;
    part role = part::secondary;
    std::size_t series = failure_series;
    /// The series that the sum of the metric is divided by.
    std::size_t denominator = exposure_series;
    /// The index of its event_watch, or -1.
    int watch = -1;
    /// "%" for proportions, "ms" for latencies.
    std::string_view unit{};
    /// The margin of a guardrail.
    bound limit{};
    /// The harm that a canary excludes before it promotes.
    stated_exclusion exclude{};
    /// The weight of this limit among the guardrails' error rates.
    double weight = 1.0;
    /// The place of this limit among those of its guardrail.
    std::size_t place = 0;
    /// What the other limits of the guardrail allow, in words.
    std::string others{};
    /// Where the memory of the test is. Each limit has its own, since evidence for one is none for another.
    std::size_t memory = failure_series;
    better direction = better::up;
    /// The index of its quantile_watch, or -1.
    int quantile = -1;
    /// The probability of its quantile.
    double q = 0.0;
    /// Whether an observation brings a numerator and a denominator.
    bool pairs_amounts = false;
    /// The series that counts exposures with feedback, or the series of exposures where the metric takes no feedback.
    std::size_t fed = exposure_series;
    /// The series that counts values that cannot be scored.
    std::size_t lost = exposure_series;

    [[nodiscard]] bool takes_feedback() const noexcept { return fed != exposure_series; }
    /// Whether the test of this limit needs a memory beside that of its series.
    [[nodiscard]] bool remembers_apart() const noexcept { return place > 0 || limit.alone; }
};

/// Return the part of the guardrails' error rate that one of them may use.
[[nodiscard]] inline double error_share(const metric_spec& spec,
                                        const std::vector<metric_spec>& specs) noexcept
{
    double all = 0.0;
    for (const metric_spec& each : specs) {
        all += each.role == metric_spec::part::guardrail ? each.weight : 0.0;
    }
    return spec.weight / all;
}

/// The metrics among a trial's policies, in the order given. Each value metric and each latency guardrail has a series,
/// after the series of exposures and failures.
template <class... Policies>
class metric_set {
public:
    using tuple = decltype(std::tuple_cat(
        std::declval<
            std::conditional_t<brings_metric<Policies>, std::tuple<bare_t<Policies>>, std::tuple<>>>()...));

    static constexpr std::size_t size = std::tuple_size_v<tuple>;
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    template <std::size_t I>
    using given_t = std::tuple_element_t<I, tuple>;

    /// Return the index of the metric that takes feedback under this name, or `none`.
    static constexpr std::size_t find(std::string_view name) noexcept
    {
        return search(
            [&]<std::size_t I> { return takes_feedback<I> && inner_metric_t<given_t<I>>::name() == name; });
    }

    /// Return the names of the metrics that take feedback as a text: "click, revenue".
    [[nodiscard]] static std::string feedback_names()
    {
        std::string names;
        for_each_index([&]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                append_all(names, {names.empty() ? "" : ", ", inner_metric_t<given_t<I>>::name()});
            }
        });
        return names.empty() ? "this trial has none" : names;
    }

    /// Return the index of the metric that decides: the metric marked as primary, or else the first plain metric.
    static constexpr std::size_t primary() noexcept
    {
        constexpr std::size_t marked = search([]<std::size_t I> { return is_primary<given_t<I>>; });
        return marked != none ? marked : search([]<std::size_t I> { return !is_guarded<given_t<I>>; });
    }

    static constexpr bool names_differ() noexcept
    {
        bool differ = true;
        for_each_index([&]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                differ = differ && find(inner_metric_t<given_t<I>>::name()) == I;
            }
        });
        return differ;
    }

    /// Return whether the names of all metrics differ from the names that a trial's own rows have.
    static constexpr bool names_free() noexcept
    {
        bool free = true;
        for_each_index([&]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                free = free && !is_reserved(inner_metric_t<given_t<I>>::name());
            }
        });
        return free;
    }
    static constexpr std::size_t series_of(std::size_t index) noexcept
    {
        std::size_t series = failure_series + 1;
        for_each_index([&]<std::size_t I> { series += I < index && has_series<I> ? 1 : 0; });
        return series;
    }

    /// Return the index of a metric among the quantiles.
    static constexpr std::size_t quantile_of(std::size_t index) noexcept
    {
        std::size_t before = 0;
        for_each_index([&]<std::size_t I> { before += I < index && is_quantile_at<I> ? 1 : 0; });
        return before;
    }

    /// Return the index of a metric among those that take feedback.
    static constexpr std::size_t fed_metric(std::size_t index) noexcept
    {
        std::size_t before = 0;
        for_each_index([&]<std::size_t I> { before += I < index && takes_feedback<I> ? 1 : 0; });
        return before;
    }

    /// Is a guardrail among the metrics?
    static constexpr bool has_guardrails() noexcept
    {
        return search([]<std::size_t I> { return is_guarded<given_t<I>>; }) != none;
    }

    /// Is a guardrail on latency among the metrics?
    static constexpr bool watches_latency() noexcept
    {
        return search([]<std::size_t I> { return std::is_same_v<inner_metric_t<given_t<I>>, latency>; }) !=
               none;
    }

    template <std::size_t I>
    static constexpr bool is_quantile_at = is_quantile<inner_metric_t<given_t<I>>>;

    /// Does the trial read metric I from what the models return?
    template <std::size_t I>
    static constexpr bool reads_prediction = requires { inner_metric_t<given_t<I>>::reads_prediction; };

    /// Is any metric read from what the models return?
    static constexpr bool reads_predictions() noexcept
    {
        return search([]<std::size_t I> { return reads_prediction<I>; }) != none;
    }

    /// Return whether all such metrics can be read from a result.
    template <class Result>
    static constexpr bool can_read() noexcept
    {
        bool can = true;
        for_each_index([&]<std::size_t I> {
            if constexpr (reads_prediction<I>) {
                if constexpr (std::is_void_v<Result>) {
                    can = false;
                } else {
                    can = can && requires(const inner_metric_t<given_t<I>>& m,
                                          const std::remove_cvref_t<Result>& r) { m.of(r); };
                }
            }
        });
        return can;
    }

    template <std::size_t I>
    static constexpr bool takes_feedback = joust::metric<inner_metric_t<given_t<I>>>;

    template <class... Given>
    explicit metric_set(std::tuple<Given...>& arguments) : metrics_(pick(arguments))
    {
        for_each_index([this]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                if (has_denominator(this->template get<I>())) {
                    denominators_[I] = series_count_++;
                }
            }
        });
        for_each_index([this]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                // The denominator counts the same where each exposure with feedback adds 1 to it.
                fed_[I] = counts_feedback<I>() ? denominators_[I] : series_count_++;
            }
        });
        for_each_index([this]<std::size_t I> { this->template describe<I>(); });
    }

    /// Give the series of values that cannot be scored their places, which are the last ones, and each test its memory.
    void place_lost(std::size_t first) noexcept
    {
        for (metric_spec& spec : specs_) {
            spec.lost = !spec.takes_feedback() ? exposure_series : spec.place == 0 ? first++ : first - 1;
        }
        for (metric_spec& spec : specs_) {
            spec.memory = spec.remembers_apart() ? first++ : spec.series;
        }
    }

    /// Return how many tests have a memory beside those of the series.
    [[nodiscard]] std::size_t memories_apart() const noexcept
    {
        std::size_t apart = 0;
        for (const metric_spec& spec : specs_) {
            apart += spec.remembers_apart() ? 1U : 0U;
        }
        return apart;
    }

    /// Return the first spec of metric I.
    template <std::size_t I>
    [[nodiscard]] const metric_spec& spec_of() const noexcept
    {
        return specs_[first_specs_[I]];
    }

    /// Return the series that count exposures with feedback.
    [[nodiscard]] std::vector<std::size_t> fed_series() const
    {
        std::vector<std::size_t> all;
        for_each_index([&]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                all.push_back(fed_[I]);
            }
        });
        return all;
    }

    /// Return whether the denominator of metric I is its count of exposures with feedback.
    template <std::size_t I>
    [[nodiscard]] bool counts_feedback() const noexcept
    {
        using given = inner_metric_t<given_t<I>>;
        if constexpr (is_ratio<given> || is_quantile<given>) {
            return false;
        } else {
            return denominators_[I] != exposure_series && !accumulates(get<I>());
        }
    }

    template <std::size_t I>
    [[nodiscard]] constexpr const auto& get() const noexcept
    {
        return inner(std::get<I>(metrics_));
    }

    [[nodiscard]] const std::vector<metric_spec>& specs() const noexcept { return specs_; }
    [[nodiscard]] const std::vector<event_watch>& watches() const noexcept { return watches_; }
    [[nodiscard]] const std::vector<quantile_watch>& quantiles() const noexcept { return quantiles_; }

    /// Return the series that metric I is divided by: exposures, or a series of its own after the series of all metrics.
    template <std::size_t I>
    [[nodiscard]] std::size_t denominator_of() const noexcept
    {
        return denominators_[I];
    }

    /// Return the series that counts exposures with feedback on metric I.
    template <std::size_t I>
    [[nodiscard]] std::size_t fed_by() const noexcept
    {
        return fed_[I];
    }

    /// Return the number of series without those of a covariate and of values that cannot be scored.
    [[nodiscard]] std::size_t series_count() const noexcept { return series_count_; }

    [[nodiscard]] std::vector<std::string> series_names() const
    {
        std::vector<std::string> names{"exposures", "failures"};
        for_each_index([&]<std::size_t I> {
            if constexpr (has_series<I>) {
                add_text(names, inner_metric_t<given_t<I>>::name());
            }
        });
        for_each_index([&]<std::size_t I> {
            if (denominators_[I] != exposure_series) {
                add_text(names, joined({inner_metric_t<given_t<I>>::name(), ", denominator"}));
            }
        });
        for_each_index([&]<std::size_t I> {
            if (fed_[I] != denominators_[I]) {
                add_text(names, joined({inner_metric_t<given_t<I>>::name(), ", feedback"}));
            }
        });
        return names;
    }

    /// Return the names of the series of values that cannot be scored.
    [[nodiscard]] static std::vector<std::string> lost_names()
    {
        std::vector<std::string> names;
        for_each_index([&]<std::size_t I> {
            if constexpr (takes_feedback<I>) {
                add_text(names, joined({inner_metric_t<given_t<I>>::name(), ", not scored"}));
            }
        });
        return names;
    }

    /// Add a guardrail on failures where none was given. A canary always watches failures.
    void watch_failures()
    {
        for (const auto& spec : specs_) {
            if (spec.series == failure_series) {
                return;
            }
        }
        add_guardrail(guarded<failures>{}, failure_series);
    }

    /// Refuse a harm to exclude in a trial that promotes nothing.
    /// errors: configuration_error
    void refuse_exclusions(std::string_view kind) const
    {
        for (const metric_spec& spec : specs_) {
            if (spec.exclude.given) {
                throw configuration_error(
                    "guardrail(" + spec.name + ").exclude", "given to " + std::string{kind},
                    "a harm to exclude in a canary, which promotes the challenger once it is excluded");
            }
        }
    }

private:
    template <std::size_t I>
    static constexpr bool has_series =
        takes_feedback<I> || std::is_same_v<inner_metric_t<given_t<I>>, latency>;

    template <class Visit>
    static constexpr void for_each_index(Visit&& visit)
    {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (visit.template operator()<I>(), ...);
        }(std::make_index_sequence<size>{});
    }

    template <class Test>
    static constexpr std::size_t search(Test&& test)
    {
        std::size_t found = none;
        for_each_index([&]<std::size_t I> {
            if (found == none && test.template operator()<I>()) {
                found = I;
            }
        });
        return found;
    }

    template <class... Given>
    static tuple pick(std::tuple<Given...>& arguments)
    {
        return std::apply(
            [](Given&... given) {
                return std::tuple_cat([](auto& one) {
                    using one_t = std::remove_reference_t<decltype(one)>;
                    if constexpr (brings_metric<one_t>) {
                        return std::tuple<bare_t<one_t>>{take(std::move(one))};
                    } else {
                        return std::tuple<>{};
                    }
                }(given)...);
            },
            arguments);
    }

    template <std::size_t I>
    void describe()
    {
        using given = given_t<I>;
        check_metric(inner(std::get<I>(metrics_)));
        first_specs_[I] = specs_.size();
        if constexpr (is_guarded<given>) {
            add_guardrail(std::get<I>(metrics_), has_series<I> ? series_of(I) : failure_series,
                          denominators_[I], fed_[I]);
        } else {
            metric_spec spec;
            spec.name = inner_metric_t<given>::name();
            spec.unit = unit_of<inner_metric_t<given>>();
            spec.series = series_of(I);
            spec.denominator = denominators_[I];
            spec.fed = fed_[I];
            spec.pairs_amounts = is_ratio<inner_metric_t<given>>;
            spec.role = I == primary() ? metric_spec::part::primary : metric_spec::part::secondary;
            spec.direction = direction_of(inner(std::get<I>(metrics_)));
            watch_quantile(inner(std::get<I>(metrics_)), spec);
            specs_.push_back(std::move(spec));
        }
    }

    template <class Metric>
    void watch_quantile(const Metric& given, metric_spec& spec)
    {
        if constexpr (is_quantile<Metric>) {
            spec.quantile = static_cast<int>(quantiles_.size());
            spec.q = given.q;
            // The level of a quantile is that of values beyond the limit, which are counted alike in both arms.
            quantiles_.push_back({.q = given.q,
                                  .warm_up = given.warm_up,
                                  .threshold = spec.limit.alone ? spec.limit.value : given.threshold,
                                  .limit = spec.limit.alone ? bound{} : spec.limit});
        }
    }

    template <class Metric>
    void add_guardrail(const guarded<Metric>& given, std::size_t series,
                       std::size_t denominator = exposure_series, std::size_t fed = exposure_series)
    {
        const bound_list limits = bounds_of(given);
        if ((is_quantile<Metric> || std::is_same_v<Metric, latency>) && limits.count > 1) {
            throw configuration_error(
                "guardrail(" + std::string{Metric::name()} + ")", std::to_string(limits.count) + " bounds",
                "one bound of a quantile, since its values are counted beyond one threshold; a second guardrail takes the other bound");
        }
        for (std::size_t i = 0; i < limits.count; ++i) {
            metric_spec spec;
            spec.name = Metric::name();
            spec.unit = unit_of<Metric>();
            spec.series = series;
            spec.denominator = denominator;
            spec.fed = fed;
            spec.pairs_amounts = is_ratio<Metric>;
            spec.role = metric_spec::part::guardrail;
            spec.limit = limits.of[i];
            spec.direction = spec.limit.harm_is_up ? better::down : better::up;
            spec.place = i;
            spec.weight = given.limit.weight / static_cast<double>(limits.count);
            for (const bound& other : limits) {
                if (&other != &limits.of[i]) {
                    spec.others += (spec.others.empty() ? "" : ", ") + detail::describe(other, spec.unit);
                }
            }
            spec.exclude = exclusion_of(spec.name, given.limit.exclude, spec.limit, limits);
            check_limit(spec);
            add_limit(given.metric, std::move(spec));
        }
    }

    /// Refuse a limit, or a harm to exclude, that a proportion or a latency cannot reach.
    static void check_limit(const metric_spec& spec)
    {
        const std::string where = "guardrail(" + spec.name + ").";
        const bool up = spec.limit.harm_is_up;
        if (spec.limit.alone) {
            const double level = spec.limit.value;
            if (spec.unit == "%" && !(level > 0.0 && level < 1.0)) {
                throw configuration_error(where + (up ? "at_most" : "at_least"), to_text(level),
                                          "a proportion above 0 and below 1, such as 0.02 for two percent");
            }
            if (spec.unit == "ms" && !(level > 0.0)) {
                throw configuration_error(where + "at_most", to_text(level), "milliseconds, above 0");
            }
            return;
        }
        const auto check_change = [&](const char* of, double change) {
            if (spec.unit == "%" && std::fabs(change) >= 1.0) {
                throw configuration_error(
                    where + of + (up ? "max_increase" : "max_decrease"), to_text(std::fabs(change)),
                    "a fraction below 1, such as 0.01 for one percentage point: a proportion cannot change by more");
            }
        };
        check_change("", spec.limit.relative ? 0.0 : spec.limit.value);
        check_change("exclude.", spec.exclude.increase);
    }

    template <class Metric>
    void add_limit(const Metric& given, metric_spec spec)
    {
        watch_quantile(given, spec);
        if constexpr (std::is_same_v<Metric, latency>) {
            spec.watch = static_cast<int>(watches_.size());
            spec.q = given.q;
            watches_.push_back(watch_latency(given, spec.limit, spec.series));
        } else if constexpr (std::is_same_v<Metric, failures>) {
            // A ratio, and "no more failures at all", are judged from the first event on. A difference and a level need means.
            if (!spec.limit.alone && (spec.limit.relative || spec.limit.value == 0.0)) {
                spec.watch = static_cast<int>(watches_.size());
                watches_.push_back({.max_ratio = spec.limit.relative ? spec.limit.value : 1.0});
            }
            for (const metric_spec& other : specs_) {
                // Both guardrails would keep their evidence in one place, so the looser one would break with the
                // stricter one.
                if (spec.watch < 0 && other.series == failure_series && other.watch < 0 &&
                    !spec.limit.alone && !other.limit.alone) {
                    throw configuration_error("guardrail(failures).max_increase", "given twice",
                                              "one max_increase, since the smaller of two would decide");
                }
            }
        }
        specs_.push_back(std::move(spec));
    }

    static event_watch watch_latency(const latency& given, const bound& limit, std::size_t series)
    {
        if (!(given.q > 0.0 && given.q < 1.0)) {
            throw configuration_error("latency.q", to_text(given.q), "a probability between 0 and 1");
        }
        if (given.warm_up < 100) {
            throw configuration_error("latency.warm_up", std::to_string(given.warm_up),
                                      "at least 100 timed calls");
        }
        constexpr double nanoseconds_per_millisecond = 1e6;
        return {.on_latency = true,
                .series = series,
                .q = given.q,
                .latency_ratio = limit.relative ? limit.value : 1.0,
                .latency_increase = limit.relative ? 0.0 : limit.value * nanoseconds_per_millisecond,
                .warm_up = given.warm_up,
                .challenger_warm_up = given.challenger_warm_up,
                .alone = limit.alone};
    }

    tuple metrics_;
    std::array<std::size_t, size> denominators_{};
    std::array<std::size_t, size> fed_{};
    std::array<std::size_t, size> first_specs_{};
    std::size_t series_count_ = series_of(size);
    std::vector<metric_spec> specs_;
    std::vector<event_watch> watches_;
    std::vector<quantile_watch> quantiles_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

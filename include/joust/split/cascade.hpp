// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/text.hpp>
#include <joust/core/thread_unwind.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// When a cascade asks its deep model, and what the calls cost.
struct cascade_options {
    /// The least confidence at which the fast model's answer is kept.
    double threshold = 0.8;
    /// The share of calls that may go to the deep model in the long run.
    double budget = 1.0;
    /// How many deep calls can be saved up while the budget is not used, from 1 to 1e6.
    double burst = 100.0;
    /// The cost of one call of the fast model, in any unit.
    double fast_cost = 1.0;
    /// The cost of one call of the deep model, in the same unit.
    double deep_cost = 10.0;
    bool operator==(const cascade_options&) const = default;
};

/// The calls of a cascade so far, and their cost.
struct cascade_counts {
    /// How many calls there were.
    std::uint64_t calls = 0;
    /// How many calls the deep model answered.
    std::uint64_t deep = 0;
    /// How many calls were unsure, and kept the fast answer because the budget was used up.
    std::uint64_t over_budget = 0;
    /// The cost of all calls, in the options' unit. A deep call that failed costs as much as one that answered.
    double cost = 0.0;
    /// How many calls the deep model failed on, so that the fast answer was kept.
    std::uint64_t deep_failed = 0;
    /// How many calls the confidence failed on, which counts as unsure.
    std::uint64_t confidence_failed = 0;

    /// Return the share of calls that the deep model answered.
    [[nodiscard]] double deep_share() const noexcept
    {
        return calls == 0 ? 0.0 : static_cast<double>(deep) / static_cast<double>(calls);
    }
    /// Return the mean cost of a call.
    [[nodiscard]] double cost_per_call() const noexcept
    {
        return calls == 0 ? 0.0 : cost / static_cast<double>(calls);
    }
    bool operator==(const cascade_counts&) const = default;
};

namespace detail {

// The state that the copies of a cascade share. It is whole numbers that change by single atomic steps, so no thread waits for
// another.
class cascade_state {
public:
    explicit cascade_state(const cascade_options& options)
        : limited_(options.budget < 1.0), earned_(static_cast<std::uint64_t>(options.budget * token)),
          most_(static_cast<std::uint64_t>(options.burst * token)), tokens_(most_)
    {
    }

    void call() noexcept
    {
        calls_.fetch_add(1, std::memory_order_relaxed);
        if (limited_) {
            std::uint64_t held = tokens_.load(std::memory_order_relaxed);
            while (held < most_ &&
                   !tokens_.compare_exchange_weak(held, held + earned_ < most_ ? held + earned_ : most_,
                                                  std::memory_order_relaxed)) {}
        }
    }

    /// Say whether the budget lets this call go to the deep model. A call that it does not let is counted.
    [[nodiscard]] bool spend() noexcept
    {
        constexpr auto one = static_cast<std::uint64_t>(token);
        std::uint64_t held = limited_ ? tokens_.load(std::memory_order_relaxed) : one;
        while (limited_ && held >= one &&
               !tokens_.compare_exchange_weak(held, held - one, std::memory_order_relaxed)) {}
        const bool may = held >= one;
        if (!may) {
            over_budget_.fetch_add(1, std::memory_order_relaxed);
        }
        return may;
    }

    void deep_answered() noexcept { deep_.fetch_add(1, std::memory_order_relaxed); }
    void deep_failed() noexcept { deep_failed_.fetch_add(1, std::memory_order_relaxed); }
    void confidence_failed() noexcept { confidence_failed_.fetch_add(1, std::memory_order_relaxed); }

    [[nodiscard]] cascade_counts counts(const cascade_options& options) const noexcept
    {
        // In this order, so that other threads cannot make it seem that more calls went deep than there were.
        cascade_counts out;
        out.over_budget = over_budget_.load(std::memory_order_relaxed);
        out.deep = deep_.load(std::memory_order_relaxed);
        out.deep_failed = deep_failed_.load(std::memory_order_relaxed);
        out.confidence_failed = confidence_failed_.load(std::memory_order_relaxed);
        out.calls = calls_.load(std::memory_order_relaxed);
        out.cost = static_cast<double>(out.calls) * options.fast_cost +
                   static_cast<double>(out.deep + out.deep_failed) * options.deep_cost;
        return out;
    }

private:
    static constexpr double token = 4294967296.0;  // one deep call, in fixed point

    bool limited_;
    std::uint64_t earned_;
    std::uint64_t most_;
    std::atomic<std::uint64_t> tokens_;
    std::atomic<std::uint64_t> calls_{0};
    std::atomic<std::uint64_t> deep_{0};
    std::atomic<std::uint64_t> over_budget_{0};
    std::atomic<std::uint64_t> deep_failed_{0};
    std::atomic<std::uint64_t> confidence_failed_{0};
};

}  // namespace detail

/// A model that is made of two models. `cascade` makes it. Copies share their counts and their budget.
template <class Fast, class Deep, class Confidence>
class cascade_model {
    template <class... Args>
    using fast_result = std::decay_t<std::invoke_result_t<Fast&, const Args&...>>;

public:
    /// Keep the models, the confidence and the options.
    /// errors: configuration_error for options out of range
    cascade_model(Fast fast, Deep deep, Confidence confidence, const cascade_options& options)
        : fast_(std::move(fast)), deep_(std::move(deep)), confidence_(std::move(confidence)),
          options_(checked(options)), state_(std::make_shared<detail::cascade_state>(options))
    {
    }

    /// Answer by the fast model, or by the deep one where the fast one is unsure and the budget allows it.
    ///
    /// Where the deep model throws, the fast answer is kept and the failure counted. A confidence that throws counts as unsure.
    /// errors: exceptions of the fast model, without which there is no answer to keep
    template <class... Args>
    auto operator()(const Args&... args)
    {
        constexpr bool callable =
            std::is_invocable_v<Fast&, const Args&...> && std::is_invocable_v<Deep&, const Args&...>;
        static_assert(
            callable,
            "joust: a model of a cascade cannot be called with these arguments; both models get all of them by const reference");
        if constexpr (callable) {
            return answer(args...);
        } else {
            return detail::no_answer{};
        }
    }

    /// Return what the cascade and all its copies have done so far.
    [[nodiscard]] cascade_counts counts() const noexcept { return state_->counts(options_); }

    /// Return the options that the cascade was made with.
    [[nodiscard]] const cascade_options& options() const noexcept { return options_; }

private:
    template <class... Args>
    auto answer(const Args&... args)
    {
        using fast_t = fast_result<Args...>;
        using deep_t = std::decay_t<std::invoke_result_t<Deep&, const Args&...>>;
        constexpr bool judged = detail::gives<double, Confidence, fast_t>;
        static_assert(judged,
                      "joust: the confidence of a cascade takes the fast model's answer and gives a number");
        constexpr bool common = requires { typename std::common_type_t<fast_t, deep_t>; };
        static_assert(common,
                      "joust: both models of a cascade must return the same, or types with a common type");
        if constexpr (judged && common) {
            using result_t = std::common_type_t<fast_t, deep_t>;
            state_->call();
            fast_t quick = detail::invoke(fast_, args...);
            if (!sure_of(quick) && state_->spend()) {
                try {
                    result_t careful = static_cast<result_t>(detail::invoke(deep_, args...));
                    state_->deep_answered();
                    return careful;
                } catch (detail::thread_unwind&) {
                    throw;
                } catch (...) {
                    state_->deep_failed();
                }
            }
            return static_cast<result_t>(std::move(quick));
        } else {
            return detail::no_answer{};
        }
    }

    /// Say whether the fast answer is kept. The comparison is false for NaN: an unknown confidence counts as unsure.
    template <class Answer>
    [[nodiscard]] bool sure_of(const Answer& quick)
    {
        try {
            return static_cast<double>(detail::invoke(std::as_const(confidence_), quick)) >=
                   options_.threshold;
        } catch (detail::thread_unwind&) {
            throw;
        } catch (...) {
            state_->confidence_failed();
            return false;
        }
    }

    [[nodiscard]] static const cascade_options& checked(const cascade_options& options)
    {
        const auto check = [](const char* field, double value, double from, double to) {
            if (!(value >= from && value <= to)) {
                throw configuration_error(field, to_text(value), to_text(from) + " to " + to_text(to));
            }
        };
        check("cascade.threshold", options.threshold, -1.7976931348623157e308, 1.7976931348623157e308);
        check("cascade.budget", options.budget, 0.0, 1.0);
        check("cascade.burst", options.burst, 1.0, 1e6);
        check("cascade.fast_cost", options.fast_cost, 0.0, 1e18);
        check("cascade.deep_cost", options.deep_cost, 0.0, 1e18);
        return options;
    }

    [[no_unique_address]] Fast fast_;
    [[no_unique_address]] Deep deep_;
    [[no_unique_address]] Confidence confidence_;
    cascade_options options_;
    std::shared_ptr<detail::cascade_state> state_;
};

/// Make one model of two: a fast model answers, and where it is unsure a deep model answers instead.
///
/// The result is a model like any other. In a trial against the deep model alone it shows what the saving costs in quality.
/// Find the threshold with calibrate_threshold, and keep a copy of the cascade to read its counts. Both models get the
/// arguments as const lvalues and run on the calling thread. As in any trial, several threads may call them at once.
///
/// A deep model that throws loses no answer: the call keeps the fast answer, and the counts tell how often that happened. A
/// trial sees a call that succeeded, so watch `deep_failed` beside the trial's report.
///
/// With `.budget` below 1, at most that share of calls goes to the deep model in the long run, and at most `.burst` more at
/// once. An unsure call beyond the budget keeps the fast answer. Which calls these are depends on earlier calls, so the
/// outcomes of this arm are no longer independent between units. Use the budget as a safety limit, and set the share of deep
/// calls by the threshold.
/// When to use: where most requests are easy and the deep model is expensive.
/// When not: where the fast model cannot tell how sure it is.
/// shape: `model{"cascade", cascade(fast, deep, [](const answer& a) { return a.score; }, {.threshold = 0.9})}`
/// errors: configuration_error for options out of range
/// cost: two atomic additions (7 ns each, 25 where threads contend) and with a budget one more step
template <class Fast, class Deep, class Confidence>
[[nodiscard]] auto cascade(Fast&& fast, Deep&& deep, Confidence&& confidence,
                           const cascade_options& options = {})
{
    return cascade_model<std::decay_t<Fast>, std::decay_t<Deep>, std::decay_t<Confidence>>{
        std::forward<Fast>(fast), std::forward<Deep>(deep), std::forward<Confidence>(confidence), options};
}

}  // namespace v0
}  // namespace joust

#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/text.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// When a cascade asks its deep model, and what calls cost.
struct cascade_options {
    /// confidence from which on the fast model's answer is kept
    double threshold = 0.8;
    /// share of calls, in the long run, that may go deep
    double budget = 1.0;
    /// deep calls that may be saved up while the budget is not used; from 1 to 1e6
    double burst = 100.0;
    /// of one call, in any unit
    double fast_cost = 1.0;
    double deep_cost = 10.0;
    bool operator==(const cascade_options&) const = default;
};

/// What a cascade has done.
struct cascade_counts {
    std::uint64_t calls = 0;
    /// calls that went on to the deep model
    std::uint64_t deep = 0;
    /// calls that were unsure, and kept the fast answer for want of budget
    std::uint64_t over_budget = 0;
    /// of all calls, in the options' unit
    double cost = 0.0;

    [[nodiscard]] double deep_share() const noexcept
    {
        return calls == 0 ? 0.0 : static_cast<double>(deep) / static_cast<double>(calls);
    }
    [[nodiscard]] double cost_per_call() const noexcept
    {
        return calls == 0 ? 0.0 : cost / static_cast<double>(calls);
    }
    bool operator==(const cascade_counts&) const = default;
};

namespace detail {

// What the copies of a cascade share. Whole numbers, changed by single atomic steps: no thread waits for another.
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

    /// May this call go deep?
    [[nodiscard]] bool spend() noexcept
    {
        constexpr auto one = static_cast<std::uint64_t>(token);
        std::uint64_t held = limited_ ? tokens_.load(std::memory_order_relaxed) : one;
        while (limited_ && held >= one &&
               !tokens_.compare_exchange_weak(held, held - one, std::memory_order_relaxed)) {}
        const bool may = held >= one;
        (may ? deep_ : over_budget_).fetch_add(1, std::memory_order_relaxed);
        return may;
    }

    [[nodiscard]] cascade_counts counts(const cascade_options& options) const noexcept
    {
        // In this order, so that no more calls seem to have gone deep than there were.
        cascade_counts out;
        out.over_budget = over_budget_.load(std::memory_order_relaxed);
        out.deep = deep_.load(std::memory_order_relaxed);
        out.calls = calls_.load(std::memory_order_relaxed);
        out.cost = static_cast<double>(out.calls) * options.fast_cost +
                   static_cast<double>(out.deep) * options.deep_cost;
        return out;
    }

private:
    static constexpr double token = 4294967296.0;  // a deep call in fixed point

    bool limited_;
    std::uint64_t earned_;
    std::uint64_t most_;
    std::atomic<std::uint64_t> tokens_;
    std::atomic<std::uint64_t> calls_{0};
    std::atomic<std::uint64_t> deep_{0};
    std::atomic<std::uint64_t> over_budget_{0};
};

}  // namespace detail

/// A model made of two models; made by `cascade`. Copies share their counts and their budget.
template <class Fast, class Deep, class Confidence>
class cascade_model {
    template <class... Args>
    using fast_result = std::decay_t<std::invoke_result_t<Fast&, const Args&...>>;

public:
    cascade_model(Fast fast, Deep deep, Confidence confidence, const cascade_options& options)
        : fast_(std::move(fast)), deep_(std::move(deep)), confidence_(std::move(confidence)),
          options_(checked(options)), state_(std::make_shared<detail::cascade_state>(options))
    {
    }

    /// Answer by the fast model, or by the deep one where the fast one is unsure and the budget allows.
    ///
    /// errors: what the models and the confidence throw
    template <class... Args>
        requires std::is_invocable_v<Fast&, const Args&...> && std::is_invocable_v<Deep&, const Args&...>
    auto operator()(const Args&... args)
    {
        using fast_t = fast_result<Args...>;
        using deep_t = std::decay_t<std::invoke_result_t<Deep&, const Args&...>>;
        constexpr bool judged = std::is_invocable_v<const Confidence&, const fast_t&>;
        static_assert(judged,
                      "joust: the confidence of a cascade takes the fast model's answer and gives a number");
        static_assert(
            requires { typename std::common_type_t<fast_t, deep_t>; },
            "joust: both models of a cascade must return the same, or types with a common type");
        if constexpr (judged) {
            using result_t = std::common_type_t<fast_t, deep_t>;
            state_->call();
            fast_t answer = detail::invoke(fast_, args...);
            // False for NaN: who cannot say is not sure.
            const bool sure =
                static_cast<double>(detail::invoke(std::as_const(confidence_), std::as_const(answer))) >=
                options_.threshold;
            if (sure || !state_->spend()) {
                return static_cast<result_t>(std::move(answer));
            }
            return static_cast<result_t>(detail::invoke(deep_, args...));
        }
    }

    /// What the cascade, with all its copies, has done so far.
    [[nodiscard]] cascade_counts counts() const noexcept { return state_->counts(options_); }

    [[nodiscard]] const cascade_options& options() const noexcept { return options_; }

private:
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

/// Make one model of two: a fast one answers, and where it is unsure a deep one answers instead.
///
/// Use it where most requests are easy and the deep model is dear. It is a model like any other: put it into a trial against
/// the deep model alone, and the trial says what the saving costs in quality. Keep a copy to read its counts. Find the
/// threshold with calibrate_threshold. The models get the arguments as const lvalues, both of them, and run on the calling
/// thread; they must bear being called by several at once, as in any trial.
///
/// With `.budget` below 1 at most that share of calls goes deep in the long run, and at most `.burst` more at once: an unsure
/// call beyond it keeps the fast answer. Which calls that hits depends on what came before, so its arm's outcomes are no longer
/// independent between units; keep the budget as a fuse, and set the share by the threshold.
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

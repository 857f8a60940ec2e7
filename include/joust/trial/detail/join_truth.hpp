// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clone.hpp>
#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/outlives_call.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/shadow/judge.hpp>
#include <joust/shadow/pending.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/detail/live_shadow.hpp>
#include <joust/trial/detail/shadow_parts.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

// How the predictions of a shadow are joined with the truth, in whichever order they arrive.

namespace joust {
inline namespace v0 {
namespace detail {

/// The predictions of both models for one request. The challenger's prediction is missing where the challenger failed.
template <class Champion, class Challenger>
struct prediction_pair {
    Champion champion;
    std::optional<Challenger> challenger;
};

/// A truth of any type that came before its predictions.
template <class Joiner, class Pair>
struct early_truth {
    early_truth() = default;
    early_truth(const early_truth&) = delete;
    early_truth& operator=(const early_truth&) = delete;
    virtual ~early_truth() = default;
    virtual void judge(Joiner& joiner, std::uint64_t pseudonym, const Pair& pair) const = 0;
};

/// Keeps predictions that wait for their truth. It allocates nothing before the first prediction.
template <class Joiner, class Pair>
class prediction_memory {
public:
    using pair = Pair;
    using store = pending_results<Pair, std::unique_ptr<early_truth<Joiner, Pair>>>;

    store& get(std::size_t results)
    {
        if (store* ready = ready_.load(std::memory_order_acquire)) {
            return *ready;
        }
        const std::scoped_lock lock{mutex_};
        if (owned_ == nullptr) {
            owned_ = std::make_unique<store>(results);
            ready_.store(owned_.get(), std::memory_order_release);
        }
        return *owned_;
    }

    [[nodiscard]] std::uint64_t forgotten() const
    {
        const store* ready = ready_.load(std::memory_order_acquire);
        return ready == nullptr ? 0 : ready->forgotten();
    }

private:
    fork_mutex mutex_{fork_order::leaf};
    std::unique_ptr<store> owned_;
    std::atomic<store*> ready_{nullptr};
};

struct no_prediction_memory {
    [[nodiscard]] static std::uint64_t forgotten() noexcept { return 0; }
};

/// Return the key that the predictions of a request wait under. The ticket's key cannot serve, because it depends on which
/// challengers run, and that is known only later.
[[nodiscard]] constexpr std::uint64_t prediction_key(std::uint64_t pseudonym, std::uint32_t seconds,
                                                     std::uint32_t nonce) noexcept
{
    return mix64(pseudonym ^ mix64((std::uint64_t{seconds} << 22) | (nonce & 0x3fffffU))) | 1U;
}

/// Joins predictions with their truth, and scores both models against it.
template <class Parts>
class truth_joiner {
    template <std::size_t I>
    using prediction_t = typename Parts::template prediction_t<I>;
    using live_t = live_shadow<Parts::challengers>;

    template <std::size_t P, bool Remembers = Parts::template remembers<P>>
    struct memory_for {
        using type = no_prediction_memory;
    };
    template <std::size_t P>
    struct memory_for<P, true> {
        using type = prediction_memory<truth_joiner, prediction_pair<prediction_t<0>, prediction_t<P + 1>>>;
    };
    template <class Indices>
    struct memories;
    template <std::size_t... P>
    struct memories<std::index_sequence<P...>> {
        using type = std::tuple<typename memory_for<P>::type...>;
    };
    using memories_t = typename memories<std::make_index_sequence<Parts::challengers>>::type;

    template <std::size_t P, class Truth>
    static constexpr bool judges()
    {
        using judge_t = typename Parts::judge_t;
        if constexpr (Parts::template remembers<P>) {
            return judge_role::fits<judge_t, prediction_t<0>, Truth> &&
                   judge_role::fits<judge_t, prediction_t<P + 1>, Truth>;
        } else {
            return false;  // Where a model returns void, there is no prediction.
        }
    }

public:
    /// Whether predictions can wait for a truth of this type, and the judge can compare them with it.
    template <class Truth>
    static constexpr bool takes = []<std::size_t... P>(std::index_sequence<P...>) {
        return (judges<P, Truth>() && ...);
    }(std::make_index_sequence<Parts::challengers>{});

    /// assumes: `live` outlives this object
    /// errors: configuration_error where the number of results to remember is 0 or too large
    truth_joiner(live_t& live, typename Parts::arguments_t& arguments)
        : live_(live), judge_(Parts::template pick<judge_role, equals_truth>(arguments)),
          results_(Parts::template pick<memory_role, remembered<>>(arguments).results)
    {
        if (const std::size_t most = std::size_t{1} << 24; results_ == 0 || results_ > most) {
            throw configuration_error("remembered.results", std::to_string(results_),
                                      "1 to 16777216 results");
        }
    }

    /// Keep copies of both predictions until the truth comes, where copies can be kept.
    template <std::size_t P, class Champion, class Challenger>
    void remember(std::uint64_t key, std::uint64_t pseudonym, const Champion& champion,
                  const Challenger& challenger)
    {
        if constexpr (Parts::template remembers<P>) {
            if constexpr (std::is_constructible_v<prediction_t<0>, const Champion&> &&
                          std::is_constructible_v<prediction_t<P + 1>, const Challenger&>) {
                keep<P>(key, pseudonym,
                        {copied<prediction_t<0>>(champion), copied<prediction_t<P + 1>>(challenger)});
            }
        }
    }

    /// Keep a copy of the champion's prediction alone, where the challenger failed.
    template <std::size_t P, class Champion>
    void remember_alone(std::uint64_t key, std::uint64_t pseudonym, const Champion& champion)
    {
        if constexpr (Parts::template remembers<P>) {
            if constexpr (std::is_constructible_v<prediction_t<0>, const Champion&>) {
                keep<P>(key, pseudonym, {copied<prediction_t<0>>(champion), std::nullopt});
            }
        }
    }

    /// Join the truth of a ticket's request with one challenger's predictions. Returns whether the truth was used or waits.
    template <std::size_t P, class Truth>
    bool settle(const ticket& receipt, const Truth& value)
    {
        static_assert(
            Parts::template remembers<P>,
            "joust: this shadow cannot tell what its models return (they are generic or overloaded, or return nothing that can be kept), so no prediction waits for its truth: add joust::remembered<Prediction>{}");
        using kept = std::conditional_t<text_like<Truth>, std::string, std::decay_t<Truth>>;
        constexpr bool lasting = static_cast<bool>(outlives_call<kept>);
        static_assert(
            lasting,
            "joust: a truth that comes before its predictions waits for them, so it takes no pointer or view, and nothing that shares what it refers to: pass an owning value");
        if constexpr (lasting && check_judge<P, Truth>()) {
            using memory = std::tuple_element_t<P, memories_t>;
            using settled = typename memory::store::settled;
            auto& waiting = std::get<P>(memories_).get(results_);
            const std::uint64_t key = prediction_key(receipt.unit(), receipt.seconds(), receipt.nonce());
            auto found = waiting.take(key);
            if (found.how == settled::unknown) {
                using early = waiting_truth<P, typename memory::pair, kept>;
                found = waiting.settle(key, std::make_unique<early>(copied<kept>(value)));
            }
            switch (found.how) {
                case settled::joined:
                    return live_.note(judge<P>(receipt.unit(), *found.result, value)
                                          ? truth_fate::joined
                                          : truth_fate::challenger_failed);
                case settled::waiting: return live_.note(truth_fate::waiting);
                default: return live_.note(truth_fate::repeated);
            }
        }
        return false;
    }

    /// Return the number of predictions and truths that were discarded for later ones before they could be joined.
    [[nodiscard]] std::uint64_t forgotten() const
    {
        return std::apply([](const auto&... each) { return (std::uint64_t{0} + ... + each.forgotten()); },
                          memories_);
    }

private:
    /// Check that the judge can compare both predictions with a truth of this type. Otherwise a compiler error says
    /// what is wrong.
    template <std::size_t P, class Truth>
    static constexpr bool check_judge()
    {
        if constexpr (Parts::template remembers<P>) {
            using judge_t = typename Parts::judge_t;
            return check_fit<judge_role, judge_t, prediction_t<0>, Truth>() &&
                   check_fit<judge_role, judge_t, prediction_t<P + 1>, Truth>();
        } else {
            return false;
        }
    }

    template <class Prediction, class Answer>
    [[nodiscard]] static Prediction copied(const Answer& answer)
    {
        if constexpr (needs_clone<Answer>) {
            return Prediction(clone(answer));
        } else {
            return Prediction(answer);
        }
    }

    template <std::size_t P, class Pair, class Truth>
    struct waiting_truth final : early_truth<truth_joiner, Pair> {
        Truth value;

        explicit waiting_truth(Truth known) : value(std::move(known)) {}
        void judge(truth_joiner& joiner, std::uint64_t pseudonym, const Pair& pair) const override
        {
            joiner.template judge<P>(pseudonym, pair, value);
        }
    };

    template <std::size_t P, class Pair = typename memory_for<P>::type::pair>
    void keep(std::uint64_t key, std::uint64_t pseudonym, Pair pair)
    {
        auto& memory = std::get<P>(memories_).get(results_);
        if (const auto early = memory.remember(key, std::move(pair))) {
            (*early)->judge(*this, pseudonym, pair);
        }
    }

    /// Score both predictions. Returns false where the challenger has none.
    template <std::size_t P, class Pair, class Truth>
    bool judge(std::uint64_t pseudonym, const Pair& pair, const Truth& value) noexcept
    {
        if (!pair.challenger) {
            return false;
        }
        try {
            using score = decltype(judge_.judge(pair.champion, value));
            const auto champion = static_cast<double>(judge_.judge(pair.champion, value));
            const auto challenger = static_cast<double>(judge_.judge(*pair.challenger, value));
            if (std::isfinite(champion) && std::isfinite(challenger)) {
                if constexpr (!std::is_same_v<score, bool>) {
                    live_.grade();
                }
                live_.judged(P, pseudonym, champion, challenger);
                return true;
            }
        } catch (...) {  // NOLINT(bugprone-empty-catch): counted below
        }
        live_.not_judged(P);
        return true;
    }

    live_t& live_;
    [[no_unique_address]] typename Parts::judge_t judge_;
    std::size_t results_;
    memories_t memories_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

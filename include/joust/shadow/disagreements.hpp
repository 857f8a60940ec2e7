// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/invoke.hpp>
#include <joust/core/json.hpp>
#include <joust/core/random.hpp>
#include <joust/shadow/on_pair.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// One pair of answers that disagreed, as it is kept.
struct disagreement {
    /// What the redaction made of both answers.
    std::string text{};
    /// The challenger's place among the challengers, from 0.
    std::size_t challenger = 0;
    /// How far the answers are apart; infinite where that cannot be measured.
    double distance = 0.0;
    bool operator==(const disagreement&) const = default;
};

/// How many disagreements are kept.
struct disagreement_options {
    /// The number of those with the largest distances.
    std::size_t largest = 20;
    /// The size of a uniform random sample of all.
    std::size_t random = 20;
    /// The seed of the sample.
    std::uint64_t seed = 1;
};

/// Keep examples of answers that disagree: those farthest apart, and a uniform random sample of all.
///
/// Any number of threads may add at once. What is kept has a bound, and only what the redaction returned is kept.
/// cost: a lock for each disagreement
class disagreements {
public:
    /// Keep this many.
    /// errors: configuration_error where nothing would be kept
    explicit disagreements(const disagreement_options& options = {}) : options_(options), draw_(options.seed)
    {
        if (options.largest + options.random == 0) {
            throw configuration_error("disagreement_options", "0 and 0", "at least one example");
        }
    }

    /// Add one. Whether it is kept depends on its distance and on a draw.
    void add(disagreement found)
    {
        const std::scoped_lock lock{mutex_};
        ++seen_;
        // Vitter's reservoir: the n-th takes a place with probability k / n.
        if (random_.size() < options_.random) {
            random_.push_back(found);
        } else if (options_.random > 0) {
            if (const std::uint64_t place = draw_.below(seen_); place < random_.size()) {
                random_[static_cast<std::size_t>(place)] = found;
            }
        }
        if (options_.largest == 0) {
            return;
        }
        const auto size_of = [](const disagreement& each) {
            return std::isfinite(each.distance) ? each.distance : std::numeric_limits<double>::max();
        };
        if (largest_.size() == options_.largest && size_of(found) <= size_of(largest_.back())) {
            return;
        }
        const auto at = std::find_if(largest_.begin(), largest_.end(), [&](const disagreement& each) {
            return size_of(each) < size_of(found);
        });
        largest_.insert(at, std::move(found));
        if (largest_.size() > options_.largest) {
            largest_.pop_back();
        }
    }

    /// Return those farthest apart, the largest distance first.
    [[nodiscard]] std::vector<disagreement> largest() const
    {
        const std::scoped_lock lock{mutex_};
        return largest_;
    }
    /// Return the random sample.
    [[nodiscard]] std::vector<disagreement> sample() const
    {
        const std::scoped_lock lock{mutex_};
        return random_;
    }
    /// Return how many disagreements were added.
    [[nodiscard]] std::uint64_t seen() const
    {
        const std::scoped_lock lock{mutex_};
        return seen_;
    }

    /// Append all as JSON lines: `{"kept": "largest", "challenger": 0, "distance": 0.5, "text": "..."}`.
    void write_json_lines(std::string& out) const
    {
        const std::scoped_lock lock{mutex_};
        write(out, "largest", largest_);
        write(out, "random", random_);
    }

private:
    static void write(std::string& out, std::string_view kept, const std::vector<disagreement>& list)
    {
        for (const disagreement& each : list) {
            json_writer json{out};
            json.begin_object().member("kept", kept).member("challenger", std::uint64_t{each.challenger});
            json.member("distance", each.distance).member("text", std::string_view{each.text}).end_object();
            out += '\n';
        }
    }

    disagreement_options options_;
    mutable std::mutex mutex_;
    std::uint64_t seen_ = 0;
    std::vector<disagreement> largest_;
    std::vector<disagreement> random_;
    keyed_random draw_;
};

/// Keeps redacted disagreements. `keep_disagreements` makes it.
template <class Redact>
class disagreement_keeper {
public:
    static constexpr bool hears_pairs = true;

    /// Keep them there, as the callable writes them.
    disagreement_keeper(disagreements& kept, Redact redact) : kept_(&kept), redact_(std::move(redact)) {}

    /// Keep a pair that disagrees.
    template <class Champion, class Challenger>
        requires std::is_invocable_r_v<std::string, const Redact&, const Champion&, const Challenger&>
    void pair(const compared_pair& about, const Champion& champion, const Challenger& challenger) const
    {
        if (!about.seen.agree) {
            kept_->add(
                {detail::invoke(redact_, champion, challenger), about.challenger, about.seen.distance});
        }
    }

private:
    disagreements* kept_;
    [[no_unique_address]] Redact redact_;
};

/// Keep examples of answers that disagree in `kept`, which has to outlive the trial and the tasks of its challengers.
///
/// `redact(champion_answer, challenger_answer)` returns the text to keep, and nothing else of the answers is kept: leave out what
/// identifies a person there. It runs where the challenger ran. Its exceptions are counted.
template <class Redact>
[[nodiscard]] disagreement_keeper<Redact> keep_disagreements(disagreements& kept, Redact redact)
{
    static_assert(
        detail::may_be_callable<std::decay_t<Redact>>,
        "joust: keep_disagreements(kept, redact) takes a callable on both answers that returns the text to keep");
    return {kept, std::move(redact)};
}

}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

// Laws of interleavers, exactly: a coin source that visits every outcome of every coin, with its probability.

namespace joust_test {

__extension__ typedef __int128 integer;

/// One draw of a path: which of how many equally likely outcomes.
struct choice {
    unsigned drawn;
    unsigned of;
    bool operator==(const choice&) const = default;
};

/// The indices of the positive weights: what can be drawn.
inline std::vector<std::size_t> positive(std::span<const double> weights)
{
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] > 0.0) {
            found.push_back(i);
        }
    }
    return found;
}

/// A coin source that walks all paths. Probabilities are integers out of `whole`, so sums of them are exact.
class enumerator {
public:
    /// 2^50 3^20 5^6: every probability of drafts with up to six rankers is a multiple of 1 / whole.
    static constexpr integer whole = (integer{1} << 50) * 3486784401LL * 15625;

    bool coin() { return draw(2) != 0; }
    unsigned below(unsigned n) { return draw(n); }

    /// Choose by weight, among the positive ones. Such paths have a `chance`, and no integer probability.
    std::size_t pick(std::span<const double> weights)
    {
        const std::vector<std::size_t> possible = positive(weights);
        const unsigned drawn = draw(static_cast<unsigned>(possible.size()));
        long double sum = 0.0L;
        for (const std::size_t i : possible) {
            sum += static_cast<long double>(weights[i]);
        }
        const std::size_t chosen = possible[drawn];
        chance_ *= static_cast<long double>(weights[chosen]) / sum;
        // Undo the even chance that draw() has counted.
        chance_ *= static_cast<long double>(possible.size());
        weighted_ = true;
        return chosen;
    }

    /// Begin the next path. Call before each use; returns false when all paths were visited.
    bool next()
    {
        chance_ = 1.0L;
        weighted_ = false;
        if (!started_) {
            started_ = true;
            return true;
        }
        path_.resize(used_);
        while (!path_.empty() && path_.back().drawn + 1 == path_.back().of) {
            path_.pop_back();
        }
        used_ = 0;
        if (path_.empty()) {
            return false;
        }
        ++path_.back().drawn;
        return true;
    }

    /// The probability of the path just used, out of `whole`.
    [[nodiscard]] integer probability() const
    {
        if (weighted_) {
            throw std::logic_error("a path with unequal choices has no integer probability");
        }
        integer p = whole;
        for (std::size_t i = 0; i < used_; ++i) {
            if (p % path_[i].of != 0) {
                throw std::logic_error("the path is too long for an exact probability");
            }
            p /= path_[i].of;
        }
        return p;
    }

    /// The probability of the path just used, rounded to 64 bits.
    [[nodiscard]] long double chance() const { return chance_; }

    [[nodiscard]] std::vector<choice> path() const
    {
        return {path_.begin(), path_.begin() + static_cast<std::ptrdiff_t>(used_)};
    }

private:
    unsigned draw(unsigned n)
    {
        chance_ /= static_cast<long double>(n);
        if (used_ == path_.size()) {
            path_.push_back({0, n});
        } else if (path_[used_].of != n) {
            throw std::logic_error("the code under test is not a function of its coins");
        }
        return path_[used_++].drawn;
    }

    std::vector<choice> path_;
    std::size_t used_ = 0;
    long double chance_ = 1.0L;
    bool weighted_ = false;
    bool started_ = false;
};

/// A coin source that repeats a recorded path; further draws are refused.
class scripted {
public:
    explicit scripted(std::vector<choice> script, bool complemented = false)
        : script_(std::move(script)), complemented_(complemented)
    {
    }

    bool coin() { return draw(2) != 0; }
    unsigned below(unsigned n) { return draw(n); }
    std::size_t pick(std::span<const double> weights)
    {
        const std::vector<std::size_t> possible = positive(weights);
        return possible[take(static_cast<unsigned>(possible.size()))];
    }
    [[nodiscard]] std::size_t used() const { return used_; }

private:
    unsigned draw(unsigned n)
    {
        const unsigned drawn = take(n);
        return complemented_ ? n - 1 - drawn : drawn;
    }

    unsigned take(unsigned n)
    {
        if (used_ == script_.size() || script_[used_].of != n) {
            throw std::logic_error("the code under test draws other coins than the script holds");
        }
        return script_[used_++].drawn;
    }

    std::vector<choice> script_;
    bool complemented_;
    std::size_t used_ = 0;
};

}  // namespace joust_test

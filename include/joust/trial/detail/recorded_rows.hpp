// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/hash.hpp>
#include <joust/store/recorded.hpp>
#include <joust/trial/detail/paired_rows.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Every case of recorded results as a row of a gate, also a case that one of the models has no value for.

namespace joust {
inline namespace v0 {
namespace detail {

/// The answers of two models on the cases of recorded results.
///
/// assumes: the results exist as long as this
class recorded_rows {
public:
    recorded_rows(const recorded& results, std::string_view champion, std::string_view challenger)
        : results_(results), models_{champion, challenger}, failed_(results.ids.size()),
          seen_(results.ids.size())
    {
        place_lost_rows();
    }

    /// Do the results name a model, with or without values?
    [[nodiscard]] bool has_arm(std::string_view name) const
    {
        bool found = index_of(results_.arms, name) < results_.arms.size();
        for (const recorded::loss& each : results_.lost) {
            found = found || each.arm == name;
        }
        return found;
    }

    /// Do the results name a metric, with or without values?
    [[nodiscard]] bool has_metric(std::string_view name) const
    {
        bool found = index_of(results_.metrics, name) < results_.metrics.size();
        for (const recorded::loss& each : results_.lost) {
            found = found || each.metric == name;
        }
        return found;
    }

    /// Add the cases of a metric to a column. `usable(value)` returns the answer that the metric makes of a value.
    template <class Usable>
    void fill(paired_column& into, std::string_view metric, const Usable& usable)
    {
        std::array<std::vector<side>, 2> sides{std::vector<side>(seen_.size()),
                                               std::vector<side>(seen_.size())};
        const std::size_t wanted = index_of(results_.metrics, metric);
        const std::array<std::size_t, 2> arms{index_of(results_.arms, models_[0]),
                                              index_of(results_.arms, models_[1])};
        for (const recorded::row& row : results_.rows) {
            for (std::size_t model = 0; model < 2; ++model) {
                if (row.metric == wanted && row.arm == arms[model]) {
                    repeated += keep(sides[model][row.id], row.value) ? 0U : 1U;
                }
            }
        }
        for (std::size_t i = 0; i < results_.lost.size(); ++i) {
            const recorded::loss& each = results_.lost[i];
            for (std::size_t model = 0; model < 2; ++model) {
                if (each.metric == metric && each.arm == models_[model]) {
                    lose(sides[model][lost_at_[i]], each.failed);
                    failed_[lost_at_[i]][model] |= each.failed;
                    tells_failures = tells_failures || each.failed;
                }
            }
        }
        for (std::size_t id = 0; id < seen_.size(); ++id) {
            const side& first = sides[0][id];
            const side& second = sides[1][id];
            if (first.listed || second.listed) {
                seen_[id] = true;
                const bool values[2] = {first.is.kind == answer_kind::value,
                                        second.is.kind == answer_kind::value};
                unpaired += values[0] != values[1] ? 1U : 0U;
                into.account.contradicted[0] += first.contradicted ? 1U : 0U;
                into.account.contradicted[1] += second.contradicted ? 1U : 0U;
                const auto answer = [&](const row_answer& is) {
                    return is.kind == answer_kind::value ? usable(is.value) : is;
                };
                const std::uint64_t run = run_at(id);
                into.take(answer(first.is), answer(second.is), results_.repetitions ? &run : nullptr);
            }
        }
        into.units_are_runs = results_.repetitions;
        const std::uint64_t counted = results_.missing + results_.failed;
        into.account.unknown = counted > results_.lost.size() ? counted - results_.lost.size() : 0;
    }

    /// Say of every case of the metrics so far whether the measurement of a model failed.
    void fill_failures(paired_column& into) const
    {
        for (std::size_t id = 0; id < seen_.size(); ++id) {
            if (seen_[id]) {
                const std::uint64_t run = run_at(id);
                into.add(failed_[id][0] ? 1.0 : 0.0, failed_[id][1] ? 1.0 : 0.0,
                         results_.repetitions ? &run : nullptr);
            }
        }
    }

    /// How many values one model has for a case for which the other has none.
    std::uint64_t unpaired = 0;
    /// How many further values a case and model had.
    std::uint64_t repeated = 0;
    /// Whether a measurement of one of the models is marked as failed.
    bool tells_failures = false;

private:
    /// What the results say of one model and case.
    struct side {
        row_answer is{};
        bool listed = false;
        bool contradicted = false;
    };

    [[nodiscard]] static std::size_t index_of(const std::vector<std::string>& names, std::string_view name)
    {
        std::size_t i = 0;
        while (i < names.size() && names[i] != name) {
            ++i;
        }
        return i;
    }

    /// The places of names, in a hash table with linear probing.
    class places {
    public:
        /// Make room for `most` names.
        explicit places(std::size_t most) : slots_(std::bit_ceil(2 * most + 2)) {}

        /// Return the place of a name. A name that is new gets the place `next`.
        std::size_t find_or_add(std::string_view name, std::size_t next)
        {
            std::size_t at = xxh64(name) & (slots_.size() - 1);
            while (slots_[at].used && slots_[at].name != name) {
                at = (at + 1) & (slots_.size() - 1);
            }
            if (!slots_[at].used) {
                slots_[at] = {name, next, true};
            }
            return slots_[at].place;
        }

    private:
        struct slot {
            std::string_view name{};
            std::size_t place = 0;
            bool used = false;
        };
        std::vector<slot> slots_;
    };

    /// Give each lost row the place of its case. A case without any value gets a place after the others.
    void place_lost_rows()
    {
        if (results_.lost.empty()) {
            return;
        }
        places known{results_.ids.size() + results_.lost.size()};
        for (std::size_t i = 0; i < results_.ids.size(); ++i) {
            known.find_or_add(results_.ids[i], i);
        }
        std::size_t next = results_.ids.size();
        for (const recorded::loss& each : results_.lost) {
            const std::size_t at = known.find_or_add(each.id, next);
            next += at == next ? 1U : 0U;
            lost_at_.push_back(at);
        }
        seen_.resize(next);
        failed_.resize(next);
    }

    /// Return the unit of a case that is a repetition within a run.
    [[nodiscard]] std::uint64_t run_at(std::size_t id) const
    {
        if (!results_.repetitions) {
            return 0;
        }
        if (id < results_.ids.size()) {
            return xxh64(run_of(results_.ids[id]));
        }
        for (std::size_t i = 0; i < lost_at_.size(); ++i) {
            if (lost_at_[i] == id) {
                return xxh64(run_of(results_.lost[i].id));
            }
        }
        return 0;
    }

    /// Keep a value. Returns false if the case has one.
    static bool keep(side& where, double value)
    {
        where.listed = true;
        if (where.is.kind == answer_kind::value) {
            where.contradicted = where.contradicted || where.is.value != value;
            return false;
        }
        where.is = {value, answer_kind::value};
        return true;
    }

    static void lose(side& where, bool failed)
    {
        where.listed = true;
        if (where.is.kind == answer_kind::value) {
            where.contradicted = true;
        } else if (where.is.kind != answer_kind::failed) {
            where.is.kind = failed ? answer_kind::failed : answer_kind::unusable;
        }
    }

    const recorded& results_;
    std::array<std::string_view, 2> models_;
    std::vector<std::array<bool, 2>> failed_;
    std::vector<bool> seen_;
    std::vector<std::size_t> lost_at_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

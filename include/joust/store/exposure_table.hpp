// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Hold the first exposure of a key, which outcomes are joined to.
struct joined_exposure {
    /// The hash of the key. Two keys of one hash count as one key, which of 10^8 keys happens with a probability of 0.03 %.
    std::uint64_t key = 0;
    /// When the exposure was.
    /// units: seconds
    double time = std::numeric_limits<double>::quiet_NaN();
    /// The covariate of the unit.
    double covariate = 0.0;
    /// A bit for each metric that has feedback.
    std::uint32_t fed = 0;
    /// A bit for each metric that has converted.
    std::uint32_t converted = 0;
    /// The propensity of the arm, or NaN where it is constant.
    float propensity = 0.0F;
    /// The bucket of the unit, or of its cluster.
    std::uint16_t bucket = 0;
    /// The number of the arm.
    std::uint8_t arm = 0;
    /// How many further exposures the key has, and how many of them in another arm; at most 65,535 are counted.
    std::uint16_t again = 0;
    std::uint16_t crossed = 0;
    /// Whether the place is in use.
    bool used = false;
    /// Whether the call failed.
    bool failed = false;
};

/// Find the exposure of a key within a bound of memory.
///
/// Where the keys do not fit, the table keeps a part of them and drops the others: the caller reads its files once for each part, and
/// every part has the keys of some hashes. No file is written.
/// cost: 48 bytes for each place, of which at most four in five are in use; about 100 ns for each look-up in a large table
class exposure_table {
public:
    /// Begin with an empty table of one part.
    explicit exposure_table(std::size_t most_bytes)
        : most_places_(most_bytes / sizeof(joined_exposure) < least_places
                           ? least_places
                           : most_bytes / sizeof(joined_exposure)),
          places_(least_places)
    {
    }

    /// Return how many parts the keys have, and which of them the table holds.
    [[nodiscard]] std::uint64_t parts() const noexcept { return parts_; }
    /// Return the number of the part.
    [[nodiscard]] std::uint64_t part() const noexcept { return part_; }
    /// Return how many keys the table holds.
    [[nodiscard]] std::size_t size() const noexcept { return used_; }

    /// Go to the next part with an empty table. Returns false after the last one.
    bool next_part()
    {
        if (part_ + 1 == parts_) {
            return false;
        }
        ++part_;
        used_ = 0;
        for (joined_exposure& each : places_) {
            each.used = false;
        }
        return true;
    }

    /// Say whether a key belongs to this part.
    [[nodiscard]] bool holds(std::uint64_t key) const noexcept { return (key >> 32) % parts_ == part_; }

    /// Return the place of a key, with whether it is new. A new place has its key only.
    /// assumes: the key belongs to this part before the call; in the first part it may not afterwards, and the place is null then
    std::pair<joined_exposure*, bool> add(std::uint64_t key)
    {
        if (5 * (used_ + 1) > 4 * places_.size()) {
            make_room();
            if (!holds(key)) {
                return {nullptr, false};
            }
        }
        joined_exposure& place = places_[find_place(key)];
        if (place.used) {
            return {&place, false};
        }
        place = {.key = key, .used = true};
        ++used_;
        return {&place, true};
    }

    /// Return the exposure of a key, or nullptr.
    [[nodiscard]] joined_exposure* find(std::uint64_t key) noexcept
    {
        joined_exposure& place = places_[find_place(key)];
        return place.used ? &place : nullptr;
    }

    /// Visit every exposure.
    template <class Visit>
    void for_each(Visit&& visit) const
    {
        for (const joined_exposure& each : places_) {
            if (each.used) {
                visit(each);
            }
        }
    }

private:
    static constexpr std::size_t least_places = 1'024;

    [[nodiscard]] std::size_t find_place(std::uint64_t key) const noexcept
    {
        // The upper half of the key chooses the part.
        std::size_t at = static_cast<std::size_t>((key & 0xFFFF'FFFFU) * places_.size() >> 32);
        while (places_[at].used && places_[at].key != key) {
            at = at + 1 == places_.size() ? 0 : at + 1;
        }
        return at;
    }

    /// Make the table larger, or where the memory does not allow that, keep a half of the keys.
    void make_room()
    {
        std::size_t wanted = 2 * places_.size();
        std::vector<joined_exposure> kept;
        if (part_ > 0 || places_.size() + wanted <= most_places_) {
            // Later parts have as many keys as the first one, up to chance.
            wanted = part_ > 0 ? places_.size() + places_.size() / 4 : wanted;
            kept.resize(wanted);
            kept.swap(places_);
        } else {
            parts_ *= 2;
            if (parts_ > (std::uint64_t{1} << 20)) {
                throw configuration_error("memory", "too little for the keys of the log", "more memory");
            }
            for (joined_exposure& each : places_) {
                if (each.used && holds(each.key)) {
                    kept.push_back(each);
                }
                each.used = false;
            }
        }
        used_ = 0;
        for (const joined_exposure& each : kept) {
            if (each.used) {
                places_[find_place(each.key)] = each;
                ++used_;
            }
        }
    }

    std::size_t most_places_;
    std::vector<joined_exposure> places_;
    std::size_t used_ = 0;
    std::uint64_t parts_ = 1;
    std::uint64_t part_ = 0;
};

}  // namespace v0
}  // namespace joust

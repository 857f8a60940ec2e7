// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/slate.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

/// Keep all items of a list.
struct keep_all {
    template <class Item>
    constexpr bool operator()(const Item&, item_key) const noexcept
    {
        return true;
    }
};

/// Hold the keys of those items of one ranker's list that can reach a slate of a given length.
///
/// Only the first L items of a list without duplicates can reach a slate of L slots, so only these are projected. If some of
/// them are the same item, the whole list is projected. Items that may not be shown can be left out.
/// cost: one projection for each slot; an allocation for more than 64 keys, and where items can be left out
class projected_keys {
public:
    /// Read the keys of a list, without the items for which `keep(item, key)` is false.
    template <class List, class Identity, class Keep = keep_all>
    void project(List& list, const Identity& identity, std::size_t length, const Keep& keep = {})
    {
        const std::size_t size = std::size(list);
        const bool all = take(list, identity, size < length ? size : length, keep);
        if (!all && repeats()) {
            (void)take(list, identity, size, keep);
        }
    }

    /// Return the keys.
    [[nodiscard]] ranking view() const noexcept
    {
        return {size_ <= inline_.size() ? inline_.data() : more_.data(), size_};
    }

    /// Return the position of a key's item in the ranker's list.
    [[nodiscard]] std::uint32_t place(std::uint32_t index) const noexcept
    {
        return places_.empty() ? index : places_[index];
    }

private:
    // Reads the wanted number of keys. Returns whether it came to the end of the list.
    template <class List, class Identity, class Keep>
    bool take(List& list, const Identity& identity, std::size_t wanted, const Keep& keep)
    {
        if (wanted > inline_.size()) {
            more_.resize(wanted);
        }
        item_key* keys = wanted <= inline_.size() ? inline_.data() : more_.data();
        const auto first = std::begin(list);
        if constexpr (std::is_same_v<Keep, keep_all>) {
            places_.clear();
            size_ = wanted;
            for (std::size_t i = 0; i < wanted; ++i) {
                keys[i] = identity.identify(first[static_cast<std::ptrdiff_t>(i)]);
            }
            return wanted == std::size(list);
        } else {
            const std::size_t size = std::size(list);
            places_.clear();
            std::size_t at = 0;
            for (; at < size && places_.size() < wanted; ++at) {
                const auto& item = first[static_cast<std::ptrdiff_t>(at)];
                const item_key key = identity.identify(item);
                if (keep(item, key)) {
                    keys[places_.size()] = key;
                    places_.push_back(static_cast<std::uint32_t>(at));
                }
            }
            size_ = places_.size();
            // `view` reads so few keys from the inline array.
            for (std::size_t i = 0; wanted > inline_.size() && i < size_ && size_ <= inline_.size(); ++i) {
                inline_[i] = keys[i];
            }
            return at == size;
        }
    }

    [[nodiscard]] bool repeats() const
    {
        const ranking all = view();
        if (size_ <= mask_offers<1>::most) {
            return !mask_offers<1>{{&all, 1}, size_}.distinct();
        }
        return numbered_offers{{&all, 1}, size_}.left(0, static_cast<unsigned>(size_)) < size_;
    }

    std::array<item_key, draft::inline_slots> inline_;
    std::vector<item_key> more_;
    std::vector<std::uint32_t> places_;  // the position of each key's item; empty where no item was left out
    std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

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

/// Leave nothing out of a list.
struct keep_all {
    template <class Item>
    constexpr bool operator()(const Item&, item_key) const noexcept
    {
        return true;
    }
};

}  // namespace detail

/// Hold the keys of one ranker's list, as far as a slate of some length can need them.
///
/// Only the first L items of a list without duplicates can reach a slate of L slots, so only they are projected;
/// where some of them are the same item, the whole list is. Items may be left out beforehand: what may not be shown.
/// cost: one projection per slot asked for; allocates beyond 64 keys, and where items may be left out
class projected_keys {
public:
    template <class List, class Identity, class Keep = detail::keep_all>
    void project(List& list, const Identity& identity, std::size_t length, const Keep& keep = {})
    {
        const std::size_t size = std::size(list);
        const bool all = take(list, identity, size < length ? size : length, keep);
        if (!all && repeats()) {
            (void)take(list, identity, size, keep);
        }
    }

    [[nodiscard]] ranking view() const noexcept
    {
        return {size_ <= inline_.size() ? inline_.data() : more_.data(), size_};
    }

    /// Where in the ranker's list the item of a key stands.
    [[nodiscard]] std::uint32_t place(std::uint32_t index) const noexcept
    {
        return places_.empty() ? index : places_[index];
    }

private:
    // Returns whether the list ended before there was enough.
    template <class List, class Identity, class Keep>
    bool take(List& list, const Identity& identity, std::size_t wanted, const Keep& keep)
    {
        if (wanted > inline_.size()) {
            more_.resize(wanted);
        }
        item_key* keys = wanted <= inline_.size() ? inline_.data() : more_.data();
        const auto first = std::begin(list);
        if constexpr (std::is_same_v<Keep, detail::keep_all>) {
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
            // The view looks where so few are kept.
            for (std::size_t i = 0; wanted > inline_.size() && i < size_ && size_ <= inline_.size(); ++i) {
                inline_[i] = keys[i];
            }
            return at == size;
        }
    }

    [[nodiscard]] bool repeats() const
    {
        const ranking all = view();
        if (size_ <= detail::mask_offers<1>::most) {
            return !detail::mask_offers<1>{{&all, 1}, size_}.distinct();
        }
        return detail::numbered_offers{{&all, 1}, size_}.left(0, static_cast<unsigned>(size_)) < size_;
    }

    std::array<item_key, draft::inline_slots> inline_;
    std::vector<item_key> more_;
    std::vector<std::uint32_t> places_;  // of the keys; empty where nothing was left out
    std::size_t size_ = 0;
};

}  // namespace v0
}  // namespace joust

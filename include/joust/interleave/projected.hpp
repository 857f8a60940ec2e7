#pragma once

#include <joust/interleave/draft.hpp>
#include <joust/interleave/offers.hpp>
#include <joust/interleave/ranking.hpp>
#include <joust/interleave/slate.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace joust::inline v0 {

/// Hold the keys of one ranker's list, as far as a slate of some length can need them.
///
/// Only the first L items of a list without duplicates can reach a slate of L slots, so only they are projected;
/// where some of them are the same item, the whole list is.
/// cost: one projection per slot asked for; allocates beyond 64 keys
class projected_keys {
public:
    template <class List, class Identity>
    void project(List& list, const Identity& identity, std::size_t length)
    {
        const std::size_t size = std::size(list);
        take(list, identity, size < length ? size : length);
        if (size_ < size && repeats()) {
            take(list, identity, size);
        }
    }

    [[nodiscard]] ranking view() const noexcept
    {
        return {size_ <= inline_.size() ? inline_.data() : more_.data(), size_};
    }

private:
    template <class List, class Identity>
    void take(List& list, const Identity& identity, std::size_t size)
    {
        size_ = size;
        if (size > inline_.size()) {
            more_.resize(size);
        }
        item_key* keys = size <= inline_.size() ? inline_.data() : more_.data();
        const auto first = std::begin(list);
        for (std::size_t i = 0; i < size; ++i) {
            keys[i] = identity.identify(first[static_cast<std::ptrdiff_t>(i)]);
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
    std::size_t size_ = 0;
};

}  // namespace joust::inline v0

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/unit_id.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace joust {
inline namespace v0 {

/// Name a unit by several parts: a tenant and a user, a shop and a day.
///
/// The parts are joined by character 31, the unit separator of ASCII, which texts do not contain. So ("a", "bc") and
/// ("ab", "c") are two units, and an analyst computes the same hash with concat(tenant, char(31), toString(user)).
/// shape: `by([](const Request& r) { return unit_parts{r.tenant, r.user_id}; })`
/// cost: no allocation up to 120 bytes
class unit_parts {
public:
    /// Join two or more parts.
    template <unit_like First, unit_like... Rest>
        requires(sizeof...(Rest) > 0)
    explicit unit_parts(const First& first, const Rest&... rest)
    {
        append(first);
        ((append(std::string_view{"\x1f", 1}), append(rest)), ...);
    }

    /// Return the joined text.
    // NOLINTNEXTLINE(google-explicit-constructor): a type that converts to text is a unit
    operator std::string_view() const noexcept
    {
        return long_.empty() ? std::string_view{short_.data(), size_} : std::string_view{long_};
    }

    /// Compare the joined texts.
    bool operator==(const unit_parts& other) const noexcept
    {
        return static_cast<std::string_view>(*this) == static_cast<std::string_view>(other);
    }

private:
    template <unit_like Part>
    void append(const Part& part)
    {
        if constexpr (detail::text_like<Part>) {
            add(static_cast<std::string_view>(part));
        } else {
            const detail::word_text text = detail::unit_words(part);
            char bytes[sizeof text.words];
            for (std::size_t i = 0; i < text.size; ++i) {
                bytes[i] = static_cast<char>((text.words[i / 8] >> (8 * (i % 8))) & 0xffU);
            }
            add({bytes, text.size});
        }
    }

    void add(std::string_view text)
    {
        if (long_.empty() && text.size() <= short_.size() - size_) {
            text.copy(short_.data() + size_, text.size());
            size_ += text.size();
            return;
        }
        if (long_.empty()) {
            long_.assign(short_.data(), size_);
        }
        long_ += text;
    }

    std::array<char, 120> short_;
    std::size_t size_ = 0;
    // Empty while short_ is long enough.
    std::string long_;
};

}  // namespace v0
}  // namespace joust

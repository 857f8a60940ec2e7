// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// Borrow memory that the thread keeps between calls, so that long slates do not allocate each time. A small loan comes from
/// the object itself.
///
/// A second loan at the same time gets memory of its own.
/// cost: a thread keeps at most 1 MiB; a larger loan is freed when it ends
class scratch {
public:
    static constexpr std::size_t most_kept = std::size_t{1} << 20;

    static constexpr std::size_t inside = 4'608;

    /// Borrow a number of bytes.
    explicit scratch(std::size_t bytes)
    {
        if (bytes <= inside) {
            next_ = inside_;
            return;
        }
        bytes_.swap(kept());
        if (bytes_.size() < bytes) {
            bytes_.clear();  // so that `resize` copies no old bytes
            bytes_.resize(bytes);
        }
        next_ = bytes_.data();
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch()
    {
        // A small loan does not touch the thread's memory, since the first touch registers its destructor, which allocates.
        if (bytes_.capacity() != 0 && bytes_.capacity() > kept().capacity() &&
            bytes_.capacity() <= most_kept) {
            kept().swap(bytes_);
        }
    }

    /// Return the next `count` values, which hold arbitrary numbers.
    /// assumes: enough bytes were borrowed, and larger types are taken first
    template <class T>
    [[nodiscard]] T* take(std::size_t count) noexcept
    {
        return reinterpret_cast<T*>(std::exchange(next_, next_ + count * sizeof(T)));
    }

private:
    [[nodiscard]] static std::vector<std::byte>& kept() noexcept
    {
        static thread_local std::vector<std::byte> bytes;
        return bytes;
    }

    std::vector<std::byte> bytes_;
    std::byte* next_;
    alignas(16) std::byte inside_[inside];
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

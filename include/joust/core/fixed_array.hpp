// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// An array whose length is known when it is made. All elements begin as `T{}`.
///
/// It does less than std::vector: it neither grows nor copies, so that T may be an atomic. A compiler has a third of the work with
/// it, which every file with a trial saves for each of a dozen element types.
template <class T>
class fixed_array {
public:
    fixed_array() = default;
    explicit fixed_array(std::size_t size) : elements_(size > 0 ? new T[size]() : nullptr), size_(size) {}
    fixed_array(fixed_array&& other) noexcept
        : elements_(std::exchange(other.elements_, nullptr)), size_(std::exchange(other.size_, 0))
    {
    }
    fixed_array& operator=(fixed_array&& other) noexcept
    {
        std::swap(elements_, other.elements_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~fixed_array() { delete[] elements_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T* begin() noexcept { return elements_; }
    [[nodiscard]] T* end() noexcept { return elements_ + size_; }
    [[nodiscard]] const T* begin() const noexcept { return elements_; }
    [[nodiscard]] const T* end() const noexcept { return elements_ + size_; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return elements_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return elements_[i]; }

private:
    T* elements_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <type_traits>

namespace joust {
inline namespace v0 {
namespace stats::detail {

// A heap array of fixed size for values that are copied as bytes. std::vector would add half as many preprocessed
// lines again to headers that need no more than this.
template <class T>
class buffer {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

public:
    buffer() = default;
    // Leaves the elements uninitialised.
    explicit buffer(std::size_t size) : data_(size == 0 ? nullptr : new T[size]), size_(size) {}
    buffer(std::size_t size, T value) : buffer(size)
    {
        for (T& element : *this) {
            element = value;
        }
    }
    explicit buffer(std::span<const T> values) : buffer(values.size())
    {
        for (std::size_t i = 0; i < size_; ++i) {
            data_[i] = values[i];
        }
    }
    buffer(const buffer& other) : buffer(std::span<const T>{other.data_, other.size_}) {}
    buffer(buffer&& other) noexcept { swap(other); }
    buffer& operator=(buffer other) noexcept
    {
        swap(other);
        return *this;
    }
    ~buffer() { delete[] data_; }

    void swap(buffer& other) noexcept
    {
        T* const data = data_;
        const std::size_t size = size_;
        data_ = other.data_;
        size_ = other.size_;
        other.data_ = data;
        other.size_ = size;
    }
    // Drops the elements from `size` on and keeps the memory.
    void shorten(std::size_t size) noexcept { size_ = size < size_ ? size : size_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T* data() noexcept { return data_; }
    [[nodiscard]] const T* data() const noexcept { return data_; }
    [[nodiscard]] T* begin() noexcept { return data_; }
    [[nodiscard]] T* end() noexcept { return data_ + size_; }
    [[nodiscard]] const T* begin() const noexcept { return data_; }
    [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace stats::detail
}  // namespace v0
}  // namespace joust

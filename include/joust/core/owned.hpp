#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {
namespace detail {

/// Own one object on the heap: std::unique_ptr without <memory>, which weighs five thousand lines in every service.
template <class T>
class owned {
public:
    constexpr owned() noexcept = default;
    /// Take over what `new` made.
    constexpr explicit owned(T* object) noexcept : object_(object) {}
    constexpr owned(owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <class Derived>
        requires std::is_convertible_v<Derived*, T*> && std::has_virtual_destructor_v<T>
    constexpr owned(owned<Derived>&& other) noexcept : object_(other.release())
    {
    }
    constexpr owned& operator=(owned&& other) noexcept
    {
        if (this != &other) {
            delete object_;
            object_ = std::exchange(other.object_, nullptr);
        }
        return *this;
    }
    constexpr ~owned() { delete object_; }

    [[nodiscard]] constexpr T* get() const noexcept { return object_; }
    [[nodiscard]] constexpr T* release() noexcept { return std::exchange(object_, nullptr); }
    [[nodiscard]] constexpr T& operator*() const noexcept { return *object_; }
    [[nodiscard]] constexpr T* operator->() const noexcept { return object_; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return object_ != nullptr; }
    [[nodiscard]] friend constexpr bool operator==(const owned& a, std::nullptr_t) noexcept
    {
        return a.object_ == nullptr;
    }

private:
    T* object_ = nullptr;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

#pragma once

#include <joust/core/invoke.hpp>
#include <joust/core/policy.hpp>

#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

/// Everybody takes part: the default.
struct everybody {
    template <class... Args>
    [[nodiscard]] constexpr bool may_record(const Args&...) const noexcept
    {
        return true;
    }
};

/// A predicate on the call's arguments; made by `consent`.
template <class Predicate>
struct consent_predicate {
    [[no_unique_address]] Predicate predicate;

    template <class... Args>
    [[nodiscard]] constexpr bool may_record(const Args&... args) const
    {
        return static_cast<bool>(detail::invoke_all_or_first(predicate, args...));
    }
};

/// Serve who did not consent by the champion and record nothing: `consent(&Request::may_test)`.
///
/// When to use: whenever units can opt out. Assignment and evidence then speak of those who did not.
template <class Predicate>
[[nodiscard]] constexpr consent_predicate<std::decay_t<Predicate>> consent(Predicate&& predicate)
{
    return {std::forward<Predicate>(predicate)};
}

/// The role of consent: verb `may_record(args...)`.
struct consent_role : detail::sole_role {
    template <class T>
    static constexpr bool plays = detail::has_may_record<T>;
    template <class T>
    struct filled_twice {
        static_assert(detail::always_false<T>,
                      "joust: consent is given twice; join both predicates in one consent(...)");
    };
};

}  // namespace v0
}  // namespace joust

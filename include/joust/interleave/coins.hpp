#pragma once

#include <concepts>

namespace joust::inline v0 {

/// Anything an interleaver can draw chance from: `coin()`, a fair bit, and `below(n)`, uniform on 0 .. n-1.
///
/// Trials use a generator keyed by (seed, request), so that the same request gives the same slate on every
/// platform; tests use a source that visits every outcome, so that laws are proved and not sampled.
template <class T>
concept coin_source = requires(T& coins, unsigned n) {
    {
        coins.coin()
    } -> std::same_as<bool>;
    {
        coins.below(n)
    } -> std::integral;
};

}  // namespace joust::inline v0

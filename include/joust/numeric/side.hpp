#pragma once

#include <cstdint>

namespace joust {
inline namespace v0 {
namespace stats {

/// Which departure from the null a test looks for: first minus second is not zero, above it, or below it.
enum class side : std::uint8_t { two, greater, less };

}  // namespace stats
}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0

#include <joust/version.hpp>

#include <fmt/format.h>

// Proves that the part's target carries the include folders of joust and of its dependency.
std::string version()
{
    return fmt::format("{}.{}", JOUST_VERSION_MAJOR, JOUST_VERSION_MINOR);
}

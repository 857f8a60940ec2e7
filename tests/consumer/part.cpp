#include <fmt/format.h>
#include <joust/version.hpp>

// Proves that the part's target carries the include folders of joust and of its dependency.
std::string version()
{
    return fmt::format("{}.{}", JOUST_VERSION_MAJOR, JOUST_VERSION_MINOR);
}

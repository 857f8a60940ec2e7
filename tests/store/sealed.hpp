// SPDX-License-Identifier: Apache-2.0
#pragma once

// Snapshots made by hand, with a checksum that fits, so that a reader meets the contents and not the seal.

#include <joust/core/hash.hpp>
#include <joust/store/snapshot.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace joust_test {

/// Append a number, the lowest byte first.
inline void append(std::string& bytes, std::uint64_t number, unsigned size)
{
    for (unsigned i = 0; i < size; ++i) {
        bytes += static_cast<char>((number >> (8 * i)) & 0xffU);
    }
}

/// Return contents as a snapshot of this version with its checksum.
[[nodiscard]] inline std::string sealed(std::string_view contents)
{
    std::string bytes{joust::detail::snapshot_mark};
    append(bytes, joust::snapshot_version, 4);
    append(bytes, contents.size(), 8);
    bytes += contents;
    append(bytes, joust::xxh64(bytes), 8);
    return bytes;
}

/// Return what is sealed in a snapshot.
[[nodiscard]] inline std::string contents_of(const std::string& bytes)
{
    return bytes.substr(joust::detail::snapshot_head,
                        bytes.size() - joust::detail::snapshot_head - joust::detail::snapshot_tail);
}

}  // namespace joust_test

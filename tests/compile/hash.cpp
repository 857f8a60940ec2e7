// SPDX-License-Identifier: Apache-2.0

// Characters with one number could be text with a seed or memory with a size.

#include <joust/core/hash.hpp>

#include <cstddef>
#include <string>

#ifdef ACCEPT
static_assert(joust::xxh64(std::string_view{"ABC"}, 42) == 4105715581806190027U);
static_assert(joust::xxh64("ABC") == joust::xxh64(std::string_view{"ABC"}));
std::uint64_t all(const std::string& text, const unsigned char (&bytes)[4], const std::byte* more,
                  const char* data)
{
    return joust::xxh64(text, 42) + joust::xxh64(bytes, 4) + joust::xxh64(more, 2) + joust::xxh64(data) +
           joust::xxh64(data, 3, 42) + joust::xxh64(static_cast<const void*>(data), 3) +
           joust::siphash24("ABC", joust::sip_key{1, 2}) + joust::siphash24(data, 3, joust::sip_key{1, 2});
}
#endif

// REJECT 1: joust: characters with one number could be text with a seed or memory with a size; write xxh64(std::string_view{text}, seed) or xxh64(std::string_view{text, size})
#if REJECT == 1
const std::uint64_t seeded = joust::xxh64("ABC", 42);
#endif

// REJECT 2: joust: characters with one number could be text with a seed or memory with a size; write xxh64(std::string_view{text}, seed) or xxh64(std::string_view{text, size})
#if REJECT == 2
std::uint64_t hash(const std::string& text)
{
    return joust::xxh64(text.data(), text.size());
}
#endif

// REJECT 3: joust: characters with one number could be text with a seed or memory with a size; write xxh64(std::string_view{text}, seed) or xxh64(std::string_view{text, size})
#if REJECT == 3
std::uint64_t hash(char (&buffer)[64], unsigned short used)
{
    return joust::xxh64(buffer, used);
}
#endif

// REJECT 4: joust: characters with one number could be text with a seed or memory with a size; write xxh64(std::string_view{text}, seed) or xxh64(std::string_view{text, size})
#if REJECT == 4
const std::uint64_t seeded = joust::xxh64(u8"ABC", 42);
#endif

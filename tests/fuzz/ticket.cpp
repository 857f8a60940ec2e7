// SPDX-License-Identifier: Apache-2.0

#include <joust/ticket/signed_ticket.hpp>
#include <joust/ticket/ticket.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

// A text that parses is written as the same text again. A text that does not parse leaves the ticket as it was. Both readers agree.
void check(std::string_view text)
{
    joust::ticket read;
    const joust::ticket_error error = joust::ticket::parse(text, read);
    if (error == joust::ticket_error::none) {
        require(read.valid());
        require(read.to_string() == text);
        require(joust::ticket::from_string(text) == read);
        return;
    }
    require(read == joust::ticket{});
    try {
        (void)joust::ticket::from_string(text);
        require(false);
    } catch (const joust::parse_error& wrong) {
        require(wrong.what() == joust::to_string(error));
    }
}

const joust::key_ring& ring()
{
    static const joust::key_ring keys = [] {
        joust::key_ring made{joust::sip_key{1, 2}};
        made.add(3, {3, 4});
        return made;
    }();
    return keys;
}

// A text that parses as a signed ticket is written as the same text again, and no ring of keys accepts a ticket that it did not seal.
void check_signed(std::string_view text)
{
    joust::signed_ticket read;
    const joust::ticket_error error = joust::signed_ticket::parse(text, read);
    joust::ticket opened;
    if (error == joust::ticket_error::none) {
        require(read.to_string() == text);
        require(joust::signed_ticket::from_string(text) == read);
    } else {
        require(read == joust::signed_ticket{});
    }
    require(ring().open(read, opened) != joust::ticket_error::none);
    require(opened == joust::ticket{});
}

// Any fields are sealed. The ticket that is opened has the same fields, or is refused for its contents, but never as forged.
void check_sealed(const std::uint8_t* bytes)
{
    std::array<std::uint8_t, sizeof(joust::ticket)> raw{};
    std::copy(bytes, bytes + 24, raw.begin());
    const auto fields = std::bit_cast<joust::ticket>(raw);
    const joust::signed_ticket sealed = ring().seal(fields);
    joust::signed_ticket back;
    require(joust::signed_ticket::parse(sealed.to_string(), back) == joust::ticket_error::none);
    require(back == sealed);
    joust::ticket opened;
    switch (ring().open(back, opened)) {
        case joust::ticket_error::none:
            require(opened.valid());
            require(ring().seal(opened) == sealed);
            break;
        case joust::ticket_error::kind:
        case joust::ticket_error::contents: require(opened == joust::ticket{}); break;
        default: require(false);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    check(text);
    check_signed(text);
    if (size >= 24) {
        check_sealed(data);
        // Few inputs have a checksum that matches. The first 24 bytes get one, so that the code after the check is reached.
        std::string bytes = text.substr(0, 24);
        const std::uint64_t tag = joust::xxh64(bytes, 0x6a6f75737476303aU);
        for (unsigned i = 0; i < 8; ++i) {
            bytes += static_cast<char>((tag >> (8 * i)) & 0xffU);
        }
        constexpr std::string_view alphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        std::string encoded;
        std::uint32_t bits = 0;
        unsigned count = 0;
        for (const char byte : bytes) {
            bits = (bits << 8) | static_cast<unsigned char>(byte);
            for (count += 8; count >= 6; count -= 6) {
                encoded += alphabet[(bits >> (count - 6)) & 63U];
            }
        }
        encoded += alphabet[(bits << (6 - count)) & 63U];
        check(encoded);
    }
    return 0;
}

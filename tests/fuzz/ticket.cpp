#include <joust/trial/ticket.hpp>

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

// What parses is written again as the same text; what does not leaves the ticket alone, and both readers
// agree.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    check(text);
    if (size >= 24) {
        // Few inputs have a checksum that matches: the first 24 bytes as the fields get one, so that what
        // lies behind the checksum is reached too.
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

// SPDX-License-Identifier: Apache-2.0

#include <joust/store/events.hpp>

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

}  // namespace

// Any bytes must be a list of events, or give a parse_error. The rest after an erasure can be read, has nothing that was to be
// erased, and stays the same when the same is erased again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    constexpr std::uint64_t unit = 0x0123456789abcdefU;
    std::uint64_t lines = 0;
    joust::detail::for_each_line(text, [&](std::string_view, std::size_t) { ++lines; });

    const auto goes = [](const joust::logged_event& seen) {
        return joust::detail::stands_for(seen.unit, unit);
    };
    std::string left;
    const joust::erasure done =
        joust::detail::filter_events(text, joust::unreadable_lines::erase, left, goes);
    require(done.kept + done.erased + done.unreadable == lines);
    require(joust::read_events(left).size() == done.kept);
    require(joust::events_of(left, unit).empty());
    std::string again;
    require(joust::detail::filter_events(left, joust::unreadable_lines::refuse, again, goes) ==
            joust::erasure{.kept = done.kept});
    require(again == left);

    try {
        require(joust::read_events(text).size() == lines);
        require(joust::events_of(text, unit).size() == done.erased);
        require(done.unreadable == 0);
    } catch (const joust::parse_error& wrong) {
        require(done.unreadable > 0);
        require(std::string_view{wrong.what()}.starts_with("line "));
    }
    return 0;
}

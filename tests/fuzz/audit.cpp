// SPDX-License-Identifier: Apache-2.0

#include <joust/store/audit_log.hpp>
#include <joust/store/audit_replay.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

void require(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

/// A good log of three short lines.
const std::vector<std::string>& good_lines(const std::string& key)
{
    static const auto make = [](const std::string& secret) {
        const joust::detail::audit_hasher hash{secret};
        joust::audit_head head;
        std::vector<std::string> lines;
        for (int i = 0; i < 3; ++i) {
            const std::string members = ",\"log\":\"" + std::to_string(i) + '"';
            std::string line;
            joust::sha256_digest digest;
            joust::detail::audit_line::append(line, head, members, hash, digest);
            head = {head.lines + 1, digest};
            lines.push_back(line);
        }
        return lines;
    };
    static const std::vector<std::string> plain = make("");
    static const std::vector<std::string> keyed = make("secret");
    return key.empty() ? plain : keyed;
}

void check_any(std::string_view text)
{
    const joust::audit_finding found = joust::verify(text);
    require(found.ok() == (found.line == 0));
    require(found.good_bytes <= text.size());
    // What is good up to the fault is good on its own, and the fault is not before it.
    const std::string_view good = text.substr(0, found.good_bytes);
    const joust::audit_finding again = joust::verify(good);
    require(again.ok() && again.head == found.head);
    try {
        static_cast<void>(joust::replay(text, std::vector<joust::replay_request>(1)));
        require(found.ok());
    } catch (const joust::parse_error&) {
    } catch (const joust::configuration_error&) {
    }
    try {
        static_cast<void>(joust::read_audit(text));
    } catch (const joust::parse_error& wrong) {
        require(std::string_view{wrong.what()}.starts_with("line "));
    }
}

}  // namespace

// Any bytes are a log that is whole, or one with a fault. A good log that is changed in any way is not whole any more by its
// head, and a change in the middle of a keyed log is not even without it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 4 || data[0] % 4 == 0) {
        check_any({reinterpret_cast<const char*>(data), size});
        return 0;
    }
    const std::string key = data[0] % 8 < 4 ? "" : "secret";
    const std::vector<std::string>& lines = good_lines(key);
    const std::string whole = lines[0] + lines[1] + lines[2];
    joust::audit_head head{lines.size()};
    require(joust::sha256_digest::parse(
        std::string_view{whole}.substr(whole.size() - std::string_view{"\"}\n"}.size() - 64, 64),
        head.digest));
    if (data[0] % 4 == 3) {
        std::vector<std::string> moved = lines;
        const std::size_t from = data[1] % moved.size();
        const std::size_t to = data[2] % moved.size();
        moved.erase(moved.begin() + static_cast<std::ptrdiff_t>(from));
        moved.insert(moved.begin() + static_cast<std::ptrdiff_t>(to), lines[from]);
        const joust::audit_finding order =
            joust::verify(moved[0] + moved[1] + moved[2], {.key = key, .head = head});
        require(order.ok() == (from == to));
        require(order.ok() ||
                (order.fault == joust::audit_fault::reordered && order.line == (from < to ? from : to) + 1));
        return 0;
    }

    // Replace a part of the text by bytes of the input.
    std::string changed = whole;
    const std::size_t at = (256U * data[1] + data[2]) % whole.size();
    const std::string bytes(reinterpret_cast<const char*>(data) + 4, size - 4);
    changed.replace(at, data[3], bytes);
    const joust::audit_finding found = joust::verify(changed, {.key = key, .head = head});
    require(found.ok() == (changed == whole));
    std::size_t line_of_change = 1;
    std::size_t same = 0;
    while (same < whole.size() && same < changed.size() && whole[same] == changed[same]) {
        line_of_change += whole[same] == '\n' ? 1U : 0U;
        ++same;
    }
    if (!found.ok()) {
        require(found.line <= line_of_change + 1);
        require(!key.empty() ? found.line >= line_of_change : true);
    }
    return 0;
}

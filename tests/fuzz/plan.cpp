// SPDX-License-Identifier: Apache-2.0

// Any bytes must be a plan that is the same after it was written and read again, or give a parse_error that names the member.

#include <joust/store/plan_file.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string bytes(data, data + size);
    joust::traffic_plan plan;
    try {
        plan = joust::parse_plan(bytes);
    } catch (const joust::parse_error& error) {
        if (std::string_view{error.what()}.find("plan: ") == std::string_view::npos) {
            std::abort();
        }
        return 0;
    }
    std::string text;
    plan.write(text, joust::style::json);
    if (!(joust::parse_plan(text) == plan) || joust::parse_plan(text).digest() != plan.digest()) {
        std::abort();
    }
    try {
        static_cast<void>(plan.diff(plan));
    } catch (const joust::configuration_error&) {
        // Shares or slots that are not valid are refused here.
    }
    return 0;
}

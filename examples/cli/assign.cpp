// SPDX-License-Identifier: Apache-2.0

// joust assign: the arm of a unit, and why.

#include <joust/core/json.hpp>
#include <joust/split/assignment.hpp>
#include <joust/split/explain.hpp>
#include <joust/split/hash_split.hpp>

#include "output.hpp"

#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace cli {

int run_assign(const assign_options& asked)
{
    const std::vector<double> shares = numbers_in(asked.shares, "--shares");
    const std::vector<std::string> names = words_in(asked.arms);
    const std::size_t arms = !shares.empty() ? shares.size() : names.empty() ? 2 : names.size();
    if (!names.empty() && names.size() != arms) {
        throw usage_error("--arms names " + std::to_string(names.size()) + " arms, and --shares has " +
                          std::to_string(arms) + " numbers");
    }
    if (arms < 2) {
        throw usage_error("a trial has two arms or more, and one is given");
    }
    joust::hash_split split{.salt = asked.salt};
    if (!shares.empty()) {
        split.shares = joust::share_list{std::span<const double>{shares}};
    }
    const auto plan = split.resolve(arms);
    const auto name_of = [&](std::size_t arm) {
        return !names.empty() ? names[arm]
               : arm == 0     ? std::string{"champion"}
                              : "challenger" + (arms > 2 ? " " + std::to_string(arm) : "");
    };
    put(
        [&](std::string_view form) {
            std::string out;
            for (const std::string& unit : asked.units) {
                const std::string why = joust::explain(split, arms, std::string_view{unit});
                const std::string_view key{unit};
                const std::tuple<> nothing;
                const joust::keyed_context<std::tuple<>, std::string_view> call{
                    {split.salt.hasher()(key), 0, nothing}, key};
                const joust::assignment given = plan.assign(call);
                if (form == "json") {
                    joust::json_writer json{out};
                    json.begin_object()
                        .member("unit", unit)
                        .member("arm", given.arm)
                        .member("model", name_of(given.arm));
                    json.member("propensity", static_cast<double>(given.propensity))
                        .member("why", why)
                        .end_object();
                    out += '\n';
                } else if (form == "markdown") {
                    out += "```text\n" + why + ": " + name_of(given.arm) + "\n```\n";
                } else {
                    out += why + ": " + name_of(given.arm) + "\n";
                }
            }
            return out;
        },
        asked.out);
    return 0;
}

}  // namespace cli

// SPDX-License-Identifier: Apache-2.0

// Prints what must be the same on every machine, line by line, to be compared with golden.txt: scripts/portability.sh. A line
// "same" is compared as text; a line "near" has passed through the mathematics library, and is compared to 1e-12.

#include <joust/core/random.hpp>
#include <joust/core/read_number.hpp>
#include <joust/core/text.hpp>
#include <joust/interleave/balanced.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/optimized.hpp>
#include <joust/interleave/probabilistic.hpp>
#include <joust/interleave/roughly_optimized.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/metric/conversion.hpp>
#include <joust/metric/mean.hpp>
#include <joust/report/json.hpp>
#include <joust/split/hash_split.hpp>
#include <joust/split/interop/all.hpp>
#include <joust/split/rendezvous.hpp>
#include <joust/split/slot_split.hpp>
#include <joust/stats/moments.hpp>
#include <joust/stats/sequential/betting.hpp>
#include <joust/store/csv.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/ticket/signed_ticket.hpp>
#include <joust/ticket/ticket.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/interleaving.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace {

using joust::keyed_random;

void same(std::string_view name, std::string_view value)
{
    std::printf("same %.*s %.*s\n", static_cast<int>(name.size()), name.data(),
                static_cast<int>(value.size()), value.data());
}

void same(std::string_view name, double value)
{
    same(name, joust::to_text(value));
}

void near(std::string_view name, double value)
{
    std::printf("near %.*s %s\n", static_cast<int>(name.size()), name.data(), joust::to_text(value).c_str());
}

/// Many values in one word.
class digest {
public:
    void add(std::uint64_t value) noexcept
    {
        sum_ = joust::mix64(sum_ ^ joust::mix64(value + 0x9e3779b97f4a7c15U));
    }
    [[nodiscard]] std::string text() const
    {
        char buffer[20];
        std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(sum_));
        return buffer;
    }

private:
    std::uint64_t sum_ = 0;
};

std::string digest_of(std::string_view bytes)
{
    digest all;
    for (const char c : bytes) {
        all.add(static_cast<unsigned char>(c));
    }
    return all.text();
}

void random_numbers()
{
    keyed_random random{20'240'501, 7};
    digest words;
    for (int i = 0; i < 1'000; ++i) {
        words.add(random.next());
        words.add(random.below(1'000'003));
        words.add(random.coin() ? 1 : 0);
    }
    same("random.words", words.text());
    same("random.uniform", random.uniform());
    same("random.normal", random.normal());
    same("random.exponential", random.exponential());
}

/// The arms of some users: the first ones one by one, and many as a digest.
template <class ArmOf>
void arms(std::string_view name, ArmOf arm_of)
{
    std::string first;
    digest all;
    for (std::uint64_t i = 0; i < 2'000; ++i) {
        const unsigned arm = arm_of(i);
        all.add(arm);
        if (i < 40) {
            first += static_cast<char>('0' + arm);
        }
    }
    same(std::string{"arms."}.append(name), first + " " + all.text());
}

void assignment()
{
    const joust::salt salt{"portable"};
    const auto numbers = joust::hash_split{.salt = "portable", .shares = {0.5, 0.3, 0.2}}.resolve(3);
    arms("hash_split.number", [&](std::uint64_t i) { return numbers.arm_of(salt.hasher()(i)); });
    arms("hash_split.text", [&](std::uint64_t i) {
        return numbers.arm_of(salt.hasher()(std::string_view{"user-" + std::to_string(i * i * i)}));
    });
    arms("hash_split.long_text", [&](std::uint64_t i) {
        return numbers.arm_of(salt.hasher()(
            std::string_view{std::string(static_cast<std::size_t>(100 + i % 50), 'x') + std::to_string(i)}));
    });
    const auto slots =
        joust::slot_split{.salt = "portable", .shares = {0.8, 0.1, 0.1}}.with_shares({0.2, 0.3, 0.5});
    const auto plan = slots.resolve(3);
    arms("slot_split", [&](std::uint64_t i) { return plan.arm_of(salt.hasher()(i)); });
    const auto points = joust::rendezvous{.salt = "portable", .shares = {0.6, 0.4}}.resolve(2);
    arms("rendezvous", [&](std::uint64_t i) { return points.arm_of(salt.hasher()(i)); });
}

void vendors()
{
    namespace in = joust::interop;
    const auto itself = joust::by([](const std::string& id) -> const std::string& { return id; });
    const auto show = [](std::string_view name, const auto& split) {
        arms(name, [&](std::uint64_t i) {
            const joust::assignment found =
                split.decide((i % 3 == 0 ? "\xc3\xbcser-" : "user-") + std::to_string(i * 7'919));
            return found.enrolled ? found.arm : 9U;
        });
    };
    show("growthbook",
         in::growthbook_split{itself, {.key = "b", .hash_version = 2, .weights = {0.5, 0.3, 0.2}}});
    show("unleash", in::unleash_split{itself, {.group = "b", .rollout = 30.0, .weights = {0, 1, 2}}});
    show("optimizely", in::optimizely_split{itself, {.id = "1", .allocation = {{0, 1'000}, {1, 5'000}}}});
    show("launchdarkly",
         in::launchdarkly_split{itself, {.seed = 61, .variations = {{0, 20'000}, {1, 80'000}}}});
    show("planout", in::planout_split{itself, {.experiment_salt = "e", .salt = "s", .weights = {1, 0, 2}}});
    show("flagd", in::flagd_split{itself, {.flag_key = "f", .weights = {1, 0, 2}}});
    show("statsig", in::statsig_gate_split{itself, {.salt = "s", .rule = "r", .pass_percentage = 33.33}});
    show("split_io", in::split_io_split{itself, {.name = "f", .seed = 5, .sizes = {30, 70}}});
    show("featurevisor",
         in::featurevisor_split{itself, {.key = "f", .allocation = {{0, 0, 20'000}, {2, 20'000, 90'000}}}});
    show("eppo",
         in::eppo_split{
             itself, {.key = "e", .splits = {{0, {{"s", {{0, 3'000}}}}}, {1, {{"s", {{3'000, 9'000}}}}}}}});
}

void tickets()
{
    keyed_random random{3};
    const joust::key_ring ring{joust::sip_key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U}};
    digest all;
    for (int i = 0; i < 200; ++i) {
        const auto given = joust::ticket::exposure({.unit = random.next(),
                                                    .trial = static_cast<std::uint32_t>(random.next()),
                                                    .seconds = static_cast<std::uint32_t>(random.next()),
                                                    .propensity = static_cast<float>(1.0 - random.uniform()),
                                                    .arm = static_cast<unsigned>(random.below(16)),
                                                    .plan = static_cast<unsigned>(random.below(128)),
                                                    .nonce = static_cast<unsigned>(random.below(4'194'304))});
        const joust::signed_ticket sealed = ring.seal(given);
        joust::ticket read;
        joust::ticket opened;
        const bool good = joust::ticket::parse(given.to_string(), read) == joust::ticket_error::none &&
                          read == given && ring.open(sealed, opened) == joust::ticket_error::none &&
                          opened == given;
        if (i == 0) {
            same("ticket.text", given.to_string());
            same("ticket.signed", sealed.to_string());
        }
        all.add(good ? 1 : 0);
        for (const char c : given.to_string() + sealed.to_string()) {
            all.add(static_cast<unsigned char>(c));
        }
    }
    same("ticket.all", all.text());
}

std::vector<joust::item_key> shuffled(std::size_t size, std::uint64_t seed)
{
    std::vector<joust::item_key> items(size);
    for (std::size_t i = 0; i < size; ++i) {
        items[i] = (i + 1) * (seed % 2 == 0 ? 1 : 0x100000001U);
    }
    keyed_random random{seed};
    for (std::size_t i = size; i > 1; --i) {
        std::swap(items[i - 1], items[static_cast<std::size_t>(random.below(i))]);
    }
    return items;
}

void add_slots(digest& all, const joust::draft& page)
{
    for (const joust::slot& each : page) {
        all.add(each.index | std::uint64_t{each.pair} << 32 | std::uint64_t{each.ranker} << 48 |
                std::uint64_t{each.team} << 56);
    }
}

template <class Interleaver>
void slates(std::string_view name, const Interleaver& interleaver)
{
    digest all;
    for (std::size_t i = 0; i < 60; ++i) {
        const std::size_t length = i % 4 == 0 ? 40 : 1 + i % 16;
        const std::vector<joust::item_key> lists[2] = {shuffled(length + i % 5, 4 * i),
                                                       shuffled(length, 4 * i + 2)};
        const joust::ranking both[2] = {lists[0], lists[1]};
        keyed_random coins{i, 5};
        joust::draft page{length};
        interleaver.interleave(both, coins, page);
        add_slots(all, page);
        all.add(coins.next());
    }
    same(std::string{"slates."}.append(name), all.text());
}

void interleavers()
{
    slates("team_draft", joust::team_draft{});
    slates("competitive_pairs", joust::competitive_pairs{});
    slates("balanced", joust::balanced{});
    slates("probabilistic", joust::probabilistic{});
    slates("optimized", joust::optimized{});
    slates("roughly_optimized", joust::roughly_optimized{});
}

/// Pages that were shown on x86-64 are drawn again from the text of their tickets.
void replay()
{
    const std::vector<std::uint64_t> old_list{11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};
    const std::vector<std::uint64_t> new_list{15, 11, 31, 12, 32, 13, 33, 14, 34, 20, 35, 22};
    joust::interleaving trial{joust::model{"old", [&](std::uint64_t) { return old_list; }},
                              joust::model{"new", [&](std::uint64_t) { return new_list; }},
                              joust::by([](std::uint64_t user) { return user; }), joust::salt{"portable"}};
    constexpr std::array<std::string_view, 3> shown{"RBEBAAAAAAAyqQ1raOoAAAHt0YkqAAAADkAvRRLLJFs",
                                                    "REQEAAAAAAAyqQ1raOoAAFCi1yQqAAQAV_T2tFLEBiQ",
                                                    "RBEBAAAAAAAyqQ1raOoAAGL2lXIqAAgAGG5ubpZO_OU"};
    for (std::size_t i = 0; i < shown.size(); ++i) {
        joust::ticket page;
        const bool parsed = joust::ticket::parse(shown[i], page) == joust::ticket_error::none;
        const auto again = trial.replay(std::tie(old_list, new_list), page, 10);
        std::string text = parsed && again.agrees ? "agrees" : "differs";
        for (const joust::slot& each : again.slots) {
            text += ' ';
            text += std::to_string((each.ranker == 0 ? old_list : new_list)[each.index]);
            text += each.team == joust::no_team ? '-' : static_cast<char>('a' + each.team);
        }
        same("replay." + std::to_string(i), text);
    }
}

auto make_trial()
{
    return joust::ab_test{joust::model{"old", [](std::uint64_t) { return 0; }},
                          joust::model{"new", [](std::uint64_t) { return 1; }},
                          joust::by([](std::uint64_t user) { return user; }),
                          joust::hash_split{.salt = "portable", .shares = {0.6, 0.4}},
                          joust::conversion<"click">{},
                          joust::mean<"spent">{},
                          joust::untimed{}};
}

void whole_trial()
{
    auto trial = make_trial();
    keyed_random random{17};
    for (int i = 0; i < 4'000; ++i) {
        const auto [arm, ticket] = trial.serve(random.below(900));
        trial.observe<"click">(ticket, random.chance(arm == 0 ? 0.10 : 0.16) ? 1.0 : 0.0);
        trial.observe<"spent">(ticket, 20.0 * random.exponential());
    }
    // Before a report: what the tests of a report remember has passed through logarithms.
    const joust::evidence evidence = trial.evidence();
    const std::string bytes = joust::to_snapshot(evidence);
    same("snapshot.size", std::to_string(bytes.size()));
    same("snapshot.bytes", digest_of(bytes));
    same("snapshot.read", joust::from_snapshot<joust::evidence>(bytes) == evidence ? "equal" : "different");
    const joust::report found = trial.report();
    same("trial.decision", to_string(found.decision));
    for (const joust::arm_row& arm : found.arms) {
        same("trial.requests." + arm.model, std::to_string(arm.requests));
    }
    for (const joust::metric_row& row : found.metrics) {
        same("trial.champion." + row.metric, row.champion);
        same("trial.challenger." + row.metric, row.challenger);
        same("trial.estimate." + row.metric, row.estimate);
        near("trial.lower." + row.metric, row.lower);
        near("trial.upper." + row.metric, row.upper);
        near("trial.p_value." + row.metric, row.p_value);
    }
}

void statistics()
{
    keyed_random random{23};
    std::vector<double> values;
    joust::stats::betting bets{{.null = 0.4}};
    for (int i = 0; i < 3'001; ++i) {
        values.push_back(random.uniform());
        bets.update(values.back());
    }
    const joust::stats::moments moments{values};
    same("moments.mean", moments.mean());
    near("moments.variance", moments.variance());
    near("betting.log_e", bets.log_e());
    near("betting.lower", bets.running_interval().lower);
    near("betting.upper", bets.running_interval().upper);
}

void numbers()
{
    digest all;
    keyed_random random{29};
    for (int i = 0; i < 2'000; ++i) {
        const std::uint64_t above = random.next();
        const std::uint64_t below = random.next() >> random.below(64);
        const double value = static_cast<double>(above) / static_cast<double>(below + 1);
        double read = 0.0;
        const std::string text = joust::to_text(value);
        all.add(joust::detail::read_number(text, read) && read == value ? 1 : 0);
        for (const char c : text) {
            all.add(static_cast<unsigned char>(c));
        }
    }
    same("numbers.text", all.text());
    const auto results = joust::read_results_csv(
        "id,arm,metric,value\n1,a,m,0.1\n2,a,m,1.7976931348623157e308\n3,a,m,8.98846567431157953864652595394512366808e307\n");
    for (const joust::recorded::row& row : results.rows) {
        same("numbers.csv", row.value);
    }
}

}  // namespace

int main()
{
    random_numbers();
    assignment();
    vendors();
    tickets();
    interleavers();
    replay();
    whole_trial();
    statistics();
    numbers();
    return 0;
}

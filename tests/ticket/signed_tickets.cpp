// SPDX-License-Identifier: Apache-2.0

#include <joust/joust.hpp>

#include "allocations.hpp"
#include "catch.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

namespace {

using namespace joust;
using namespace std::chrono_literals;

constexpr sip_key secret{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
constexpr sip_key other{0x1716151413121110U, 0x1f1e1d1c1b1a1918U};

struct request {
    std::string user;
    int number = 0;
};

auto trial_with(auto... policies)
{
    return ab_test{model{"old", [](const request& r) { return r.number; }},
                   model{"new", [](const request& r) { return r.number + 1; }},
                   by(&request::user),
                   hash_split{.salt = "signed", .shares = {0.5, 0.5}},
                   conversion<"click">{},
                   untimed{},
                   policies...};
}

template <class Report>
std::uint64_t count_of(const Report& seen, std::string_view what)
{
    for (const auto& each : seen.counts) {
        if (each.what.find(what) != std::string::npos) {
            return each.count;
        }
    }
    return 0;
}

ticket any_ticket(keyed_random& random)
{
    switch (random.below(4)) {
        case 0:
            return ticket::slate({.teams = random.next(),
                                  .trial = static_cast<std::uint32_t>(random.next()),
                                  .seconds = static_cast<std::uint32_t>(random.next()),
                                  .bucket = static_cast<unsigned>(random.below(1'024)),
                                  .pseudonym = static_cast<std::uint32_t>(random.next()),
                                  .length = static_cast<unsigned>(random.below(64)),
                                  .nonce = static_cast<unsigned>(random.next())});
        case 1:
            return ticket::unrecorded({.trial = static_cast<std::uint32_t>(random.next()),
                                       .seconds = static_cast<std::uint32_t>(random.next()),
                                       .nonce = static_cast<unsigned>(random.next())});
        default: break;
    }
    const ticket::exposure_fields fields{.unit = random.next(),
                                         .trial = static_cast<std::uint32_t>(random.next()),
                                         .seconds = static_cast<std::uint32_t>(random.next()),
                                         .propensity = static_cast<float>(1.0 - random.uniform()),
                                         .arm = static_cast<unsigned>(random.below(16)),
                                         .plan = static_cast<unsigned>(random.below(128)),
                                         .nonce = static_cast<unsigned>(random.next())};
    return random.below(2) == 0 ? ticket::exposure(fields) : ticket::choice(fields);
}

std::array<unsigned char, 32> bytes_of(const signed_ticket& from)
{
    return std::bit_cast<std::array<unsigned char, 32>>(from);
}

// SIV in the plainest words: the tag of the 24 bytes, then a stream that the tag chooses.
std::array<unsigned char, 32> sealed_plainly(const ticket& open, sip_key key, unsigned id)
{
    const auto derived = [&](const char* a, const char* b) {
        return sip_key{siphash24(a, key), siphash24(b, key)};
    };
    std::array<unsigned char, 32> bytes = std::bit_cast<std::array<unsigned char, 32>>(open);
    // Version 1 in bits 7 and 8 of the last 32, the key's number in bits 9 and 10.
    bytes[20] = static_cast<unsigned char>(bytes[20] | 0x80U);
    bytes[21] = static_cast<unsigned char>(bytes[21] | (id << 1));
    const std::uint64_t tag =
        siphash24(bytes.data(), 24, derived("joust ticket tag 0", "joust ticket tag 1"));
    for (unsigned i = 0; i < 8; ++i) {
        bytes[24 + i] = static_cast<unsigned char>(tag >> (8 * i));
    }
    for (unsigned word = 0; word < 3; ++word) {
        std::array<unsigned char, 9> message{};
        std::copy(bytes.begin() + 24, bytes.end(), message.begin());
        message[8] = static_cast<unsigned char>(word);
        const std::uint64_t stream = siphash24(message.data(), message.size(),
                                               derived("joust ticket stream 0", "joust ticket stream 1"));
        for (unsigned i = 0; i < 8; ++i) {
            unsigned mask = static_cast<unsigned>(stream >> (8 * i)) & 255U;
            if (word == 2 && i == 4) {
                mask &= 0x7fU;
            }
            if (word == 2 && i == 5) {
                mask &= 0xf8U;
            }
            bytes[8 * word + i] = static_cast<unsigned char>(bytes[8 * word + i] ^ mask);
        }
    }
    return bytes;
}

TEST_CASE("What is sealed is opened the same, and is the SIV that the comment describes")
{
    keyed_random random{1};
    key_ring ring{secret, 2};
    for (int i = 0; i < 10'000; ++i) {
        const ticket made = any_ticket(random);
        REQUIRE(made.valid());
        const signed_ticket sealed = ring.seal(made);
        REQUIRE(sealed.key_id() == 2);
        REQUIRE(bytes_of(sealed) == sealed_plainly(made, secret, 2));
        ticket back;
        REQUIRE(ring.open(signed_ticket::from_string(sealed.to_string()), back) == ticket_error::none);
        REQUIRE(back == made);
        REQUIRE(std::string_view(sealed.text().data(), sealed.text().size()) == sealed.to_string());
    }
}

TEST_CASE("The text of a signed ticket is fixed, so that tickets outlive a deploy")
{
    const ticket made = ticket::exposure({.unit = 0x0123456789abcdefU,
                                          .trial = 7,
                                          .seconds = 1'764'000'000,
                                          .propensity = 0.5F,
                                          .arm = 1,
                                          .plan = 3,
                                          .nonce = 9});
    CHECK(key_ring{secret}.seal(made).to_string() == "wfKdp1_ESuamDy_5bm4keK3TmP6jaD5L-NACjli0inE");
    CHECK(to_text(key_ring{secret}.seal(made)) == key_ring{secret}.seal(made).to_string());
}

TEST_CASE("Every flipped bit of a signed ticket is noticed, in the bytes and in the text")
{
    keyed_random random{2};
    const key_ring ring{secret, 1};
    for (int i = 0; i < 50; ++i) {
        const signed_ticket sealed = ring.seal(any_ticket(random));
        for (unsigned bit = 0; bit < 256; ++bit) {
            auto bytes = bytes_of(sealed);
            bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] ^ (1U << (bit % 8)));
            ticket out;
            const ticket_error error = ring.open(std::bit_cast<signed_ticket>(bytes), out);
            REQUIRE(out == ticket{});
            // Version and number of the key are not enciphered; the tag covers the rest.
            REQUIRE(error == (bit == 167 || bit == 168   ? ticket_error::version
                              : bit == 169 || bit == 170 ? ticket_error::retired
                                                         : ticket_error::forged));
        }
        const std::string text = sealed.to_string();
        for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
            std::string damaged = text;
            damaged[bit / 8] =
                static_cast<char>(static_cast<unsigned char>(damaged[bit / 8]) ^ (1U << (bit % 8)));
            signed_ticket read;
            ticket out;
            const bool taken = signed_ticket::parse(damaged, read) == ticket_error::none &&
                               ring.open(read, out) == ticket_error::none;
            REQUIRE_FALSE(taken);
        }
    }
}

TEST_CASE("Plain and signed texts are not taken for each other")
{
    keyed_random random{3};
    const key_ring ring{secret};
    for (int i = 0; i < 1'000; ++i) {
        const ticket made = any_ticket(random);
        signed_ticket sealed;
        CHECK(signed_ticket::parse(made.to_string(), sealed) == ticket_error::version);
        CHECK(sealed == signed_ticket{});
        ticket plain;
        CHECK(ticket::parse(ring.seal(made).to_string(), plain) == ticket_error::version);
    }
    CHECK_THROWS_AS(signed_ticket::from_string("no ticket"), parse_error);
    signed_ticket read;
    CHECK(signed_ticket::parse(std::string(43, 'A'), read) == ticket_error::version);
    CHECK(signed_ticket::parse(std::string(43, '*'), read) == ticket_error::alphabet);
    CHECK(signed_ticket::parse(std::string(42, 'A') + "B", read) == ticket_error::trailing_bits);
    CHECK(signed_ticket::parse("", read) == ticket_error::length);
    ticket out;
    CHECK(ring.open(signed_ticket{}, out) == ticket_error::version);
}

TEST_CASE("Keys rotate: one signs, all read, and a retired one reads no longer")
{
    keyed_random random{4};
    const ticket made = any_ticket(random);
    key_ring ring{secret};
    const key_ring copy = ring;  // shares the ring
    const signed_ticket old = ring.seal(made);
    ring.add(1, other);
    CHECK(ring.seal(made) == old);
    ring.sign_with(1);
    CHECK(copy.signing() == 1);
    const signed_ticket fresh = copy.seal(made);
    CHECK(fresh.key_id() == 1);
    CHECK(fresh != old);
    ticket out;
    CHECK(copy.open(old, out) == ticket_error::none);
    CHECK(copy.open(fresh, out) == ticket_error::none);
    ring.retire(0);
    CHECK(copy.open(old, out) == ticket_error::retired);
    CHECK(copy.open(fresh, out) == ticket_error::none);
    // The same number with another secret: the old ticket is no longer told apart from a forged one.
    ring.add(0, other);
    CHECK(copy.open(old, out) == ticket_error::forged);
    // The same secret under another number is another key.
    CHECK(key_ring{other, 0}.open(fresh, out) == ticket_error::retired);
    CHECK(copy == ring);
    CHECK_FALSE(key_ring{secret} == key_ring{secret});
}

TEST_CASE("A ring refuses impossible changes and stays as it was")
{
    const auto wrong = [](auto&& change) -> std::string {
        try {
            change();
        } catch (const configuration_error& error) {
            return error.field();
        }
        return "";
    };
    key_ring ring{secret};
    CHECK(wrong([] { key_ring{sip_key{}}; }) == "key_ring.secret");
    CHECK(wrong([] { key_ring{secret, 4}; }) == "key_ring.id");
    CHECK(wrong([&] { ring.add(4, other); }) == "key_ring.id");
    CHECK(wrong([&] { ring.add(1, sip_key{}); }) == "key_ring.secret");
    CHECK(wrong([&] { ring.add(0, other); }) == "key_ring.id");
    CHECK(wrong([&] { ring.add(0, secret); }) == "");
    CHECK(wrong([&] { ring.sign_with(1); }) == "key_ring.id");
    CHECK(wrong([&] { ring.sign_with(9); }) == "key_ring.id");
    CHECK(wrong([&] { ring.retire(0); }) == "key_ring.id");
    CHECK(wrong([&] { ring.retire(3); }) == "key_ring.id");
    CHECK(ring.signing() == 0);
    CHECK(wrong([] { static_cast<void>(trial_with(plain_tickets{.expires_after = 0s}).name()); }) ==
          "expires_after");
    CHECK(wrong([] {
              static_cast<void>(trial_with(signed_tickets{.keys = secret, .expires_after = -1s}).name());
          }) == "expires_after");
}

TEST_CASE("Serving and observing, choosing and completing go through signed tickets")
{
    auto trial = trial_with(signed_tickets{.keys = secret});
    STATIC_REQUIRE(std::is_same_v<decltype(trial)::ticket_type, signed_ticket>);
    STATIC_REQUIRE(std::is_same_v<decltype(trial_with())::ticket_type, ticket>);
    unsigned arms[2]{};
    for (int i = 0; i < 200; ++i) {
        const request r{"user " + std::to_string(i), i};
        const auto [prediction, receipt] = trial.serve(r);
        STATIC_REQUIRE(std::is_same_v<std::remove_cvref_t<decltype(receipt)>, signed_ticket>);
        REQUIRE(trial.arm_of(receipt) == static_cast<unsigned>(prediction - i));
        ++arms[trial.arm_of(receipt)];
        REQUIRE(trial.observe<"click">(signed_ticket::from_string(receipt.to_string()), true));
        REQUIRE_FALSE(trial.observe<"click">(receipt, true));
        const signed_ticket chosen = trial.choose(r.user);
        REQUIRE(trial.arm_of(chosen) == trial.arm_of(receipt));
        REQUIRE(trial.complete(chosen, 1ms, true));
        REQUIRE_FALSE(trial.complete(chosen, 1ms, true));
        REQUIRE_FALSE(trial.complete(receipt, 1ms, true));
    }
    CHECK(arms[0] > 60);
    CHECK(arms[1] > 60);
    CHECK(trial.evidence().requests() == 400);
    CHECK(count_of(trial.report(), "repeated feedback") == 600);
}

TEST_CASE("Damaged, forged, retired, late, foreign and repeated feedback are told apart")
{
    key_ring ring{secret};
    auto trial = trial_with(signed_tickets{.keys = ring, .expires_after = 1h});
    const auto now = static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
    const auto made = [&](std::uint32_t seconds, std::string_view name = "ab_test/signed",
                          std::uint64_t unit = 1) {
        return ticket::exposure(
            {.unit = unit, .trial = ticket::trial_number(name), .seconds = seconds, .propensity = 0.5F});
    };
    CHECK(trial.observe<"click">(ring.seal(made(now)), true));
    CHECK_FALSE(trial.observe<"click">(ring.seal(made(now)), true));
    CHECK(trial.observe<"click">(ring.seal(made(now - 3'500)), true));
    CHECK(trial.observe<"click">(ring.seal(made(now + 3'600)), true));  // a clock that is ahead
    CHECK_FALSE(trial.observe<"click">(ring.seal(made(now - 3'700)), true));
    CHECK_FALSE(trial.complete(ring.seal(made(0)), 1ms, true));
    CHECK_FALSE(trial.observe<"click">(ring.seal(made(now, "ab_test/another")), true));
    CHECK_FALSE(trial.observe<"click">(signed_ticket{}, true));
    for (int i = 0; i < 4; ++i) {
        CHECK_FALSE(trial.observe<"click">(key_ring{other}.seal(made(now, "ab_test/signed", 7)), true));
    }
    const signed_ticket old = ring.seal(made(now, "ab_test/signed", 8));
    ring.add(1, other);
    ring.sign_with(1);
    CHECK(trial.observe<"click">(old, true));
    ring.retire(0);
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(trial.observe<"click">(old, true));
    }
    CHECK(trial.arm_of(old) == 0);
    const report r = trial.report();
    CHECK(count_of(r, "repeated feedback") == 1);
    CHECK(count_of(r, "feedback too late for its ticket") == 2);
    CHECK(count_of(r, "feedback for a ticket of another trial") == 1);
    CHECK(count_of(r, "feedback for a damaged ticket") == 1);
    CHECK(count_of(r, "feedback for a forged ticket") == 4);
    CHECK(count_of(r, "feedback for a ticket of a retired key") == 5);
}

TEST_CASE("Tickets that are not signed expire too")
{
    auto trial = trial_with(plain_tickets{.expires_after = 10min});
    const auto now = static_cast<std::uint32_t>(wall_milliseconds() / 1'000U);
    const auto made = [&](std::uint32_t seconds) {
        return ticket::exposure({.unit = 1,
                                 .trial = ticket::trial_number("ab_test/signed"),
                                 .seconds = seconds,
                                 .propensity = 0.5F});
    };
    CHECK(trial.observe<"click">(made(now - 590), true));
    CHECK_FALSE(trial.observe<"click">(made(now - 610), true));
    CHECK(count_of(trial.report(), "too late") == 1);
    auto lasting = trial_with();
    CHECK(lasting.observe<"click">(made(0), true));
}

TEST_CASE("A canary takes signed tickets")
{
    canary trial{model{"old", [](const request& r) { return r.number; }},
                 model{"new", [](const request& r) { return r.number + 1; }},
                 by(&request::user),
                 hash_split{.salt = "canary"},
                 guardrail(conversion<"ok">{}, {.max_decrease = 0.5}),
                 signed_tickets{.keys = secret},
                 ramp{.shares = {0.5}, .requests = 1'000'000}};
    for (int i = 0; i < 100; ++i) {
        const auto [prediction, receipt] = trial.serve(request{std::to_string(i), i});
        REQUIRE(trial.arm_of(receipt) == static_cast<unsigned>(prediction - i));
        REQUIRE(trial.observe<"ok">(receipt, true));
    }
}

struct query {
    std::string user;
};

auto search_with(auto... policies)
{
    const auto ranker = [](std::vector<int> items) { return [items](const query&) { return items; }; };
    return interleaving{model{"old", ranker({1, 2, 3, 4, 5, 6})}, model{"new", ranker({6, 5, 4, 3, 2, 1})},
                        by(&query::user), salt{"search"}, policies...};
}

TEST_CASE("Slates hide their teams and take clicks by signed tickets")
{
    key_ring ring{secret};
    auto search = search_with(signed_tickets{.keys = ring, .expires_after = 1h});
    auto plain = search_with();
    STATIC_REQUIRE(std::is_same_v<decltype(search)::ticket_type, signed_ticket>);
    int used = 0;
    for (int i = 0; i < 100; ++i) {
        const auto page = search.rank(query{std::to_string(i)}, 4);
        ticket open;
        REQUIRE(ring.open(page.ticket(), open) == ticket_error::none);
        REQUIRE(open.kind() == ticket_kind::slate);
        REQUIRE(open.length() == 4);
        used += search.click(page.ticket(), 0) ? 1 : 0;
        CHECK_FALSE(search.click(page.ticket(), 0));
        CHECK_FALSE(search.click(key_ring{other}.seal(open), 0));
    }
    CHECK(used > 20);
    CHECK(count_of(search.report(), "feedback for a forged ticket") == 100);
    const auto stale = ticket::slate(
        {.teams = 0, .trial = ticket::trial_number("interleaving/search"), .seconds = 1, .length = 4});
    CHECK_FALSE(search.click(ring.seal(stale), 0));
    CHECK(count_of(search.report(), "too late") == 1);
    CHECK(plain.pseudonym_of(std::string{"7"}) == search.pseudonym_of(std::string{"7"}));
    const auto page = plain.rank(query{"7"}, 4);
    CHECK(plain.pseudonym_of(std::string{"7"}) >> 32 ==
          ((std::uint64_t{page.ticket().bucket()} << 22) | page.ticket().pseudonym()));
}

TEST_CASE("A shadow takes truths by signed tickets, and counts those it does not take")
{
    key_ring ring{secret};
    shadow beside{model{"old", [](const request& r) { return r.number; }},
                  model{"new", [](const request& r) { return r.number + 1; }},
                  by(&request::user),
                  salt{"beside"},
                  inline_run{},
                  consent([](const request& r) { return r.user != "bob"; }),
                  signed_tickets{.keys = ring, .expires_after = 1h}};
    STATIC_REQUIRE(std::is_same_v<decltype(beside)::ticket_type, signed_ticket>);
    const auto receipt = beside.serve(request{"ann", 1}).ticket;
    CHECK(beside.truth(receipt.to_string(), 1));
    CHECK_FALSE(beside.truth(receipt, 1));
    ticket open;
    REQUIRE(ring.open(receipt, open) == ticket_error::none);
    CHECK_FALSE(beside.truth(key_ring{other}.seal(open), 1));
    CHECK_FALSE(beside.truth(open.to_string(), 1));  // plain
    CHECK_FALSE(beside.truth(key_ring{other, 1}.seal(open), 1));
    CHECK_FALSE(beside.truth(ring.seal(ticket::exposure(
                                 {.trial = ticket::trial_number("shadow/beside"), .seconds = 5, .plan = 1})),
                             1));
    CHECK(beside.serve(request{"bob", 1}).ticket != beside.serve(request{"bob", 1}).ticket);
    const auto seen = beside.report();
    CHECK(count_of(seen, "repeated truths") == 1);
    CHECK(count_of(seen, "truths for forged tickets") == 1);
    CHECK(count_of(seen, "truths for damaged tickets") == 1);
    CHECK(count_of(seen, "truths for tickets of a retired key") == 1);
    CHECK(count_of(seen, "truths too late for their tickets") == 1);
}

TEST_CASE("Logs get what was sealed, so that exposure and feedback belong together")
{
    std::vector<event> log;
    auto trial =
        trial_with(signed_tickets{.keys = secret}, record_with([&](const event& e) { log.push_back(e); }));
    const auto served = trial.serve(request{"ann", 1});
    CHECK(trial.observe<"click">(served.ticket, true));
    REQUIRE(log.size() == 2);
    CHECK(log[0].ticket.valid());
    CHECK(log[0].ticket == log[1].ticket);
    CHECK(log[0].ticket.arm() == trial.arm_of(served.ticket));
    CHECK(log[0].ticket.unit() == trial.pseudonym_of(std::string{"ann"}));
}

TEST_CASE("A user who opted out gets a ticket that looks like any other")
{
    auto trial =
        trial_with(signed_tickets{.keys = secret}, consent([](const request& r) { return r.user != "bob"; }));
    const request bob{"bob", 1};
    const auto first = trial.serve(bob).ticket;
    const auto second = trial.serve(bob).ticket;
    // Within one second everything but the number is equal.
    CHECK(first != second);
    CHECK_FALSE(trial.observe<"click">(first, true));
    CHECK(count_of(trial.report(), "feedback for an unrecorded call") == 1);
    auto search = search_with(signed_tickets{.keys = secret}, consent([](const query&) { return false; }));
    CHECK(search.rank(query{"bob"}, 3).ticket() != search.rank(query{"bob"}, 3).ticket());
}

TEST_CASE("With signed tickets serving and feedback allocate nothing after a thread's first call")
{
    auto trial = trial_with(signed_tickets{.keys = secret, .expires_after = 1h});
    const request r{"a user with a name that is too long for a small string", 1};
    static_cast<void>(trial.serve(r));
    const long before = joust_tests::allocations();
    for (int i = 0; i < 1'000; ++i) {
        trial.observe<"click">(trial.serve(r).ticket, true);
    }
    CHECK(joust_tests::allocations() == before);
}

TEST_CASE("Keys change while threads serve")
{
    key_ring ring{secret};
    auto trial = trial_with(signed_tickets{.keys = ring});
    std::atomic<bool> stop{false};
    std::atomic<long> used{0};
    std::atomic<long> tried{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; !stop.load(std::memory_order_relaxed); ++i) {
                const auto receipt = trial.serve(request{std::to_string(t), i}).ticket;
                used += trial.observe<"click">(receipt, true) ? 1 : 0;
                ++tried;
            }
        });
    }
    for (unsigned round = 0; round < 100; ++round) {
        const unsigned id = (round + 1) % 4;
        ring.add(id, {round + 1, 7});
        ring.sign_with(id);
        while (tried.load() < 20 * static_cast<long>(round)) {
            std::this_thread::yield();
        }
        // Three rounds later no thread holds one any more, except a thread that was held up in between.
        if (round >= 2) {
            ring.retire((round + 2) % 4);
        }
    }
    stop = true;
    for (auto& thread : threads) {
        thread.join();
    }
    const report seen = trial.report();
    CHECK(static_cast<std::uint64_t>(tried.load() - used.load()) ==
          count_of(seen, "retired key") + count_of(seen, "forged"));
    CHECK(used.load() > 0);
}

// The text of a ticket against the arm that served: 256 bits, 32 bytes, 43 characters. An arm that shows anywhere shows here:
// the same tickets unsigned fail the test at once.
struct leak {
    double largest_bit = 0.0;   // of chi-squared with 1 degree of freedom
    double largest_byte = 0.0;  // of chi-squared, as a standard normal (Wilson and Hilferty 1931)
    double learnt = 0.0;        // deviation of a learner's hits from chance, in standard deviations
};

double chi_squared(const std::vector<std::array<double, 2>>& table)
{
    double arms[2]{};
    double all = 0.0;
    for (const auto& row : table) {
        arms[0] += row[0];
        arms[1] += row[1];
    }
    all = arms[0] + arms[1];
    double sum = 0.0;
    double degrees = -1.0;
    for (const auto& row : table) {
        const double total = row[0] + row[1];
        if (total == 0.0) {
            continue;
        }
        ++degrees;
        for (std::size_t a = 0; a < 2; ++a) {
            const double expected = total * arms[a] / all;
            sum += (row[a] - expected) * (row[a] - expected) / expected;
        }
    }
    if (degrees < 1.0) {
        return 0.0;
    }
    const double v = 2.0 / (9.0 * degrees);
    return (std::cbrt(sum / degrees) - (1.0 - v)) / std::sqrt(v);
}

template <class Serve>
leak look(Serve&& serve, int tickets)
{
    // A naive Bayes learner over bits and bytes: learns from the first half, guesses in the second.
    std::vector<std::vector<std::array<double, 2>>> bits(256, std::vector<std::array<double, 2>>(2));
    std::vector<std::vector<std::array<double, 2>>> bytes(32, std::vector<std::array<double, 2>>(256));
    const auto count = [&](const std::array<unsigned char, 32>& b, unsigned arm) {
        for (std::size_t i = 0; i < 256; ++i) {
            bits[i][(b[i / 8] >> (i % 8)) & 1U][arm] += 1.0;
        }
        for (std::size_t i = 0; i < 32; ++i) {
            bytes[i][b[i]][arm] += 1.0;
        }
    };
    double hits = 0.0;
    double guesses = 0.0;
    double served[2]{};
    std::vector<std::vector<double>> weights;
    for (int i = 0; i < tickets; ++i) {
        const auto [b, arm] = serve(i);
        if (i == tickets / 2) {
            for (const auto& table : bytes) {
                auto& each = weights.emplace_back();
                for (const auto& row : table) {
                    each.push_back(std::log((row[1] + 1.0) / (served[1] + 256.0)) -
                                   std::log((row[0] + 1.0) / (served[0] + 256.0)));
                }
            }
        }
        if (i >= tickets / 2) {
            double score = 0.0;
            for (std::size_t k = 0; k < 32; ++k) {
                score += weights[k][b[k]];
            }
            // The arms are served equally often, so no other guess does better than this one by chance.
            hits += (score > 0.0) == (arm == 1) ? 1.0 : 0.0;
            ++guesses;
        }
        served[arm] += 1.0;
        count(b, arm);
    }
    leak found;
    for (const auto& table : bits) {
        found.largest_bit = std::max(found.largest_bit, chi_squared(table));
    }
    for (const auto& table : bytes) {
        found.largest_byte = std::max(found.largest_byte, chi_squared(table));
    }
    found.learnt = (hits - 0.5 * guesses) / std::sqrt(0.25 * guesses);
    return found;
}

TEST_CASE("A client cannot tell from tickets which model served")
{
    constexpr int tickets = 200'000;
    auto trial = trial_with(signed_tickets{.keys = secret});
    const auto served = [](auto& score, int i) {
        const auto [prediction, receipt] = score.serve(request{std::to_string(i % 5'000), i});
        return std::pair{std::bit_cast<std::array<unsigned char, 32>>(receipt),
                         static_cast<unsigned>(prediction - i)};
    };
    // 288 comparisons: none of them reaches 1 in 100,000, which happens by chance in 3 of 1,000 keys.
    constexpr double limit = 4.27;
    const leak hidden = look([&](int i) { return served(trial, i); }, tickets);
    CHECK(hidden.largest_bit < limit);
    CHECK(hidden.largest_byte < limit);
    CHECK(std::fabs(hidden.learnt) < limit);

    auto open = trial_with();
    const leak shown = look([&](int i) { return served(open, i); }, tickets / 10);
    CHECK(shown.largest_bit > 10 * limit);
    CHECK(shown.largest_byte > 10 * limit);
    CHECK(shown.learnt > 10 * limit);
}

TEST_CASE("A client cannot tell from tickets which ranker filled a position")
{
    key_ring ring{secret};
    auto search = search_with(signed_tickets{.keys = ring}, untimed{});
    const auto served = [&](int i) {
        const auto page = search.rank(query{std::to_string(i % 5'000)}, 4);
        ticket open;
        REQUIRE(ring.open(page.ticket(), open) == ticket_error::none);
        return std::pair{bytes_of(page.ticket()), static_cast<unsigned>(page.slots()[0].team == 0 ? 0 : 1)};
    };
    const leak hidden = look(served, 60'000);
    CHECK(hidden.largest_bit < 4.27);
    CHECK(hidden.largest_byte < 4.27);
    CHECK(std::fabs(hidden.learnt) < 4.27);
}

TEST_CASE("Two tickets of one user cannot be linked, nor can those of one arm")
{
    // Hamming distances between tickets of one unit and of different units: both those of random words.
    auto trial = trial_with(signed_tickets{.keys = secret});
    double same = 0.0;
    double different = 0.0;
    constexpr int pairs = 20'000;
    const auto distance = [](const signed_ticket& x, const signed_ticket& y) {
        int bits = 0;
        for (std::size_t i = 0; i < 32; ++i) {
            bits += std::popcount(static_cast<unsigned>(bytes_of(x)[i] ^ bytes_of(y)[i]));
        }
        return static_cast<double>(bits);
    };
    for (int i = 0; i < pairs; ++i) {
        const request r{std::to_string(i), i};
        const auto one = trial.serve(r).ticket;
        same += distance(one, trial.serve(r).ticket);
        different += distance(one, trial.serve(request{std::to_string(i + 1), i}).ticket);
    }
    // 252 free bits: the mean of a pair is 126, its deviation sqrt(63).
    const double error = std::sqrt(63.0 / pairs);
    CHECK(std::fabs(same / pairs - 126.0) < 4.5 * error);
    CHECK(std::fabs(different / pairs - 126.0) < 4.5 * error);
}

}  // namespace

// SPDX-License-Identifier: Apache-2.0

// Runs all five trials of joust on real models and real data, and then a canary of a model that is broken on purpose.
//
// The champion is a linear classifier. The challenger compares with nearest neighbours; it is more accurate and about a
// hundred times slower. The requests are real images that the models have not learned from. The users are simulated.

#include <joust/format.hpp>
#include <joust/joust.hpp>
#include <joust/report/html.hpp>
#include <joust/store/file.hpp>
#include <joust/trial/plan_canary.hpp>

#include "demo_progress.hpp"
#include "demo_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace examples;

/// Tell a trial whether an answer was right after 200 further requests, since a service learns that later too.
///
/// Until then the service keeps only the ticket, as 43 characters of text that fit into a log or a URL.
template <class Trial>
class delayed_truth {
public:
    explicit delayed_truth(Trial& trial) : trial_(trial) {}

    void add(const joust::ticket& ticket, bool right)
    {
        waiting_.emplace_back(ticket.to_string(), right);
        if (waiting_.size() > 200) {
            tell_oldest();
        }
    }
    void tell_all()
    {
        while (!waiting_.empty()) {
            tell_oldest();
        }
    }

private:
    void tell_oldest()
    {
        const auto& [text, right] = waiting_.front();
        trial_.template observe<"accuracy">(joust::ticket::from_string(text), right);
        waiting_.pop_front();
    }

    Trial& trial_;
    std::deque<std::pair<std::string, bool>> waiting_;
};

/// Shadow: the challenger answers the same requests as the champion, on a thread of its own.
///
/// Users never see its answers and never wait for them. The report says how often the two agree, which of them is right
/// once the truth is known, how long each takes, and whether the challenger fails.
joust::report run_shadow(const demo_world& world, const demo_size& size)
{
    joust::shadow letters{
        joust::model{"linear", [&](const letter_request& r) { return world.softmax(r.x); }},
        joust::model{"neighbours", [&](const letter_request& r) { return world.neighbours(r.x); }},
        joust::by(&letter_request::user),
        joust::salt("letters-shadow"),
        joust::background{.queue = 4096},
    };

    const auto requests = world.traffic(size.shadow, size.users, 1);
    progress bar("shadow", requests.size());
    auto next = std::chrono::steady_clock::now();
    for (const letter_request& request : requests) {
        // Two requests are at least 40 microseconds apart. Without pauses the challenger could not keep up.
        while (std::chrono::steady_clock::now() < next) {
            std::this_thread::yield();
        }
        next = std::chrono::steady_clock::now() + std::chrono::microseconds(40);
        const auto [letter, ticket] = letters.serve(request);
        letters.truth(ticket, world.truth(request));
        if (bar.due()) {
            bar.show(request.id);
        }
    }
    letters.drain();
    return letters.report();
}

/// Canary: the challenger serves 5 % of the users, then 25, 50 and 100 %, as soon as harm is excluded for every guardrail.
///
/// The guardrails state what must not happen: accuracy falls by more than two points, failures become more frequent, or
/// the slowest twentieth of the answers takes 2 ms longer. The trial checks them at every request and advances by itself.
/// It rolls a bad challenger back within the call that gives enough evidence against it.
/// `promised`, if it is not null, gets the number of requests within which the plan of the canary promises to stop a challenger
/// that fails on one point more, in 95 % of cases, at the first share.
template <class Challenger>
joust::report run_canary(const demo_world& world, const demo_size& size, const char* name,
                         const Challenger& challenger, std::uint64_t seed, double* promised = nullptr)
{
    joust::canary letters{
        joust::model{"linear", [&](const letter_request& r) { return world.softmax(r.x); }},
        joust::model{name, [&](const letter_request& r) { return challenger(r.x); }},
        joust::by(&letter_request::user),
        joust::hash_split{.salt = std::string("letters-canary-") + name},
        joust::ramp{.shares = {0.05, 0.25, 0.5, 1.0}, .requests = 200},
        joust::guardrail(joust::conversion<"accuracy">{}, {.max_decrease = 0.02}),
        joust::guardrail(joust::failures{}),
        joust::guardrail(joust::latency{.q = 0.95}, {.max_increase = 2.0}),
    };

    if (promised != nullptr) {
        const joust::canary_forecast plan =
            letters.plan(joust::expected_traffic{.requests_per_second = 100.0,
                                                 .units = static_cast<double>(10 * size.users),
                                                 .levels = {{"accuracy", 0.8}, {"latency", 0.01}},
                                                 .rollouts = 200});
        for (const joust::stats::caught_harm& each : plan.outlook.stages.front().caught) {
            if (plan.plan.guardrails[each.guardrail].name == "failures") {
                *promised = each.requests_95;
            }
        }
    }
    // Many users, since harm is excluded by users: one of them may be what fails.
    const auto requests = world.traffic(size.canary, 10 * size.users, seed);
    progress bar("canary", requests.size());
    delayed_truth truth(letters);
    for (const letter_request& request : requests) {
        const auto [letter, ticket] = letters.serve(request);
        truth.add(ticket, letter == world.truth(request));
        if (bar.due()) {
            bar.show(request.id, fmt::format("{} serves {:.0f} %", name, 100.0 * letters.share()));
        }
    }
    truth.tell_all();
    return letters.report();
}

/// A/B test: half of the users get the challenger for the whole time, and accuracy decides.
///
/// The report says how much better the challenger is and whether the latency guardrail holds. Its interval is valid
/// whenever the report is read.
joust::report run_ab_test(const demo_world& world, const demo_size& size)
{
    joust::ab_test letters{
        joust::model{"linear", [&](const letter_request& r) { return world.softmax(r.x); }},
        joust::model{"neighbours", [&](const letter_request& r) { return world.neighbours(r.x); }},
        joust::by(&letter_request::user),
        joust::hash_split{.salt = "letters-ab", .shares = {0.5, 0.5}},
        joust::conversion<"accuracy">{},
        joust::guardrail(joust::latency{.q = 0.99}, {.max_increase = 2.0}),
        joust::always_valid{.alpha = 0.05, .units = static_cast<double>(size.ab_test)},
    };

    const auto requests = world.traffic(size.ab_test, size.users, 3);
    progress bar("A/B test", requests.size());
    delayed_truth truth(letters);
    for (const letter_request& request : requests) {
        const auto [letter, ticket] = letters.serve(request);
        truth.add(ticket, letter == world.truth(request));
        if (bar.due()) {
            bar.show(request.id);
        }
    }
    truth.tell_all();
    return letters.report();
}

/// Interleaving: one list shows results of both rankers, and clicks say which ranker users prefer.
///
/// Every user compares the two rankers, so that fewer users are needed than in an A/B test. Here the rankers look for
/// images of the same letter as the image in the request. The clicks are simulated.
joust::report run_interleaving(const demo_world& world, const demo_size& size)
{
    joust::interleaving similar{
        joust::model{"cosine", [&](const letter_request& r) { return world.cosine(r.x); }},
        joust::model{"mahalanobis", [&](const letter_request& r) { return world.mahalanobis(r.x); }},
        joust::by(&letter_request::user),
        joust::salt("letters-similar"),
        joust::always_valid{.units = static_cast<double>(size.interleaving)},
    };

    const auto requests = world.traffic(size.interleaving, size.users, 4);
    progress bar("interleaving", requests.size());
    cascade_clicks user(44);
    for (const letter_request& request : requests) {
        const auto page = similar.rank(request, page_length);
        const char wanted = world.truth(request);
        for (const std::size_t place :
             user(page.size(), [&](std::size_t at) { return world.data.train[page[at]].truth == wanted; })) {
            similar.click(page.ticket(), place);
        }
        if (bar.due()) {
            bar.show(request.id);
        }
    }
    return similar.report();
}

/// Gate: both models answer the same held-back rows before the challenger is deployed, and CI gets an exit code.
///
/// The guardrail states how much worse the challenger may be. The gate passes if the challenger is shown to be no worse
/// than that, fails if it is shown to be worse, and otherwise says how many more rows are needed.
joust::report run_gate(const demo_world& world, const demo_size& size)
{
    joust::gate check{
        joust::model{"linear", [&](const letter_row& r) { return world.softmax(r.x); }},
        joust::model{"neighbours", [&](const letter_row& r) { return world.neighbours(r.x); }},
        joust::guardrail(joust::conversion<"accuracy">{}, {.max_decrease = 0.01}),
        joust::guardrail(joust::latency{.q = 0.99}, {.max_increase = 2.0}),
    };

    const std::size_t rows = std::min(size.gate, world.data.held_back.size());
    return check.run(std::span(world.data.held_back).first(rows),
                     [](const letter_row& r, char letter) { return letter == r.truth; });
}

/// Find the row of a metric in a report by the beginning of its name ("latency" finds "latency p99").
const joust::metric_row* row_of(const joust::report& report, std::string_view metric)
{
    for (const joust::metric_row& row : report.metrics) {
        if (std::string_view(row.metric).substr(0, metric.size()) == metric) {
            return &row;
        }
    }
    return nullptr;
}

/// Print what the better answers cost. The verdict does not weigh accuracy against latency; the owner of a service has to.
void print_trade(const joust::report& report)
{
    const joust::metric_row* accuracy = row_of(report, "accuracy");
    if (accuracy == nullptr || report.latencies.size() < 2) {
        return;
    }
    const joust::latency_row& champion = report.latencies[0];
    const joust::latency_row& challenger = report.latencies[1];
    fmt::print(
        "The trade: {} answers {:+.1f} points more accurately [{:+.1f}, {:+.1f}] and takes {:.1f} us instead of {:.2f} us at the median, {:.0f} times as long.\n",
        challenger.model, 100.0 * accuracy->estimate, 100.0 * accuracy->lower, 100.0 * accuracy->upper,
        1000.0 * challenger.p50, 1000.0 * champion.p50, challenger.p50 / champion.p50);
}

struct demo_options {
    std::string out = "report.html";
    std::string data = JOUST_SOURCE_DIR "/examples/data";
    bool fast = false;
    bool help = false;
};

constexpr std::string_view help =
    R"(00_demo: five trials of joust on real classifiers, and one of a broken model.

  00_demo [--fast] [--out FILE] [--data DIRECTORY]

  --fast            simulate less traffic
  --out FILE        where the page with all reports goes, default report.html
  --data DIRECTORY  where letter.csv is
  --help            print this text

The exit code is 0 if every trial ended as expected, and 1 if not.
)";

demo_options parse(int argc, char** argv)
{
    demo_options given;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--fast") {
            given.fast = true;
        } else if (word == "--help" || word == "-h") {
            given.help = true;
        } else if ((word == "--out" || word == "--data") && i + 1 < argc) {
            (word == "--out" ? given.out : given.data) = argv[++i];
        } else {
            throw std::invalid_argument(word == "--out" || word == "--data" ? word + " needs a value"
                                                                            : "unknown option " + word);
        }
    }
    return given;
}

int run(const demo_options& given)
{
    const auto start = std::chrono::steady_clock::now();
    const demo_size size = given.fast ? demo_size::fast() : demo_size{};
    const demo_world world = demo_world::build(given.data);
    fmt::print(
        "Real: {} letters to learn from, {} held back as requests, both models, and all latencies (read and trained in {:.2f} s).\n"
        "Simulated: {} users, which user sends which letter, and every click. Hours of traffic pass within seconds.\n\n",
        world.data.train.size(), world.data.held_back.size(), world.seconds, size.users);

    demo_checks checks;
    std::vector<joust::report> reports;
    const auto show = [&](std::string_view title, joust::report report) -> const joust::report& {
        fmt::print("==== {} ====\n{:t}\n", title, report);
        return reports.emplace_back(std::move(report));
    };
    reports.reserve(8);

    const joust::report& shadow = show("1. Shadow: users do not see the challenger", run_shadow(world, size));
    checks.expect(shadow.decision == joust::verdict::ship_challenger,
                  "the shadow finds the challenger more accurate and without failures");

    const joust::report& canary = show("2. Canary: a growing share of users",
                                       run_canary(world, size, "neighbours", world.neighbours, 2));
    checks.expect(canary.decision == joust::verdict::ship_challenger && !canary.shares.empty() &&
                      canary.shares.back().share == 1.0,
                  "the canary takes the challenger from 1 % to 100 % of the users");

    const joust::report& ab_test = show("3. A/B test: which one is better?", run_ab_test(world, size));
    print_trade(ab_test);
    checks.expect(ab_test.decision == joust::verdict::ship_challenger,
                  "the A/B test finds the challenger more accurate and its latency within the guardrail");
    fmt::print("\n");

    const joust::report& interleaving =
        show("4. Interleaving: which results do users click?", run_interleaving(world, size));
    checks.expect(interleaving.decision == joust::verdict::ship_challenger,
                  "interleaving finds that users prefer the ranker that is more accurate");

    const joust::report& gate = show("5. Gate: may it be deployed?", run_gate(world, size));
    checks.expect(gate.decision == joust::verdict::pass,
                  fmt::format("the gate passes with exit code {}", joust::exit_code(gate)));

    double promised = 0.0;
    const joust::report& broken = show("6. The second run: a broken challenger",
                                       run_canary(world, size, "broken", world.broken, 5, &promised));
    checks.expect(broken.decision == joust::verdict::roll_back,
                  "the canary rolls the broken challenger back");
    checks.expect(broken.arms.at(1).requests < size.canary / 20,
                  "fewer than 5 % of the requests reached the broken challenger");
    const double stopped = broken.shares.empty() ? 1e300 : static_cast<double>(broken.shares.back().requests);
    checks.expect(
        stopped <= promised,
        fmt::format("it was stopped after {:.0f} requests; its plan promised {:.0f} for a fifth of its harm",
                    stopped, promised));

    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::string failure;
    try {
        joust::write_file(
            given.out, joust::html(reports, {.title = "joust: the demo",
                                             .subtitle = "Real letters and real models, simulated users."}));
    } catch (const std::runtime_error& trouble) {
        failure = trouble.what();
    }
    fmt::print("\n");
    checks.expect(failure.empty(), "the page with all reports is written: " +
                                       (failure.empty() ? std::string{given.out} : failure));
    fmt::print("{:.1f} s in all.\n", seconds);
    return checks.finish();
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        const demo_options given = parse(argc, argv);
        if (given.help) {
            fmt::print("{}", help);
            return 0;
        }
        return run(given);
    } catch (const std::invalid_argument& error) {
        fmt::print(stderr, "00_demo: {} (see --help)\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "00_demo: {}\n", error.what());
        return 2;
    }
}

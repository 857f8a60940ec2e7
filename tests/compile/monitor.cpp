// SPDX-License-Identifier: Apache-2.0

// What a monitor takes and what it refuses, in which words.

#include <joust/monitor/monitor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

enum class plan : unsigned char { free, paid };

struct row {
    double age = 0.0;
    std::string country{};
    std::optional<float> income{};
    std::shared_ptr<int> visits{};
    plan bought = plan::free;
    const char* agent = nullptr;
    bool is_new = false;
    [[nodiscard]] std::string_view city() const { return country; }
};

using joust::categories;
using joust::feature;
using joust::numeric_bins;

#ifdef ACCEPT
void accepted()
{
    joust::monitor watch{
        feature<"age">(&row::age, numeric_bins{18.0, 65.0}),
        feature<"income">(&row::income, numeric_bins{1'000.0}),
        feature<"visits">(&row::visits, numeric_bins{1.0}),
        joust::drift_alarm{.promise = joust::false_alarms::ever(0.01), .tolerance = 0.02},
        feature<"new as a number">(&row::is_new, numeric_bins{0.5}),
        feature<"country">(&row::country, categories{"de", "fr"}),
        feature<"city">(&row::city, categories{"Ulm"}),
        feature<"agent">(&row::agent, categories{"curl"}),
        feature<"plan">(&row::bought, categories{"0", "1"}),
        feature<"new">(&row::is_new, categories{"0", "1"}),
        feature<"score">([](const row&, float score) { return score; }, numeric_bins{0.5}),
    };
    watch.learn(row{}, 0.1F);
    watch.see(row{}, 0.2F);
    watch.check();
    auto block = watch.make_block();
    block.see(row{}, 0.3F);
    (void)block.counts<"city">();
    watch.check(block);
    (void)watch.report();
}
#else
void rejected()
{
    [[maybe_unused]] auto age = feature<"age">(&row::age, numeric_bins{18.0});
#if REJECT == 1
    // REJECT 1: joust: two features of this monitor have the same name
    joust::monitor watch{age, age};
#elif REJECT == 2
    // REJECT 2: joust: a feature with numeric_bins needs a number
    joust::monitor watch{feature<"country">(&row::country, numeric_bins{1.0})};
    watch.see(row{});
#elif REJECT == 3
    // REJECT 3: joust: a feature with categories needs a text, an integer, a flag or an enumeration
    joust::monitor watch{feature<"age">(&row::age, categories{"18"})};
    watch.see(row{});
#elif REJECT == 4
    // REJECT 4: joust: this monitor has no feature of that name
    joust::monitor watch{age};
    (void)watch.make_block().counts<"agee">();
#elif REJECT == 5
    // REJECT 5: joust: a monitor takes features, made by
    joust::monitor watch{age, 7};
#elif REJECT == 6
    // REJECT 6: joust: a monitor needs at least one feature
    joust::monitor watch{joust::drift_alarm{}};
#elif REJECT == 7
    // REJECT 7: joust: this feature's projection cannot read the row that was shown to the monitor
    joust::monitor watch{age};
    watch.see(7);
#elif REJECT == 8
    // REJECT 8: joust: a monitor takes one drift_alarm
    joust::monitor watch{age, joust::drift_alarm{}, joust::drift_alarm{}};
#endif
}
#endif

// SPDX-License-Identifier: Apache-2.0

#include <joust/report/words.hpp>

#include "catch.hpp"

#include <limits>
#include <string>

namespace {

constexpr double endless = std::numeric_limits<double>::infinity();

joust::metric_row row(double lower, double upper, int better)
{
    return {.estimate = 0.0, .lower = lower, .upper = upper, .state = joust::status::ok, .better = better};
}

joust::metric_row guarded(double lower, double upper, double margin, int better)
{
    joust::metric_row made = row(lower, upper, better);
    made.margin = margin;
    return made;
}

}  // namespace

TEST_CASE("a row stands where its whole interval lies")
{
    using enum joust::standing;
    CHECK(standing_of(row(0.1, 0.2, 1)) == better);
    CHECK(standing_of(row(0.1, 0.2, -1)) == worse);
    CHECK(standing_of(row(-0.2, -0.1, 1)) == worse);
    CHECK(standing_of(row(-0.2, -0.1, -1)) == better);
    CHECK(standing_of(row(0.1, 0.2, 0)) == different);
    CHECK(standing_of(row(-0.1, 0.2, 1)) == undecided);
    CHECK(standing_of(row(0.0, 0.2, 1)) == undecided);
}

TEST_CASE("a guardrail is kept, broken or not settled, whichever side harms")
{
    using enum joust::standing;
    CHECK(standing_of(guarded(-endless, 0.01, 0.02, -1)) == within_margin);
    CHECK(standing_of(guarded(-endless, 0.03, 0.02, -1)) == on_margin);
    CHECK(standing_of(guarded(0.03, endless, 0.02, -1)) == beyond_margin);
    CHECK(standing_of(guarded(-0.01, endless, -0.02, 1)) == within_margin);
    CHECK(standing_of(guarded(-0.03, endless, -0.02, 1)) == on_margin);
    CHECK(standing_of(guarded(-endless, -0.03, -0.02, 1)) == beyond_margin);
    // A margin of zero relies on the direction; where none is stated the sign of the margin tells.
    CHECK(standing_of(guarded(0.01, 0.02, 0.0, 1)) == within_margin);
    CHECK(standing_of(guarded(0.01, 0.02, 0.0, -1)) == beyond_margin);
    CHECK(standing_of(guarded(-0.01, 0.01, -0.02, 0)) == within_margin);
    CHECK(standing_of(guarded(-0.01, 0.01, 0.02, 0)) == within_margin);
}

TEST_CASE("a guardrail whose margin is a ratio is read off its e-value, never off the line of no difference")
{
    joust::metric_row made = row(0.1, 0.2, -1);
    made.role = "guardrail, at most x 1.1";
    CHECK(standing_of(made) == joust::standing::unknown);
    made.level = 0.95;
    made.e_value = 19.0;
    CHECK(standing_of(made) == joust::standing::unbroken);
    made.e_value = 20.5;
    CHECK(standing_of(made) == joust::standing::beyond_margin);
    made.lower = std::numeric_limits<double>::quiet_NaN();
    CHECK(standing_of(made) == joust::standing::beyond_margin);
}

TEST_CASE(
    "a guardrail broken by its e-value is beyond its margin, though the two-sided interval still holds it")
{
    joust::metric_row made = guarded(-0.38, -0.01, -0.02, 1);
    made.role = "guardrail, at most 2 pp less";
    made.level = 0.95;
    made.e_value = 19.0;
    CHECK(standing_of(made) == joust::standing::on_margin);
    made.e_value = 21.0;
    CHECK(standing_of(made) == joust::standing::beyond_margin);
    made.role = "primary";
    CHECK(standing_of(made) == joust::standing::on_margin);
}

TEST_CASE("a ratio has neither sign nor unit, and its levels keep theirs")
{
    joust::metric_row made = row(0.966, 1.059, 1);
    made.champion = 0.4984;
    made.challenger = 0.5034;
    made.estimate = 1.011;
    made.reference = 1.0;
    made.unit = "%";
    const auto shown = [&] {
        const joust::detail::row_format format{made};
        std::string text;
        format.level(text, made.champion);
        text += " | ";
        format.estimate(text, made.estimate);
        text += " | ";
        format.interval(text);
        return text;
    };
    CHECK(shown() == "49.84 % | 1.011 | [0.966, 1.059]");
    made.unit = "ms";
    CHECK(shown() == "498 us | 1.011 | [0.966, 1.059]");
}

TEST_CASE("a guardrail that allows no harm at all is unbroken until its interval shows harm")
{
    joust::metric_row made = row(-0.01, 0.01, -1);
    made.role = "guardrail, no increase";
    made.margin = 0.0;
    CHECK(standing_of(made) == joust::standing::unbroken);
    made.lower = 0.001;
    CHECK(standing_of(made) == joust::standing::beyond_margin);
    made.upper = made.lower = 0.0;
    CHECK(standing_of(made) == joust::standing::within_margin);
}

TEST_CASE("levels that differ are stated from least to most")
{
    joust::report shown;
    const auto title = [&shown] {
        std::string out;
        joust::detail::append_interval_title(out, shown);
        return out;
    };
    shown.metrics.assign(3, row(0.0, 1.0, 0));
    CHECK(title() == "interval");
    shown.metrics[0].level = 0.95;
    CHECK(title() == "95 % interval");
    shown.metrics[1].level = 1.0 - 0.05 / 3.0;
    CHECK(title() == "95 to 98.3 % interval");
    shown.metrics[0].level = 0.9;
    shown.metrics[1].level = 0.9;
    CHECK(title() == "90 % interval");
}

TEST_CASE("a row that is not valid has no standing")
{
    joust::metric_row made = row(0.1, 0.2, 1);
    made.state = joust::status::srm_failed;
    CHECK(standing_of(made) == joust::standing::unknown);
    made = row(0.1, 0.2, 1);
    made.suppressed = true;
    CHECK(standing_of(made) == joust::standing::unknown);
    CHECK(standing_of(row(0.1, std::numeric_limits<double>::quiet_NaN(), 1)) == joust::standing::unknown);
}

TEST_CASE("a measurement without a reference is only measured")
{
    joust::metric_row made = row(0.1, 0.2, 1);
    made.reference = std::numeric_limits<double>::quiet_NaN();
    CHECK(standing_of(made) == joust::standing::measured);
}

TEST_CASE("a shadow's better challenger is not said to serve next")
{
    CHECK(explain(joust::verdict::ship_challenger, "shadow") == "The challenger is ready for a canary.");
    CHECK(explain(joust::verdict::keep_champion, "shadow") == explain(joust::verdict::keep_champion));
    CHECK(explain(joust::verdict::ship_challenger, "canary") == explain(joust::verdict::ship_challenger));
}

TEST_CASE("every verdict and status has its sentence")
{
    for (int i = 0; i <= static_cast<int>(joust::verdict::inconclusive); ++i) {
        const auto decision = static_cast<joust::verdict>(i);
        CHECK_FALSE(explain(decision).empty());
        CHECK(to_string(decision) != "unknown");
    }
    for (int i = 0; i <= static_cast<int>(joust::status::incomplete); ++i) {
        CHECK_FALSE(explain(static_cast<joust::status>(i)).empty());
    }
}

// SPDX-License-Identifier: Apache-2.0

#include <joust/report/text.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <string>

namespace {

std::string text(const joust::report& shown)
{
    std::string out;
    joust::write_text(shown, out);
    return out;
}

}  // namespace

TEST_CASE("a text report gives the verdict, the reason and aligned tables")
{
    CHECK(text(sample::ab_test()) == R"(A/B test "score-2026-11": SHIP CHALLENGER
  The challenger should serve.
  Why: click is better with dnn-v2, and latency stays within its margin

Models
  model     share  requests  units    failures
  gbdt-v1  90.0 %    18,012  4,511           0
  dnn-v2   10.0 %     1,988    499  3 (0.15 %)

Metrics, challenger minus champion
  metric   role                       champion  challenger   difference  95 % interval         p    e  status
  click    primary                     10.12 %     12.13 %     +2.01 pp  [+0.52, +3.50]    0.008  123  challenger better
  latency  guardrail, at most x 1.1    1.20 ms     1.25 ms     +50.0 us  (-inf, +90.0 us]      -    -  within margin
  revenue  secondary                 12.31 EUR   12.84 EUR  +0.5300 EUR  -                     -    -  burn-in
  burn-in: the sequential method has not reached its minimum of data yet
  click, revenue: propensity-centred score, normal mixture
  latency: first exceedance per slot

Latency
  model     calls     p50     p90     p95      p99    p99.9      max
  gbdt-v1  18,012  410 us  600 us  700 us  1.20 ms  4.10 ms  12.0 ms
  dnn-v2    1,988  520 us  710 us  820 us  1.25 ms  too few  9.50 ms

Notes
  - also counted: 3 foreign tickets
  - Units are counted by a sketch, to about 2 %.
)");
}

TEST_CASE("a canary's text report lists the steps of its share")
{
    CHECK_THAT(text(sample::canary()), ContainsSubstring(R"(
Share of the challenger
  from request  share  why
             0  1.0 %  start
           431  0.0 %  roll back: failures beyond the margin
)"));
}

TEST_CASE("an estimate around another reference than zero has no sign")
{
    CHECK_THAT(text(sample::interleaving()), ContainsSubstring("53.0 %  [48.0, 58.0]"));
}

TEST_CASE("with several challengers every row names its own")
{
    joust::report shown = sample::ab_test();
    shown.metrics.resize(1);
    shown.metrics.push_back(shown.metrics[0]);
    shown.metrics[1].arm = "dnn-v3";
    CHECK_THAT(text(shown), ContainsSubstring("click   primary  dnn-v2 ") &&
                                ContainsSubstring("click   primary  dnn-v3 "));
}

TEST_CASE("an empty report is a report")
{
    CHECK(text({}) == " \"\": KEEP TESTING\n  No decision yet: let the trial go on.\n");
}

TEST_CASE("names cannot carry escape sequences to the terminal")
{
    joust::report shown = sample::ab_test();
    shown.name = "\x1B[2J";
    shown.reason = "a\nb";
    shown.arms[0].model = "\x07";
    shown.notes = {"\x1B]0;title"};
    shown.counts = {{"\x1B[31m", 1}};
    shown.metrics[0].method = "\x1B[0m";
    const std::string out = text(shown);
    CHECK(out.find('\x1B') == std::string::npos);
    CHECK(out.find('\x07') == std::string::npos);
    CHECK_THAT(out, ContainsSubstring("Why: a\xEF\xBF\xBD"
                                      "b\n"));
}

TEST_CASE("one line names the trial, the verdict and the reason")
{
    std::string out;
    joust::write_line(sample::canary(), out);
    CHECK(out == R"(Canary "ranker": roll back; failures: e = 129 after 2 failures of the challenger)");
}

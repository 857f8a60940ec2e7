// SPDX-License-Identifier: Apache-2.0

#include <joust/report/junit.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <string>

TEST_CASE("JUnit has one test case per metric row and one for the verdict")
{
    CHECK(joust::junit(sample::gate()) == R"xml(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="joust" tests="5" failures="2" errors="0" skipped="2">
  <testsuite name="release" tests="5" failures="2" errors="0" skipped="2">
    <testcase classname="gate.release" name="accuracy: new (primary)">
      <failure type="worse" message="accuracy -2.6 pp [-4.1, -1.1], p = 7.00e-4, n = 2,000 + 2,000 requests"/>
    </testcase>
    <testcase classname="gate.release" name="latency: new (at most +2 ms)">
      <skipped message="margin not settled: latency +1.90 ms [+1.62 ms, +2.31 ms], limit +2.00 ms, p = 7.00e-4, n = 2,000 + 2,000 requests"/>
    </testcase>
    <testcase classname="gate.release" name="memory: new (primary)">
      <skipped message="there are not enough observations or events to say anything yet"/>
    </testcase>
    <testcase classname="gate.release" name="recall: new (primary)"/>
    <testcase classname="gate.release" name="verdict">
      <failure type="inconclusive" message="inconclusive: latency straddles its margin"/>
    </testcase>
  </testsuite>
</testsuites>
)xml");
}

TEST_CASE("JUnit adds up over reports, and a report with exit code 0 has no failed verdict")
{
    const std::string out = joust::junit(sample::all());
    CHECK_THAT(out,
               ContainsSubstring(
                   "<testsuites name=\"joust\" tests=\"15\" failures=\"4\" errors=\"0\" skipped=\"3\">"));
    CHECK_THAT(out, ContainsSubstring("<failure type=\"roll back\" message=\"roll back: failures: e = 129"));
    CHECK_THAT(out, ContainsSubstring("<testcase classname=\"shadow.letters\" name=\"verdict\"/>"));
}

TEST_CASE("JUnit escapes what XML does not take")
{
    joust::report shown = sample::interleaving();
    shown.reason = "a\x01<b>\n\"&";
    shown.decision = joust::verdict::regress;
    const std::string out = joust::junit(shown);
    CHECK_THAT(out, ContainsSubstring("message=\"regress: a\xEF\xBF\xBD&lt;b&gt;&#10;&quot;&amp;\""));
    CHECK(out.find("<script") == std::string::npos);
    CHECK(out.find('\x01') == std::string::npos);
}

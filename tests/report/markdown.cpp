// SPDX-License-Identifier: Apache-2.0

#include <joust/report/markdown.hpp>

#include "catch.hpp"
#include "report/sample.hpp"

#include <string>

namespace {

std::string markdown(const joust::report& shown)
{
    std::string out;
    joust::write_markdown(shown, out);
    return out;
}

}  // namespace

TEST_CASE("a Markdown report is a heading and tables")
{
    CHECK(markdown(sample::canary()) == R"(### Canary ranker: roll back

Take the challenger out of service. Why: failures: e = 129 after 2 failures of the challenger

**Models**

| model | share | requests | units | failures |
|---|---:|---:|---:|---:|
| v7 | 100.0 % | 9,988 | 2,000 | 0 |
| v8 | 0.0 % | 12 | 9 | 2 (17 %) |

**Metrics, challenger minus champion**

| metric | role | champion | challenger | difference | interval | p | e | status |
|---|---|---:|---:|---:|---|---:|---:|---|
| failures | guardrail, at most +0.005 | 0 % | 17 % | +17 pp | \[+1, +inf) | - | 129 | beyond margin |

**Latency**

| model | calls | p50 | p90 | p95 | p99 | p99.9 | max |
|---|---:|---:|---:|---:|---:|---:|---:|
| v7 | 9,988 | 1.10 us | 1.40 us | 1.60 us | 3.10 us | 12.0 us | 400 us |
| v8 | 12 | 700 us | too few | too few | too few | too few | 810 us |

**Share of the challenger**

| from request | share | why |
|---:|---:|---|
| 0 | 1.0 % | start |
| 431 | 0.0 % | roll back: failures beyond the margin |

- failures: first failure per slot
)");
}

TEST_CASE("Markdown from outside shows as it is")
{
    const std::string out = markdown(sample::interleaving());
    CHECK(out.find('<') == std::string::npos);
    CHECK_THAT(out, ContainsSubstring(
                        "### Interleaving search &lt;script&gt;alert(\"1\")&lt;/script&gt; &amp; 'quoted'"));
    CHECK_THAT(out, ContainsSubstring("- a &lt;i&gt;note&lt;/i&gt;\n"));
}

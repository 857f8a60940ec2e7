// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/spdlog.hpp>

#include "catch.hpp"

#include <memory>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sstream>
#include <string>

TEST_CASE("spdlog writes what happens to a trial, and harm as a warning")
{
    std::ostringstream out;
    const auto logger =
        std::make_shared<spdlog::logger>("trials", std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
    logger->set_pattern("%n %l %v");
    const joust::to_spdlog sink{logger};
    joust::trial_event seen;
    seen.trial = "ranker {} %v\n";
    seen.kind = joust::transition::stage_entered;
    seen.share_after = 0.05;
    seen.why = "stage 1";
    sink(seen);
    seen.kind = joust::transition::rolled_back;
    seen.why = "failures: e = 129";
    sink(seen);
    logger->set_level(spdlog::level::err);
    sink(seen);
    joust::to_spdlog{nullptr}(seen);
    const std::string text = out.str();
    CAPTURE(text);
    const std::size_t second = text.find('\n') + 1;
    CHECK(text.starts_with("trials info "));
    CHECK(text.compare(second, 15, "trials warning ") == 0);
    CHECK(text.find("ranker {} %v") != std::string::npos);
    CHECK(text.find("failures: e = 129") > second);
    CHECK(text.find('\n', second) == text.size() - 1);
    // It is a listener as trials take them.
    const auto listener = joust::on_event(sink);
    listener.notify(seen);
    CHECK(out.str() == text);
}

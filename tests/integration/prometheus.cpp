// SPDX-License-Identifier: Apache-2.0

#include <joust/integration/prometheus.hpp>
#include <joust/report/prometheus.hpp>

#include "catch.hpp"
#include "report/sample.hpp"
#include "integration/test_server.hpp"

#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <netinet/in.h>
#include <prometheus/text_serializer.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

std::vector<joust::report> reports()
{
    std::vector<joust::report> all = sample::all();
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i].name += std::to_string(i);
    }
    return all;
}

/// The samples of a page as prometheus-cpp writes them and as joust does: order and form of numbers differ.
std::map<std::string, double> samples_of(const std::string& text)
{
    std::map<std::string, double> found;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        const std::size_t space = line.rfind(' ');
        if (!line.starts_with('#') && line.find("_sum{") == std::string::npos) {
            found.emplace(line.substr(0, space), std::strtod(line.c_str() + space, nullptr));
        }
    }
    return found;
}

/// Answer each request with a page, in a process of its own.
class page_server {
public:
    explicit page_server(const std::string& page) : child_(::fork())
    {
        if (child_ == 0) {
            ::alarm(120);
            const std::string answer =
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: " +
                std::to_string(page.size()) + "\r\nConnection: close\r\n\r\n" + page;
            for (;;) {
                const int client = ::accept(listener_.socket(), nullptr, nullptr);
                char request[4'096];
                if (client < 0 || ::read(client, request, sizeof request) < 0 ||
                    ::write(client, answer.data(), answer.size()) < 0) {
                    ::_exit(1);
                }
                ::close(client);
            }
        }
    }
    page_server(const page_server&) = delete;
    page_server& operator=(const page_server&) = delete;
    ~page_server()
    {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
    [[nodiscard]] int port() const noexcept { return listener_.port(); }

private:
    joust_test::silent_port listener_;
    pid_t child_;
};

}  // namespace

TEST_CASE("prometheus-cpp collects the numbers that the text has")
{
    const joust::prometheus_collectable shown{reports};
    const prometheus::TextSerializer serializer;
    const auto collected = samples_of(serializer.Serialize(shown.Collect()));
    const auto written = samples_of(joust::prometheus_text(reports()));
    CHECK(collected.size() > 100);
    CHECK(collected.size() == written.size());
    for (const auto& [name, value] : written) {
        CAPTURE(name, value);
        REQUIRE(collected.count(name) == 1);
        CHECK(
            (collected.at(name) == value || std::abs(collected.at(name) - value) < 1e-12 * std::abs(value)));
    }
}

TEST_CASE("a Prometheus server scrapes the page")
{
    const page_server page{joust::prometheus_text(reports())};
    const joust_test::test_server server{"prometheus", "127.0.0.1:" + std::to_string(page.port())};
    if (!server.installed()) {
        return;
    }
    std::string said;
    for (int tries = 0; tries < 100 && said.find("score-2026-11") == std::string::npos; ++tries) {
        ::usleep(200'000);
        said = joust_test::http_get(server.port(),
                                    "/api/v1/query?query=joust_share_ratio%7Bmodel=%22dnn-v2%22%7D");
    }
    CAPTURE(said);
    CHECK(said.find("\"trial\":\"score-2026-112\"") != std::string::npos);
    CHECK(said.find("\"0.1\"]") != std::string::npos);
    CHECK(joust_test::http_get(
              server.port(), "/api/v1/query?query=sum(joust_requests_total%7Btrial=%22score-2026-112%22%7D)")
              .find("\"20000\"]") != std::string::npos);
}

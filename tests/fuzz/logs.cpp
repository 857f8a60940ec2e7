// SPDX-License-Identifier: Apache-2.0

// Feeds any bytes to what reads files of logs and results: lines, CSV, JSON lines by each reader, hyperfine and nanobench. They must
// return or throw parse_error, and the two readers of JSON lines must read the same.

#include <joust/store/json_rows.hpp>
#include <joust/store/log_reader.hpp>
#include <joust/store/results_file.hpp>
#include <joust/trial/analyze_log.hpp>
#ifdef JOUST_FUZZ_SIMDJSON
#include <joust/integration/simdjson.hpp>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace {

/// A file in the memory of the machine, where it has one.
struct input_file {
    explicit input_file(std::string_view bytes) : path("joust-fuzz-log." + std::to_string(::getpid()))
    {
        std::FILE* const file = std::fopen(path.c_str(), "wb");
        if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
            std::abort();
        }
        std::fclose(file);
    }
    input_file(const input_file&) = delete;
    input_file& operator=(const input_file&) = delete;
    ~input_file() { std::remove(path.c_str()); }

    std::string path;
};

const std::vector<std::string> names{"id", "arm", "metric", "value"};

/// Read all rows as texts.
std::vector<std::string> rows_of(const std::string& path, std::unique_ptr<joust::json_row_reader> json)
{
    joust::log_reader file{path, std::move(json)};
    std::array<std::size_t, 4> places{};
    for (std::size_t i = 0; i < names.size(); ++i) {
        places[i] = file.want(names[i], true);
    }
    std::vector<std::string> all;
    while (file.next()) {
        if (file.line() == 0) {
            std::abort();
        }
        for (const std::size_t place : places) {
            all.emplace_back(file.field(place).text);
        }
    }
    return all;
}

#ifdef JOUST_FUZZ_SIMDJSON
/// Where nlohmann-json reads a file, simdjson does too, and the same.
void compare(const std::string& path)
{
    std::vector<std::string> expected;
    try {
        expected = rows_of(path, std::make_unique<joust::nlohmann_rows>());
    } catch (const joust::parse_error&) {
        return;
    }
    if (rows_of(path, std::make_unique<joust::simdjson_rows>()) != expected) {
        std::abort();
    }
}
#endif

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) {
        return 0;
    }
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    try {
        switch (data[0] % 5) {
            case 0: (void)joust::read_hyperfine(text, "arm"); break;
            case 1: (void)joust::read_nanobench(text, "arm"); break;
            case 2: (void)joust::read_results_file(input_file{text}.path, "arm"); break;
            case 3: {
                const input_file file{text};
                (void)rows_of(file.path, std::make_unique<joust::nlohmann_rows>());
#ifdef JOUST_FUZZ_SIMDJSON
                compare(file.path);
#endif
                break;
            }
            default: {
                const input_file file{text};
                joust::log_options asked{.columns = {.exposures = file.path,
                                                     .outcomes = file.path,
                                                     .key = "id",
                                                     .event = "arm",
                                                     .metric = "metric"},
                                         .metrics = {{.name = "value"}},
                                         .memory = 1,
                                         .json = [] { return std::make_unique<joust::nlohmann_rows>(); }};
                asked.sorted = size % 2 == 0;
                asked.columns.event = size % 3 == 0 ? "metric" : "";
                (void)joust::analyze_log(asked);
            }
        }
    } catch (const joust::parse_error&) {
    } catch (const joust::configuration_error&) {
    }
    return 0;
}

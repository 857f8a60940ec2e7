// SPDX-License-Identifier: Apache-2.0
#pragma once

// The rows of tests/oracles/ranking.csv: values of ranking metrics by other programs.

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace joust_test {

struct ranking_row {
    std::string method;
    /// 0: every rank
    std::size_t at = 0;
    double value = 0.0;
    std::string source;
    std::vector<double> first, second;
};

/// Every row; its fields hold no commas.
inline std::vector<ranking_row> ranking_rows()
{
    std::ifstream file(JOUST_SOURCE_DIR "/tests/oracles/ranking.csv");
    std::vector<ranking_row> rows;
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        std::istringstream fields(line);
        ranking_row row;
        std::string at, value, first, second;
        std::getline(fields, row.method, ',');
        std::getline(fields, at, ',');
        std::getline(fields, value, ',');
        std::getline(fields, row.source, ',');
        std::getline(fields, first, ',');
        std::getline(fields, second, ',');
        row.at = static_cast<std::size_t>(std::stoul(at));
        row.value = std::stod(value);
        for (auto& [text, numbers] :
             {std::pair<const std::string&, std::vector<double>&>{first, row.first}, {second, row.second}}) {
            std::istringstream words(text);
            for (double x = 0.0; words >> x;) {
                numbers.push_back(x);
            }
        }
        rows.push_back(row);
    }
    return rows;
}

}  // namespace joust_test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <string>
#include <utility>

namespace joust_test {

/// Name a file that is not there yet, and remove it at the end.
struct temporary_file {
    std::string path;
    explicit temporary_file(std::string name) : path(std::move(name)) { std::remove(path.c_str()); }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { std::remove(path.c_str()); }
};

}  // namespace joust_test

// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the fences of README.md and docs/**/*.md may take for granted: the request and the two models of the guide, and fmt.

#include <joust/format.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

struct Request {
    std::uint64_t user_id = 0;
    std::string query;
    std::vector<float> features;
};

float score_v1(const Request&);
float score_v2(const Request&);

extern const Request request;
extern const std::vector<Request> requests;

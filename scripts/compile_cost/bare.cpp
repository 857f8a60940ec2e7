// SPDX-License-Identifier: Apache-2.0

// The standard headers that a trial needs, and nothing else: what all other programs are compared with.

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

int main() {}

// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace joust_tests {

/// How often the calling thread has asked for memory so far.
long allocations();

/// Whether `no_memory` has an effect. Under a sanitizer, which brings its own operators, it has none.
bool memory_can_run_out();

/// Refuse memory to the calling thread until the end of a scope: `new` throws std::bad_alloc.
class no_memory {
public:
    no_memory();
    no_memory(const no_memory&) = delete;
    no_memory& operator=(const no_memory&) = delete;
    ~no_memory();
};

}  // namespace joust_tests

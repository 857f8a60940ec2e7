// SPDX-License-Identifier: Apache-2.0

#include "allocations.hpp"

#include "sanitized.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

thread_local long count = 0;
thread_local int refusals = 0;

}  // namespace

joust_tests::no_memory::no_memory()
{
    ++refusals;
}

joust_tests::no_memory::~no_memory()
{
    --refusals;
}

long joust_tests::allocations()
{
    return count;
}

#ifdef JOUST_TESTS_SANITIZED

bool joust_tests::memory_can_run_out()
{
    return false;
}

// A sanitizer brings its own operators, which find more than replaced ones would; it counts through its hooks.
// Declared here, since g++ comes without the header.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));

namespace {

void counted(const volatile void*, std::size_t)
{
    ++count;
}
void not_counted(const volatile void*) {}

const int installed = __sanitizer_install_malloc_and_free_hooks(counted, not_counted);

}  // namespace

#else

bool joust_tests::memory_can_run_out()
{
    return true;
}

// The array forms of the standard library come here; the aligned ones do not, and slabs are aligned.

void* operator new(std::size_t size)
{
    ++count;
    if (refusals != 0) {
        throw std::bad_alloc{};
    }
    if (void* p = std::malloc(size == 0 ? 1 : size)) {
        return p;
    }
    throw std::bad_alloc{};
}
void* operator new(std::size_t size, std::align_val_t alignment)
{
    ++count;
    if (refusals != 0) {
        throw std::bad_alloc{};
    }
    const auto unit = static_cast<std::size_t>(alignment);
    if (void* p = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) {
        return p;
    }
    throw std::bad_alloc{};
}
void operator delete(void* p) noexcept
{
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept
{
    std::free(p);
}
void operator delete(void* p, std::align_val_t) noexcept
{
    std::free(p);
}
void operator delete(void* p, std::size_t, std::align_val_t) noexcept
{
    std::free(p);
}

#endif

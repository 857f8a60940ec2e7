#include "allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

// Every allocation of the program is counted, so that the promise of none can be checked.

namespace {

std::atomic<long> count{0};

}  // namespace

long joust_tests::allocations() { return count.load(); }

void* operator new(std::size_t size)
{
    count.fetch_add(1, std::memory_order_relaxed);
    if (void* p = std::malloc(size == 0 ? 1 : size)) {
        return p;
    }
    throw std::bad_alloc{};
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

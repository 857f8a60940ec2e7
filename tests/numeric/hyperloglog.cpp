// SPDX-License-Identifier: Apache-2.0

#include <joust/numeric/hyperloglog.hpp>

#include "catch.hpp"

#include <cmath>
#include <cstdint>

namespace {

using sketch = joust::hyperloglog<12>;

// The relative standard error that a sketch of 2^12 registers has.
const double standard_error = 1.04 / std::sqrt(4096.0);

sketch of_range(std::uint64_t from, std::uint64_t to)
{
    sketch set;
    for (std::uint64_t i = from; i < to; ++i) {
        set.add(i);
    }
    return set;
}

TEST_CASE("An empty sketch counts nothing and one hash counts one, however often it comes")
{
    sketch set;
    CHECK(set.estimate() == 0.0);
    for (int i = 0; i < 100; ++i) {
        set.add(12345);
    }
    CHECK_THAT(set.estimate(), WithinAbs(1.0, 1e-3));
}

TEST_CASE("Estimates from ten to a million are within three standard errors")
{
    for (const std::uint64_t n : {10U, 100U, 1'000U, 5'000U, 10'000U, 20'000U, 100'000U, 1'000'000U}) {
        const double estimate = of_range(1'000'000'007, 1'000'000'007 + n).estimate();
        CAPTURE(n, estimate);
        CHECK_THAT(estimate / static_cast<double>(n), WithinAbs(1.0, 3.0 * standard_error));
    }
}

TEST_CASE("The error over many sets is centred and as large as it should be")
{
    // 400 sets: the mean of the relative errors has a twentieth of their standard deviation.
    constexpr int sets = 400;
    for (const std::uint64_t n : {2'000U, 12'000U}) {
        double sum = 0.0;
        double squares = 0.0;
        for (std::uint64_t i = 0; i < sets; ++i) {
            const double error =
                of_range(i * 1'000'000, i * 1'000'000 + n).estimate() / static_cast<double>(n) - 1.0;
            sum += error;
            squares += error * error;
        }
        CAPTURE(n);
        CHECK_THAT(sum / sets, WithinAbs(0.0, 4.0 * standard_error / 20.0));
        CHECK(std::sqrt(squares / sets) < 1.15 * standard_error);
    }
}

TEST_CASE("A range of the hash space is counted as well as all of it")
{
    // An arm with a share of 1 % sees only hashes that begin alike.
    sketch set;
    std::uint64_t seen = 0;
    for (std::uint64_t i = 0; i < 2'000'000; ++i) {
        const std::uint64_t hash = joust::mix64(i + 99);
        if (hash < (1ULL << 63) / 50) {
            set.add(hash);
            ++seen;
        }
    }
    CHECK_THAT(set.estimate() / static_cast<double>(seen), WithinAbs(1.0, 3.0 * standard_error));
}

TEST_CASE("Merging gives the sketch of the union, in any order and however often")
{
    const sketch a = of_range(0, 30'000);
    const sketch b = of_range(20'000, 60'000);
    sketch ab = a;
    ab.merge(b);
    sketch ba = b;
    ba.merge(a);
    CHECK(ab == of_range(0, 60'000));
    CHECK(ba == ab);
    ab.merge(b);
    CHECK(ab == ba);
    CHECK_FALSE(a == b);
}

TEST_CASE("Registers raised one by one make the same sketch as adding")
{
    sketch direct;
    sketch raised;
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        direct.add(i);
        raised.raise(sketch::index(i), sketch::rank(i));
    }
    CHECK(direct == raised);
    sketch copied;
    for (std::size_t i = 0; i < sketch::size; ++i) {
        copied.raise(i, direct.registers()[i]);
    }
    CHECK(copied == direct);
}

TEST_CASE("Registers from outside that are too large stay within the sketch")
{
    sketch set;
    for (std::size_t i = 0; i < sketch::size; ++i) {
        set.raise(i, 255);
    }
    CHECK(set.registers()[0] == sketch::max_rank);
    CHECK(std::isfinite(set.estimate()));
    STATIC_REQUIRE(joust::hyperloglog<4>::max_rank == 61);
}

}  // namespace

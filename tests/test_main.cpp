// SPDX-License-Identifier: Apache-2.0

// The main() of the tests. It is built once at -O0, because it takes longer to compile than any test.
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>

int main(int argc, char* argv[])
{
    return Catch::Session().run(argc, argv);
}
#else
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#endif

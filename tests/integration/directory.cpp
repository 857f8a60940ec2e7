// SPDX-License-Identifier: Apache-2.0

#include <joust/store/directory.hpp>

#include "../store/temporary_folder.hpp"
#include "catch.hpp"
#include "integration/store_conformance.hpp"

#include <memory>

using namespace joust_test;

TEST_CASE("a directory does what every store has to do")
{
    const temporary_folder folder{"directory_conforms"};
    const new_client client = [&folder] {
        return any_store{std::make_unique<joust::directory>(folder.path)};
    };
    check_store(client);
    check_race(client);
}

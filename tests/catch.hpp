// SPDX-License-Identifier: Apache-2.0
#pragma once

// One spelling of Catch2 for the whole test suite: that of version 3, on version 3 and on the 2.13 that Debian 12 ships.
// A test includes this header and nothing of Catch2 itself.

#if __has_include(<catch2/catch_test_macros.hpp>)

#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_adapters.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_predicate.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/matchers/catch_matchers_vector.hpp>

#else

#include <catch2/catch.hpp>

#include <string>
#include <utility>

namespace Catch {

using Detail::Approx;  // in 2.13 the plain name finds the vector matcher first

namespace Matchers {

using Catch::WithinAbs;
using Catch::WithinRel;
using Catch::WithinULP;

using Catch::EndsWith;
using Catch::Equals;
using Catch::StartsWith;

using Catch::Message;
using Catch::Predicate;

using Catch::VectorContains;

inline auto ContainsSubstring(const std::string& part, CaseSensitive::Choice sensitivity = CaseSensitive::Yes)
{
    return Catch::Contains(part, sensitivity);
}

}  // namespace Matchers
}  // namespace Catch

#endif

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

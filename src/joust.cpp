// SPDX-License-Identifier: Apache-2.0

// The compiled library: the bodies of the functions that its users find declared only (core/compiler.hpp). The target
// joust::compiled defines JOUST_COMPILED, here as well as for its users.

#define JOUST_BODIES 1

#include <joust/joust.hpp>

// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/evidence/ without defining them, for headers that only name them.

namespace joust {
inline namespace v0 {

struct evidence;

}  // namespace v0
}  // namespace joust

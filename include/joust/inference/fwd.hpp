// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/inference/ without defining them, for headers that only name them.

namespace joust {
inline namespace v0 {

struct aa_row;
struct aa_table;
template <class... Methods>
class aa_check;
struct always_valid;
struct bayesian;
struct fixed_horizon;
struct group_sequential;
struct hybrid;
struct inference;

}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/core/ without defining them, for headers that only name them.

#include <joust/core/fixed_string.hpp>

#include <cstdint>

namespace joust {
inline namespace v0 {

class manual_time;
class configuration_error;
class parse_error;
struct inline_run;
class background_queue;
template <class T>
struct cloner;
struct background;
struct sip_key;
template <class Callable>
struct model;
template <class Role, class T>
struct assigned_role;
template <class Roles, class... Policies>
struct policies_of;
template <class... Roles>
struct role_list;
class keyed_random;
enum class status : std::uint8_t;
enum class style;
enum class signs : std::uint8_t;
struct uuid;
template <class Projection>
struct unit_projection;
struct per_request;

}  // namespace v0
}  // namespace joust

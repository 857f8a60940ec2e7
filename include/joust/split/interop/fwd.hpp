// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust/split/interop/ without defining them, for headers that only name them.

#include <cstdint>

namespace joust {
inline namespace v0 {

namespace interop {

template <class Projection>
class eppo_split;
template <class Projection>
class featurevisor_split;
template <class Projection>
class flagd_split;
class fnv1a;
template <class Projection>
class growthbook_split;
template <class Projection>
class growthbook_rollout_split;
template <class Projection>
class launchdarkly_split;
class murmur3;
template <class Projection>
class optimizely_split;
template <class Projection>
class planout_split;
template <class Projection>
class split_io_split;
template <class Projection>
class statsig_split;
template <class Projection>
class statsig_gate_split;
template <class Projection>
class unleash_split;
struct placement;
class arm_shares;
template <class Projection, class Rule>
class vendor_split;
struct bucket_range;

}  // namespace interop

namespace interop::eppo {

struct shard_ranges;
struct split;
struct allocation;

}  // namespace interop::eppo

namespace interop::featurevisor {

struct allocation;
struct feature;

}  // namespace interop::featurevisor

namespace interop::flagd {

enum class encoding : std::uint8_t;
struct rule;

}  // namespace interop::flagd

namespace interop::growthbook {

enum class encoding : std::uint8_t;
struct name_space;
struct filter;
struct experiment;
struct rollout;

}  // namespace interop::growthbook

namespace interop::launchdarkly {

struct weighted;
struct rollout;

}  // namespace interop::launchdarkly

namespace interop::optimizely {

struct allocation;
struct exclusion;
struct experiment;

}  // namespace interop::optimizely

namespace interop::planout {

struct parameter;

}  // namespace interop::planout

namespace interop::split_io {

struct flag;

}  // namespace interop::split_io

namespace interop::statsig {

enum class implementation : std::uint8_t;
struct gate;
struct experiment;

}  // namespace interop::statsig

namespace interop::unleash {

enum class encoding : std::uint8_t;
struct override_rule;
struct variant_definition;
struct flag;

}  // namespace interop::unleash

}  // namespace v0
}  // namespace joust

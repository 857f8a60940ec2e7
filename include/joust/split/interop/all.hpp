// SPDX-License-Identifier: Apache-2.0
#pragma once

// The assignments of all vendors. Each header also stands alone, so a program can include just the one that it needs.

#include <joust/split/interop/eppo.hpp>
#include <joust/split/interop/featurevisor.hpp>
#include <joust/split/interop/flagd.hpp>
#include <joust/split/interop/growthbook.hpp>
#include <joust/split/interop/launchdarkly.hpp>
#include <joust/split/interop/optimizely.hpp>
#include <joust/split/interop/planout.hpp>
#include <joust/split/interop/split_io.hpp>
#include <joust/split/interop/statsig.hpp>
#include <joust/split/interop/unleash.hpp>

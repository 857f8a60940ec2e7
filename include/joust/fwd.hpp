// SPDX-License-Identifier: Apache-2.0
#pragma once

// Declares the public types of joust without defining them: the fwd.hpp of every room.

#include <joust/core/fwd.hpp>
#include <joust/evidence/fwd.hpp>
#include <joust/inference/fwd.hpp>
#include <joust/interleave/fwd.hpp>
#include <joust/metric/fwd.hpp>
#include <joust/monitor/fwd.hpp>
#include <joust/numeric/fwd.hpp>
#include <joust/quality/fwd.hpp>
#include <joust/report/fwd.hpp>
#include <joust/shadow/fwd.hpp>
#include <joust/split/fwd.hpp>
#include <joust/split/interop/fwd.hpp>
#include <joust/stats/fwd.hpp>
#include <joust/store/fwd.hpp>
#include <joust/ticket/fwd.hpp>
#include <joust/trial/fwd.hpp>

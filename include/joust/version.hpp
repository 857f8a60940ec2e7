// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one place that states joust's version: CMake reads it from here.
#define JOUST_VERSION_MAJOR 0
#define JOUST_VERSION_MINOR 1
#define JOUST_VERSION_PATCH 0

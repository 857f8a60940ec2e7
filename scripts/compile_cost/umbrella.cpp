// SPDX-License-Identifier: Apache-2.0

// All of joust included, nothing used.

#include <joust/joust.hpp>

int main() {}

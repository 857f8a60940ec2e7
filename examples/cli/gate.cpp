// SPDX-License-Identifier: Apache-2.0

// joust gate: may a challenger replace the champion?

#include "output.hpp"

namespace cli {

int run_gate(const gate_options&)
{
    throw usage_error("not there yet");
}

}  // namespace cli

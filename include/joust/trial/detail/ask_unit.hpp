// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/thread_unwind.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/evidence/live_evidence.hpp>
#include <joust/trial/detail/identity.hpp>

#include <cstdint>

namespace joust {
inline namespace v0 {
namespace detail {

/// Ask the consent and the unit key of a trial about a call. Returns whether the call may be recorded, and then gives the hash of
/// its unit.
///
/// Where the id is empty, the call may not be recorded. Where one of them throws, it may not either, and `live.ignore(name)` counts it by the helper's name.
template <class Core, class Live, class... A>
[[nodiscard]] bool ask_unit_hash(Core& core, Live& live, std::uint64_t& hash, const A&... arguments)
{
    ignored asked = ignored::consent_threw;
    try {
        if (!core.may_record(arguments...)) {
            return false;
        }
        asked = ignored::key_threw;
        const auto& unit = core.unit_of(arguments...);
        if (is_no_unit(unit)) [[unlikely]] {
            live.ignore(ignored::empty_unit);
            return false;
        }
        hash = core.identity().hasher()(unit);
        return true;
    } catch (thread_unwind&) {
        throw;
    } catch (...) {
        live.ignore(asked);
        return false;
    }
}

/// Ask the same, and give the pseudonym of the unit.
template <class Core, class Live, class... A>
[[nodiscard]] bool ask_unit(Core& core, Live& live, std::uint64_t& pseudonym, const A&... arguments)
{
    std::uint64_t hash = 0;
    const bool may = ask_unit_hash(core, live, hash, arguments...);
    pseudonym = pseudonym_of(hash);
    return may;
}

}  // namespace detail
}  // namespace v0
}  // namespace joust

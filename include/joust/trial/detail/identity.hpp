// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/compiler.hpp>
#include <joust/core/error.hpp>
#include <joust/core/text.hpp>
#include <joust/core/unit_id.hpp>
#include <joust/ticket/ticket.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// The names of a trial and its models, the hash of units that follows from them, and the number that tells the trial's
/// tickets from the tickets of other trials.
class trial_identity {
public:
    /// shape: `given` is the trial's salt; where it is empty, the trial has the joined names of its models
    /// errors: configuration_error where two models have the same name
    trial_identity(std::string_view kind, std::vector<std::string> models, const salt& given);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The names of the models. The champion's is the first.
    [[nodiscard]] const std::vector<std::string>& models() const noexcept { return models_; }
    /// The hash of units under the trial's salt, which may hold a secret, or under its name where it has no salt.
    [[nodiscard]] const salted_hasher& hasher() const noexcept { return hasher_; }
    [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
    /// Return whether the trial got a salt.
    [[nodiscard]] bool salted() const noexcept { return salted_; }

private:
    [[nodiscard]] static std::string name_of(const std::vector<std::string>& models)
    {
        std::string name;
        for (const std::string& each : models) {
            append_all(name, {name.empty() ? "" : "-", each});
        }
        return name;
    }

    std::vector<std::string> models_;
    std::string name_;
    salted_hasher hasher_;
    std::uint32_t number_;
    bool salted_;
};

/// Refuse an error rate or a planned sample that an inference cannot work with. `counted` names what the sample counts.
void check_error_rate(double alpha, double units, const char* counted);

}  // namespace detail

#if JOUST_BODIES

namespace detail {

JOUST_FUNCTION trial_identity::trial_identity(std::string_view kind, std::vector<std::string> models,
                                              const salt& given)
    : models_(std::move(models)), name_(given.empty() ? name_of(models_) : given.text()),
      hasher_(given.empty() ? salted_hasher{name_} : given.hasher()),
      // The number depends on the kind too: an A/B test under the salt of a canary must not take the canary's tickets.
      number_(ticket::trial_number(joined({kind, "/", name_}))), salted_(!given.empty())
{
    for (std::size_t a = 0; a < models_.size(); ++a) {
        for (std::size_t b = a + 1; b < models_.size(); ++b) {
            if (models_[a] == models_[b]) {
                throw configuration_error("model.name", joined({"'", models_[a], "' twice"}),
                                          "a different name for every model");
            }
        }
    }
}

JOUST_FUNCTION void check_error_rate(double alpha, double units, const char* counted)
{
    if (!(alpha > 0.0 && alpha < 1.0)) {
        throw configuration_error("alpha", to_text(alpha), "an error rate between 0 and 1");
    }
    if (!(units >= 1.0) || std::isinf(units)) {
        throw configuration_error("units", to_text(units),
                                  joined({"a planned number of ", counted, ", at least 1"}));
    }
}

}  // namespace detail

#endif

}  // namespace v0
}  // namespace joust

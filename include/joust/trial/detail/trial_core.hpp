// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clock.hpp>
#include <joust/core/model.hpp>
#include <joust/core/policy.hpp>
#include <joust/core/unit_key.hpp>
#include <joust/core/unit_kind.hpp>
#include <joust/inference/inference.hpp>
#include <joust/ticket/tickets.hpp>
#include <joust/trial/consent.hpp>
#include <joust/trial/detail/identity.hpp>
#include <joust/trial/detail/live_names.hpp>
#include <joust/trial/detail/ticket_desk.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {
namespace detail {

/// The arguments of a trial's constructor, sorted into models and policies that play `Roles`.
template <class Roles, class DefaultInference, class... Args>
struct trial_parts {
    using split = split_arguments<std::tuple<>, Args...>;
    using models_t = typename split::models;
    using policies = typename split::template policies<Roles>;
    static constexpr std::size_t model_count = split::count;

    static_assert(policies::ok);

    /// The policy that plays a role.
    template <class Role, class Default>
    using policy = typename policies::template type<Role, Default>;
    template <class Role>
    static constexpr bool given = policies::template given<Role>;

    using arguments_t = std::tuple<Args...>;
    using key_t = policy<unit_key_role, per_request>;
    using consent_t = policy<consent_role, everybody>;
    using clock_t = policy<clock_role, steady_time>;
    using tickets_t = policy<ticket_role, plain_tickets>;
    using inference_t = policy<inference_role, DefaultInference>;

    static constexpr bool asks_consent = given<consent_role>;

    /// Move the policy that plays a role out of the arguments, or make the default policy.
    /// errors: what `validate()` of the policy throws
    template <class Role, class Default>
    static auto pick(arguments_t& arguments)
    {
        auto chosen = policies::template pick<Role, Default>(arguments);
        if constexpr (requires { chosen.validate(); }) {
            chosen.validate();
        }
        return chosen;
    }

    /// Move the models out of the arguments.
    static models_t take_models(arguments_t& arguments)
    {
        return [&arguments]<std::size_t... I>(std::index_sequence<I...>) {
            return models_t{std::move(std::get<I>(arguments))...};
        }(std::make_index_sequence<model_count>{});
    }
};

/// The parts that every trial has: its models and their names, its unit key, its consent policy, its clock, its tickets
/// and its inference.
template <class Parts>
class trial_core {
public:
    using models_t = typename Parts::models_t;
    using clock_t = typename Parts::clock_t;
    using inference_t = typename Parts::inference_t;
    using desk_t = ticket_desk<typename Parts::tickets_t>;

    /// Move the models and the policies that all trials have out of the arguments.
    /// errors: configuration_error where models share a name, or tickets would expire at once
    trial_core(std::string_view kind, const salt& name, typename Parts::arguments_t& arguments)
        : models_(Parts::take_models(arguments)),
          key_(Parts::template pick<unit_key_role, per_request>(arguments)),
          consent_(Parts::template pick<consent_role, everybody>(arguments)),
          clock_(Parts::template pick<clock_role, steady_time>(arguments)),
          inference_(Parts::template pick<inference_role, inference_t>(arguments)),
          identity_(kind, names_of(models_), name), listed_(kind, identity_),
          desk_(Parts::template pick<ticket_role, plain_tickets>(arguments), identity_.number())
    {
    }

    [[nodiscard]] models_t& models() noexcept { return models_; }
    /// Return the callable of one model. The champion is 0.
    template <std::size_t I>
    [[nodiscard]] auto& callable() noexcept
    {
        return std::get<I>(models_).call;
    }

    /// Return whether a request may be recorded. The champion serves a request that may not.
    template <class... A>
    [[nodiscard]] bool may_record(const A&... arguments) const
    {
        if constexpr (Parts::asks_consent) {
            return consent_.may_record(arguments...);
        } else {
            return true;
        }
    }

    /// Return the unit of a request.
    template <class... A>
    [[nodiscard]] auto unit_of(const A&... arguments) const
        -> decltype(std::declval<const typename Parts::key_t&>().key(arguments...))
    {
        kind_.template note<std::remove_cvref_t<decltype(key_.key(arguments...))>>();
        return key_.key(arguments...);
    }

    /// Return whether a value can be a unit of this trial: it has the kind that the trial serves, and is not a ticket's
    /// text.
    template <class Unit>
    [[nodiscard]] bool is_unit(const Unit& unit) const noexcept
    {
        if constexpr (text_like<Unit>) {
            if (!is_no_unit(unit) && desk_.gave_out(static_cast<std::string_view>(unit))) {
                return false;
            }
        }
        return kind_.template takes<Unit>();
    }

    /// Return the unit key.
    [[nodiscard]] const typename Parts::key_t& key() const noexcept { return key_; }

    /// Return the kind of the trial's units.
    [[nodiscard]] const units_kind<typename Parts::key_t>& units() const noexcept { return kind_; }

    [[nodiscard]] const trial_identity& identity() const noexcept { return identity_; }
    /// Note under a report what is to be known about the trial's name.
    void annotate_name(std::vector<std::string>& notes) const
    {
        detail::annotate_name(notes, identity_, listed_);
    }
    [[nodiscard]] const clock_t& clock() const noexcept { return clock_; }
    [[nodiscard]] const inference_t& inference() const noexcept { return inference_; }
    [[nodiscard]] const desk_t& desk() const noexcept { return desk_; }

    template <unit_like Unit>
    [[nodiscard]] std::uint64_t pseudonym_of(const Unit& unit) const noexcept
    {
        return detail::pseudonym_of(identity_.hasher()(unit));
    }

private:
    [[nodiscard]] static std::vector<std::string> names_of(const models_t& models)
    {
        return std::apply([](const auto&... each) { return std::vector<std::string>{each.name...}; }, models);
    }

    models_t models_;
    [[no_unique_address]] typename Parts::key_t key_;
    [[no_unique_address]] units_kind<typename Parts::key_t> kind_;
    [[no_unique_address]] typename Parts::consent_t consent_;
    [[no_unique_address]] clock_t clock_;
    [[no_unique_address]] inference_t inference_;
    trial_identity identity_;
    live_name listed_;
    [[no_unique_address]] desk_t desk_;
};

}  // namespace detail
}  // namespace v0
}  // namespace joust

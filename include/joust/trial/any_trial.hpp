// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/report/report.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/served.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace joust {
inline namespace v0 {

template <class Signature>
class any_trial;

/// Hold a trial of any type behind one that can be spelt: for members, containers and dashboards.
///
/// shape: `any_trial<float(const Request&)> score{[] { return joust::ab_test{...}; }}`; the factory is called once. It moves,
/// though the trial inside stays where it is. Feedback by metric name needs the trial's own type.
/// cost: a virtual call, and one allocation when it is made
template <class Result, class... Args>
class any_trial<Result(Args...)> {
public:
    template <class Factory>
        requires std::is_invocable_v<Factory&> && (!std::is_same_v<std::remove_cvref_t<Factory>, any_trial>)
    explicit any_trial(Factory&& factory)
        : inside_(new holder<std::remove_cvref_t<std::invoke_result_t<Factory&>>>(factory))
    {
    }
    any_trial(any_trial&& other) noexcept : inside_(std::exchange(other.inside_, nullptr)) {}
    any_trial& operator=(any_trial&& other) noexcept
    {
        std::swap(inside_, other.inside_);
        return *this;
    }
    ~any_trial() { delete inside_; }

    Result operator()(Args... arguments) { return inside_->call(std::forward<Args>(arguments)...); }
    served<Result> serve(Args... arguments) { return inside_->serve(std::forward<Args>(arguments)...); }
    [[nodiscard]] joust::report report() { return inside_->report(); }
    /// Copy all evidence out.
    /// errors: configuration_error for a shadow, whose evidence is of a type of its own; `snapshot` writes that of every trial
    [[nodiscard]] joust::evidence evidence() const { return inside_->evidence(); }
    /// Write all evidence as bytes, as `to_snapshot(trial.evidence())` does.
    [[nodiscard]] std::string snapshot() const { return inside_->snapshot(); }

private:
    struct interface {
        interface() = default;
        interface(const interface&) = delete;
        interface& operator=(const interface&) = delete;
        virtual ~interface() = default;
        virtual Result call(Args... arguments) = 0;
        virtual served<Result> serve(Args... arguments) = 0;
        virtual joust::report report() = 0;
        virtual joust::evidence evidence() const = 0;
        virtual std::string snapshot() const = 0;
    };

    template <class Trial>
    struct holder final : interface {
        // The trial is built in place: it neither copies nor moves.
        template <class Factory>
        explicit holder(Factory& factory) : trial(factory())
        {
        }
        Result call(Args... arguments) override { return trial(std::forward<Args>(arguments)...); }
        served<Result> serve(Args... arguments) override
        {
            return trial.serve(std::forward<Args>(arguments)...);
        }
        joust::report report() override { return trial.report(); }
        joust::evidence evidence() const override
        {
            if constexpr (std::is_same_v<decltype(trial.evidence()), joust::evidence>) {
                return trial.evidence();
            } else {
                throw configuration_error(
                    "any_trial", "a trial whose evidence is of another type",
                    "an ab_test or a canary; snapshot() writes the evidence of any trial");
            }
        }
        std::string snapshot() const override { return to_snapshot(trial.evidence()); }
        Trial trial;
    };

    interface* inside_;  // owned; <memory> alone would weigh five thousand lines in every service
};

}  // namespace v0
}  // namespace joust

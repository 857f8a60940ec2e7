// SPDX-License-Identifier: Apache-2.0
// A policy that has its role's verb in a wrong form is answered by a sentence of its role: when the trial is built, or at the
// first call that knows what the verb is asked with.

#include <joust/core/unit_id.hpp>
#include <joust/split/cascade.hpp>
#include <joust/trial/ab_test.hpp>
#include <joust/trial/canary.hpp>
#include <joust/trial/gate.hpp>
#include <joust/trial/interleaving.hpp>
#include <joust/trial/shadow.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

struct request {
    std::string user{};
    int size = 0;
    bool may_test = true;
    std::vector<float> features{};
};
inline double old_model(const request& r)
{
    return r.size;
}
inline double new_model(const request& r)
{
    return r.size + 1.0;
}
inline std::vector<int> numbers(const request&)
{
    return {};
}
struct document {
    int id = 0;
    std::string title;
    double weight = 0.0;
};
inline std::vector<document> documents(const request&)
{
    return {};
}

// Something else than the arguments of these calls.
struct other {
    std::string user;
    int size = 0;
};

template <class... Policies>
void serve(Policies... policies)
{
    joust::ab_test trial{joust::model{"old", old_model}, joust::model{"new", new_model},
                         joust::conversion<"click">{}, policies...};
    static_cast<void>(trial(request{}));
}
template <class... Policies>
void step(Policies... policies)
{
    joust::canary trial{joust::model{"old", old_model}, joust::model{"new", new_model},
                        joust::by(&request::user), policies...};
    static_cast<void>(trial(request{}));
}
template <class... Policies>
void shadow(Policies... policies)
{
    joust::shadow trial{joust::model{"old", old_model}, joust::model{"new", new_model}, policies...};
    static_cast<void>(trial(request{}));
}
template <class... Policies>
void tell(Policies... policies)
{
    joust::shadow trial{joust::model{"old", old_model}, joust::model{"new", new_model}, policies...};
    trial.truth(trial.serve(request{}).ticket, std::string{"seven"});
}
template <auto Ranker = numbers, class... Policies>
void rank(Policies... policies)
{
    joust::interleaving trial{joust::model{"old", Ranker}, joust::model{"new", Ranker}, policies...};
    static_cast<void>(trial.rank(request{}, 10));
}

#ifdef ACCEPT
struct own_key {
    std::string_view key(const request& r) const { return r.user; }
};
struct own_consent {
    bool may_record(const request& r) const { return r.may_test; }
};
struct own_acceptance {
    bool accept(double score) const { return score > 0.0; }
};
struct own_covariate {
    int covariate(const request& r) const { return r.size; }
};
struct own_comparator {
    joust::comparison compare(double a, double b) const { return {a == b, 0.0}; }
};
struct own_judge {
    int judge(double, const std::string&) const { return 1; }
};
struct own_identity {
    joust::item_key identify(const document& d) const { return static_cast<joust::item_key>(d.id); }
};
struct own_eligibility {
    bool shows(const document& d, const request&) const { return d.id > 0; }
};
struct own_pins {
    std::vector<joust::pin<document>> pins(const request&) const { return {}; }
};
struct own_runner {
    joust::one_after_another runner() const { return {}; }
};

void accepted()
{
    serve(own_key{}, own_consent{}, own_acceptance{}, own_covariate{});
    serve(joust::by([](const request& r) { return r.size; }), joust::consent(&request::may_test),
          joust::accept_if([](double score) { return score > 0.0; }), joust::adjust_for(&request::size),
          joust::record_with([](const joust::event&) {}), joust::on_event([](const joust::trial_event&) {}));
    shadow(own_key{}, own_consent{}, own_comparator{});
    tell(own_judge{});
    tell(joust::judged_by([](double, const std::string&) { return true; }));
    rank<documents>(own_key{}, own_consent{}, own_identity{}, own_eligibility{}, own_pins{});
    rank(joust::by(&request::user),
         joust::pinned([](const request&) { return std::vector<joust::pin<int>>{}; }));
    rank(joust::by(&request::user), joust::as<joust::rankers_role>(joust::one_after_another{}));
}
#endif

// REJECT 1: joust: by(...) cannot read the unit from the arguments of this call
#if REJECT == 1
void unit_key()
{
    serve(joust::by(&other::user));
}
#endif

// REJECT 2: joust: by(...) cannot read the unit from the arguments of this call
#if REJECT == 2
struct own_key {
    std::string key(const other& o) const { return o.user; }
};
void unit_key_of_ones_own()
{
    shadow(own_key{});
}
#endif

// REJECT 3: joust: a unit key is text, an integer, an enumerator or a joust::uuid
#if REJECT == 3
void unit_that_is_a_list()
{
    rank(joust::by(&request::features));
}
#endif

// REJECT 4: joust: this splitter's assign() takes no context with the arguments of this call
#if REJECT == 4
struct own_splitter {
    joust::assignment assign(const joust::context<std::tuple<>>&) const noexcept { return {}; }
    joust::assignment assign(const joust::context<std::tuple<const other&>>&) const noexcept { return {}; }
};
void splitter()
{
    serve(joust::by(&request::user), own_splitter{});
}
#endif

// REJECT 5: joust: this has add(), but a metric is `static name()` returning text
#if REJECT == 5
struct own_metric {
    std::string_view name() const { return "own"; }
    void add(joust::cell& c, double value) const { c.value = value; }
};
void metric()
{
    serve(joust::by(&request::user), own_metric{});
}
#endif

// REJECT 6: joust: guardrail() takes a metric
#if REJECT == 6
void guardrail()
{
    serve(joust::by(&request::user), joust::guardrail(500, {.max_ratio = 1.1}));
}
#endif

// REJECT 7: joust: consent(...) cannot be asked about this call
#if REJECT == 7
void consent()
{
    serve(joust::by(&request::user), joust::consent([](int age) { return age >= 18; }));
}
#endif

// REJECT 8: joust: consent(...) cannot be asked about this call
#if REJECT == 8
void consent_that_answers_in_words()
{
    shadow(joust::consent(&request::user));
}
#endif

// REJECT 9: joust: accept_if(...) cannot judge what the champion returns
#if REJECT == 9
void acceptance()
{
    serve(joust::by(&request::user), joust::accept_if([](const std::string& s) { return !s.empty(); }));
}
#endif

// REJECT 10: joust: accept_if(...) cannot judge what the champion returns
#if REJECT == 10
void acceptance_of_nothing()
{
    joust::ab_test trial{joust::model{"old", [](const request&) {}},
                         joust::model{"new", [](const request&) {}}, joust::by(&request::user),
                         joust::conversion<"click">{}, joust::accept_if([](double) { return true; })};
    trial(request{});
}
#endif

// REJECT 11: joust: adjust_for(...) cannot read its number from the arguments of the call
#if REJECT == 11
void covariate()
{
    serve(joust::by(&request::user), joust::adjust_for(&request::user));
}
#endif

// REJECT 12: joust: an interleaver needs void interleave(
#if REJECT == 12
struct own_interleaver {
    template <class Coins>
    joust::draft interleave(joust::rankings, Coins&) const;
};
void interleaver()
{
    rank(joust::by(&request::user), own_interleaver{});
}
#endif

// REJECT 13: joust: a credit policy needs joust::award credit(
#if REJECT == 13
struct own_credit {
    double credit(const joust::slate_teams&, const joust::feedback&) const noexcept { return 1.0; }
};
void credit()
{
    rank(joust::by(&request::user), own_credit{});
}
#endif

// REJECT 14: joust: eligible(...) takes a predicate on (item), (item, first argument) or (item, all arguments of the call)
#if REJECT == 14
void eligibility()
{
    rank(joust::by(&request::user), joust::eligible([](const request& r, int) { return r.may_test; }));
}
#endif

// REJECT 15: joust: pinned(...) gives a list of joust::pin<Item>
#if REJECT == 15
void pins()
{
    rank(joust::by(&request::user), joust::pinned([](const request&) { return std::vector<int>{1, 2}; }));
}
#endif

// REJECT 16: joust: identified_by(...) cannot read what tells these items apart
#if REJECT == 16
void identity()
{
    rank<documents>(joust::by(&request::user), joust::identified_by(&document::weight));
}
#endif

// REJECT 17: joust: the comparator cannot compare the champion's result with a challenger's
#if REJECT == 17
void comparator()
{
    shadow(joust::compare_with([](const std::string& a, const std::string& b) { return a == b; }));
}
#endif

// REJECT 18: joust: compare_with takes a callable of both results that returns bool
#if REJECT == 18
void comparator_that_answers_in_words()
{
    shadow(joust::compare_with([](double, double) { return "alike"; }));
}
#endif

// REJECT 19: joust: the comparator cannot compare the champion's result with a challenger's
#if REJECT == 19
void label_of_a_number()
{
    shadow(joust::label_match(&document::title));
}
#endif

// REJECT 20: joust: the judge cannot hold a prediction against a truth of this type
#if REJECT == 20
void judge()
{
    tell(joust::judged_by([](double prediction, double truth) { return prediction == truth; }));
}
#endif

// REJECT 21: joust: the judge cannot hold a prediction against a truth of this type
#if REJECT == 21
void judge_by_default()
{
    tell();
}
#endif

// REJECT 22: joust: this has dispatch(), but an executor is
#if REJECT == 22
struct own_executor {
    template <class Task>
    void dispatch(Task task) noexcept
    {
        task();
    }
};
void executor()
{
    shadow(own_executor{});
}
#endif

// REJECT 23: joust: this has start(), but the options of an executor are
#if REJECT == 23
struct own_pool {
    int start() const { return 1; }
};
void executor_that_starts_nothing()
{
    shadow(own_pool{});
}
#endif

// REJECT 24: joust: this has sample(), but a sampler is
#if REJECT == 24
struct own_sampler {
    bool sample(std::uint64_t) const { return true; }
};
void sampler()
{
    shadow(own_sampler{});
}
#endif

// REJECT 25: joust: this has pause_after(), but a breaker is
#if REJECT == 25
struct own_breaker {
    std::chrono::seconds pause_after() const noexcept { return {}; }
};
void breaker()
{
    shadow(own_breaker{});
}
#endif

// REJECT 26: joust: this has ready(), but a ramp has members shares and check_every
#if REJECT == 26
struct own_ramp {
    bool ready(const joust::stage_progress&) const noexcept { return true; }
};
void ramp()
{
    step(own_ramp{});
}
#endif

// REJECT 27: joust: this has infer(), but an inference policy has members alpha and units
#if REJECT == 27
struct own_inference {
    joust::inference infer(const joust::look&) const { return {}; }
};
void inference()
{
    serve(joust::by(&request::user), own_inference{});
}
#endif

// REJECT 28: joust: this has record(), but a recorder is
#if REJECT == 28
struct own_recorder {
    void record(const joust::event&) noexcept {}
};
void recorder()
{
    serve(joust::by(&request::user), own_recorder{});
}
#endif

// REJECT 29: joust: record_with(...) takes a callable, not mutable, on a const joust::event&
#if REJECT == 29
void recorder_of_text()
{
    serve(joust::by(&request::user), joust::record_with([](const std::string&) {}));
}
#endif

// REJECT 30: joust: this has now(), but a clock is
#if REJECT == 30
void clock_of_the_standard_library()
{
    serve(joust::by(&request::user), std::chrono::steady_clock{});
}
#endif

// REJECT 31: joust: this has times(), but a timing policy is
#if REJECT == 31
struct own_timing {
    bool times(const request&) const noexcept { return true; }
};
void timing()
{
    serve(joust::by(&request::user), own_timing{});
}
#endif

// REJECT 32: joust: this has seal(), but a ticket policy is
#if REJECT == 32
struct own_tickets {
    std::string seal(const joust::ticket& t) const { return t.to_string(); }
};
void tickets()
{
    serve(joust::by(&request::user), own_tickets{});
}
#endif

// REJECT 33: joust: this has runner(), but how rankers run is said by
#if REJECT == 33
struct own_rankers {
    void runner() const {}
};
void rankers()
{
    rank(joust::by(&request::user), own_rankers{});
}
#endif

// REJECT 34: joust: the confidence of a cascade takes the fast model's answer and gives a number
#if REJECT == 34
void cascade()
{
    auto staged = joust::cascade(old_model, new_model, [](double y) { return std::to_string(y); });
    static_cast<void>(staged(request{}));
}
#endif

// REJECT 35: joust: a model of a cascade cannot be called with these arguments
#if REJECT == 35
void cascade_of_other_models()
{
    auto staged = joust::cascade(old_model, [](const other&) { return 1.0; }, [](double y) { return y; });
    static_cast<void>(staged(request{}));
}
#endif

// REJECT 36: joust: accept_if refuses results, which needs the champion to fall back on
#if REJECT == 36
void failure()
{
    serve(joust::by(&request::user), joust::accept_if([](double) { return true; }), joust::rethrow{});
}
#endif

// REJECT 37: joust: joust::as<role>(value) names a role whose verb this value does not have
#if REJECT == 37
void role_that_is_not_played()
{
    serve(joust::by(&request::user), joust::as<joust::consent_role>(other{}));
}
#endif

// REJECT 38: joust: this has test_rows(), but a test of rows is
#if REJECT == 38
struct own_row_test {
    bool test_rows() const { return true; }
};
void row_test()
{
    joust::gate check{joust::model{"old", old_model}, joust::model{"new", new_model},
                      joust::guardrail(joust::mean<"auc">{}, {.max_decrease = 0.01}), own_row_test{}};
}
#endif

// REJECT 39: joust: this has notify(), but a listener is
#if REJECT == 39
struct own_listener {
    void notify(const joust::trial_event&) noexcept {}
};
void listener()
{
    serve(joust::by(&request::user), own_listener{});
}
#endif

// REJECT 40: joust: on_event(...) takes callables, not mutable, on a const joust::trial_event&
#if REJECT == 40
void listener_of_text()
{
    serve(joust::by(&request::user), joust::on_event([](const std::string&) {}));
}
#endif

// REJECT 41: joust: two listeners are given; on_event(...) takes several callables
#if REJECT == 41
void two_listeners()
{
    serve(joust::by(&request::user), joust::on_event([](const joust::trial_event&) {}),
          joust::on_event([](const joust::trial_event&) {}));
}
#endif

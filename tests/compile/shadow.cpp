// SPDX-License-Identifier: Apache-2.0

// What a shadow takes and what it refuses, in which words.

#include <joust/trial/shadow.hpp>

#include <any>
#include <array>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

struct request {
    std::string user;
    std::vector<float> features;
};

inline const auto champion = [](const request& r) { return static_cast<float>(r.features.size()); };
inline const auto challenger = [](const request& r) { return static_cast<double>(r.user.size()); };
inline const auto by_text = [](std::string_view text) { return text.size(); };

// Handles whose copies are shallow, as those of tensor and image libraries are.
namespace handles {
struct tensor {
    std::shared_ptr<float> storage;
    [[nodiscard]] tensor clone() const { return {std::make_shared<float>(*storage)}; }
};
class image {
public:
    [[nodiscard]] image clone() const { return *this; }

private:
    float* pixels_ = nullptr;
};
class counted {
public:
    [[nodiscard]] int use_count() const { return 1; }
};
template <class T>
class intrusive_ptr {
public:
    T* operator->() const { return to_; }
    T& operator*() const { return *to_; }
    intrusive_ptr() = default;
    intrusive_ptr(const intrusive_ptr& other) : to_(other.to_) {}

private:
    T* to_ = nullptr;
};
struct hooked : tensor {};
inline hooked clone(const hooked& one)
{
    return {one.tensor::clone()};
}
struct pair_of_hooked {
    hooked a;
    hooked b;
};

// An expression in the shape of Eigen's.
struct matrix {
    using PlainObject = matrix;
    using Scalar = double;
    using EvalReturnType = matrix;
};
struct sum_of_matrices {
    using PlainObject = matrix;
    using Scalar = double;
    using EvalReturnType = matrix;
    const matrix* left;
    const matrix* right;
};
}  // namespace handles
template <>
struct joust::cloner<handles::image> {
    static handles::image clone(const handles::image& one) { return one.clone(); }
};

struct tree {
    int value;
    std::vector<tree> branches;
};
struct names_a_view {
    std::string user;
    std::string_view country;
};
struct names_a_handle {
    int version;
    std::optional<std::string> user;
    std::shared_ptr<std::vector<float>> features;
};
struct lasting_text {
    const char* text;
};
template <>
inline constexpr bool joust::outlives_call<lasting_text> = true;

inline const auto count = [](const auto&) { return 1; };

template <class Argument>
void call_with(const Argument& argument)
{
    joust::shadow live{joust::model{"a", count}, joust::model{"b", count}};
    (void)live(argument);
}

// The least a call needs, with the models given.
template <class... Policies>
auto shadow_of(Policies... policies)
{
    return joust::shadow{policies...};
}

#ifdef ACCEPT
struct own_executor {
    template <class Task>
    bool dispatch(Task task) noexcept
    {
        task();
        return true;
    }
};

void accepted(const request& r)
{
    joust::shadow plain{joust::model{"a", champion}, joust::model{"b", challenger}};
    float y = plain(r);
    y = plain(request{});

    joust::shadow full{joust::model{"a", champion},
                       joust::model{"b", challenger},
                       joust::sampled{.rate = 0.1},
                       joust::background{.queue = 64, .threads = 2},
                       joust::by(&request::user),
                       joust::tolerance{.absolute = 1e-4},
                       joust::breaker{.failures = 5},
                       joust::judged_by([](double p, double t) { return (p > 0.5) == (t > 0.5); }),
                       joust::remembered<>{.results = 100},
                       joust::salt{"score"},
                       joust::always_valid{.alpha = 0.01},
                       joust::steady_time{}};
    auto [prediction, ticket] = full.serve(r);
    y = prediction;
    full.truth(ticket, 1.0);
    full.truth(ticket.to_string(), 1.0);
    (void)full.report();

    joust::shadow views{joust::model{"a", by_text}, joust::model{"b", by_text}, joust::inline_run{}};
    (void)views(std::string_view{"held by the caller during the call"});
    joust::shadow owned{joust::model{"a", by_text}, joust::model{"b", by_text}};
    (void)owned(std::string{"copied"});
    joust::shadow mine{joust::model{"a", champion}, joust::model{"b", challenger}, own_executor{}};
    (void)mine(r);
    call_with(std::make_shared<const request>());
    call_with(std::vector<handles::hooked>{});
    call_with(std::optional<handles::image>{});
    call_with(std::pair<int, handles::hooked>{});
    call_with(std::map<int, handles::hooked>{});
    call_with(handles::matrix{});
    call_with(std::make_shared<const handles::matrix>());
    call_with(tree{});
    call_with(std::variant<int, std::string>{1});
    call_with(std::function<int()>{});
    call_with(std::any{});
    call_with(std::pair{lasting_text{"lives as long as the process"}, 1});
    joust::shadow seen{joust::model{"a", count}, joust::model{"b", count}, joust::inline_run{}};
    (void)seen(std::make_shared<request>());
    joust::shadow functions{joust::model{"a", +[](int v) { return v; }},
                            joust::model{"b", +[](int v) { return v; }}};
    (void)functions.truth(functions.serve(1).ticket, 1);
    joust::shadow members{joust::model{"a", &request::user}, joust::model{"b", &request::user}};
    (void)members(r);
    (void)y;
}
#endif

// REJECT 1: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer, string_view, span or reference_wrapper, and nothing that cannot be copied: pass std::string instead of std::string_view, or use inline_run{}
#if REJECT == 1
void view(std::string_view text)
{
    joust::shadow live{joust::model{"a", by_text}, joust::model{"b", by_text}};
    (void)live(text);
}
#endif

// REJECT 2: joust: a background shadow keeps its arguments beyond the call
#if REJECT == 2
void literal()
{
    joust::shadow live{joust::model{"a", by_text}, joust::model{"b", by_text}};
    (void)live("a literal would live, but the next buffer would not");
}
#endif

// REJECT 3: joust: a background shadow keeps its arguments beyond the call
#if REJECT == 3
void span(std::span<const float> features)
{
    const auto sum = [](std::span<const float> f) { return f.size(); };
    joust::shadow live{joust::model{"a", sum}, joust::model{"b", sum}};
    (void)live(features);
}
#endif

// REJECT 4: joust: a background shadow keeps its arguments beyond the call
#if REJECT == 4
void pointer(request* r)
{
    const auto size = [](const request* p) { return p->user.size(); };
    joust::shadow live{joust::model{"a", size}, joust::model{"b", size}};
    (void)live(r);
}
#endif

// REJECT 5: joust: a background shadow keeps its arguments beyond the call
#if REJECT == 5
void wrapped(request& r)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", challenger}};
    (void)live(std::ref(r));
}
#endif

// REJECT 6: joust: a background shadow keeps its arguments beyond the call
#if REJECT == 6
void not_copyable(std::unique_ptr<request>& r)
{
    const auto size = [](const std::unique_ptr<request>& p) { return p->user.size(); };
    joust::shadow live{joust::model{"a", size}, joust::model{"b", size}};
    (void)live(r);
}
#endif

// REJECT 7: joust: a background shadow compares a copy of the champion's result after the call, so a result that is a pointer or a view, or cannot be copied, is refused: return an owning value, or use inline_run{}
#if REJECT == 7
void view_result(const request& r)
{
    const auto name = [](const request& one) { return std::string_view{one.user}; };
    joust::shadow live{joust::model{"a", name}, joust::model{"b", name}};
    (void)live(r);
}
#endif

// REJECT 8: joust: a shadow calls more than one model with the same arguments, so a temporary that cannot be copied is refused: pass it as an lvalue
#if REJECT == 8
void consumed(std::unique_ptr<request> r)
{
    const auto size = [](std::unique_ptr<request> p) { return p->user.size(); };
    joust::shadow live{joust::model{"a", size}, joust::model{"b", size}, joust::inline_run{}};
    (void)live(std::move(r));
}
#endif

// REJECT 9: joust: these results have no operator== between them, so they cannot be compared as equal; give compare_with(callable)
#if REJECT == 9
void incomparable(const request& r)
{
    const auto copy = [](const request& one) { return one; };
    joust::shadow live{joust::model{"a", copy}, joust::model{"b", copy}};
    (void)live(r);
}
#endif

// REJECT 10: joust: a challenger cannot be called with copies of the champion's arguments
#if REJECT == 10
void other_arguments(const request& r)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", by_text}};
    (void)live(r);
}
#endif

// REJECT 11: joust: the champion returns before its work is done (a future or an awaitable)
#if REJECT == 11
void later(const request& r)
{
    const auto soon = [](const request&) { return std::future<int>{}; };
    joust::shadow live{joust::model{"a", soon}, joust::model{"b", soon}};
    (void)live(r);
}
#endif

// REJECT 12: joust: this shadow cannot tell what its models return (they are generic or overloaded, or return nothing that can be kept), so no prediction waits for its truth: add joust::remembered<Prediction>{}
#if REJECT == 12
void generic()
{
    joust::shadow live{joust::model{"a", [](auto v) { return v; }},
                       joust::model{"b", [](auto v) { return v; }}};
    (void)live.truth(live.serve(1).ticket, 1);
}
#endif

// REJECT 13: joust: a trial needs a champion and a challenger: at least two joust::model come first
#if REJECT == 13
auto alone = shadow_of(joust::model{"a", champion}, joust::sampled{.rate = 0.1});
#endif

// REJECT 14: joust: two samplers are given; say once which requests are shadowed
#if REJECT == 14
auto twice = shadow_of(joust::model{"a", champion}, joust::model{"b", challenger},
                       joust::sampled{.rate = 0.1}, joust::all_requests{});
#endif

// REJECT 15: joust: this has dispatch(), but an executor is `template <class Task> bool dispatch(Task task) noexcept`, true where the task will run
#if REJECT == 15
struct throwing_executor {
    template <class Task>
    bool dispatch(Task task)
    {
        task();
        return true;
    }
};
auto near_miss = shadow_of(joust::model{"a", champion}, joust::model{"b", challenger}, throwing_executor{});
#endif

// REJECT 16: joust: judged_by takes a callable of (prediction, truth) that returns bool (right or wrong) or double (a score, higher is better)
#if REJECT == 16
void judge(const request& r)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", challenger},
                       joust::judged_by([](double, double) { return "right"; })};
    (void)live.truth(live.serve(r).ticket, 1.0);
}
#endif

// REJECT 17: joust: a unit key is text, an integer, an enumerator or a joust::uuid
#if REJECT == 17
void key(const request& r)
{
    joust::shadow live{joust::model{"a", champion}, joust::model{"b", challenger},
                       joust::by(&request::features)};
    (void)live(r);
}
#endif

// REJECT 18: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 18
void shared()
{
    call_with(std::make_shared<request>());
}
#endif

// REJECT 19: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 19
void shared_in_struct()
{
    call_with(names_a_handle{});
}
#endif

// REJECT 20: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 20
void shared_in_containers()
{
    call_with(std::map<int, std::vector<std::optional<std::shared_ptr<int>>>>{});
}
#endif

// REJECT 21: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 21
void weak()
{
    call_with(std::weak_ptr<int>{});
}
#endif

// REJECT 22: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 22
void tensor()
{
    call_with(handles::tensor{});
}
#endif

// REJECT 23: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 23
void tensors()
{
    call_with(std::tuple<int, std::vector<handles::tensor>>{});
}
#endif

// REJECT 24: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 24
void counted_uses()
{
    call_with(handles::counted{});
}
#endif

// REJECT 25: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 25
void hooked_in_a_struct()
{
    call_with(handles::pair_of_hooked{});
}
#endif

// REJECT 26: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to with the champion's
#if REJECT == 26
void hooked_in_a_variant()
{
    call_with(std::variant<int, handles::hooked>{});
}
#endif

// REJECT 27: joust: a background shadow keeps its arguments beyond the call, and this one is an expression that refers to its operands: pass a plain object, such as the result of .eval(), or use inline_run{}
#if REJECT == 27
void expression()
{
    call_with(handles::sum_of_matrices{});
}
#endif

// REJECT 28: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 28
void views()
{
    call_with(std::vector<std::string_view>{});
}
#endif

// REJECT 29: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 29
void perhaps_a_view()
{
    call_with(std::optional<std::string_view>{});
}
#endif

// REJECT 30: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 30
void pair_with_a_view()
{
    call_with(std::pair<int, std::string_view>{});
}
#endif

// REJECT 31: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 31
void view_in_a_map()
{
    call_with(std::map<std::string_view, int>{});
}
#endif

// REJECT 32: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 32
void variant_with_a_view()
{
    call_with(std::variant<int, std::string_view>{});
}
#endif

// REJECT 33: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 33
void view_in_a_struct()
{
    call_with(names_a_view{});
}
#endif

// REJECT 34: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 34
void array_of_pointers()
{
    call_with(std::array<int*, 2>{});
}
#endif

// REJECT 35: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 35
void tuple_of_references(const std::string& text)
{
    call_with(std::tie(text));
}
#endif

// REJECT 36: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 36
void iterator()
{
    call_with(std::vector<int>::iterator{});
}
#endif

// REJECT 37: joust: a background shadow keeps its arguments beyond the call, so it takes no pointer
#if REJECT == 37
void views_shared()
{
    call_with(std::shared_ptr<const std::vector<std::string_view>>{});
}
#endif

// REJECT 38: joust: a background shadow compares a copy of the champion's result after the call, and a copy of this result shares what it refers to
#if REJECT == 38
void shared_result(const request& r)
{
    const auto tensor = [](const request&) { return handles::tensor{}; };
    joust::shadow live{joust::model{"a", tensor}, joust::model{"b", tensor}};
    (void)live(r);
}
#endif

// REJECT 39: joust: a background shadow compares a copy of the champion's result after the call, and this result is an expression that refers to its operands
#if REJECT == 39
void expression_result(const request& r)
{
    const auto sum = [](const request&) { return handles::sum_of_matrices{}; };
    joust::shadow live{joust::model{"a", sum}, joust::model{"b", sum}};
    (void)live(r);
}
#endif

// REJECT 40: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to
#if REJECT == 40
void intrusive_pointer()
{
    call_with(handles::intrusive_ptr<request>{});
}
#endif

// REJECT 41: joust: a background shadow gives its challengers copies of the arguments, and a copy of this one shares what it refers to
#if REJECT == 41
namespace cv {
class Mat {
public:
    unsigned char* data = nullptr;
};
}  // namespace cv
void known_by_name()
{
    call_with(cv::Mat{});
}
#endif

// REJECT 42: joust: a truth that comes before its predictions waits for them, so it takes no pointer or view, and nothing that shares what it refers to: pass an owning value
#if REJECT == 42
void truth_is_a_view(const std::vector<float>& truth)
{
    const auto copy = [](const std::vector<float>& one) { return one; };
    joust::shadow live{joust::model{"a", copy}, joust::model{"b", copy},
                       joust::judged_by([](const std::vector<float>& p, std::span<const float> t) {
                           return p.size() == t.size();
                       })};
    (void)live.truth(live.serve(truth).ticket, std::span<const float>{truth});
}
#endif

// SPDX-License-Identifier: Apache-2.0

// What a header of a service may say of joust's types after <joust/fwd.hpp> alone: pointers, references, signatures, values of
// enumerations, and templates with their default arguments.

namespace service {

class scorer {
public:
    using trial = joust::any_trial<float(int)>;

    joust::served<float> serve(int request);
    void observe(const joust::ticket& ticket, joust::verdict expected);
    void keep(joust::evidence& evidence, joust::status state);
    void tell(const joust::report& report);

private:
    trial* trial_ = nullptr;
    joust::stats::moments* moments_ = nullptr;
    joust::hyperloglog<>* units_ = nullptr;
    joust::remembered<>* memory_ = nullptr;
};

template <class... Args>
int kind_of(const joust::ab_test<Args...>&)
{
    return 1;
}
template <class... Args>
int kind_of(const joust::canary<Args...>&)
{
    return 2;
}
template <class Curve>
int kind_of(const joust::balanced<Curve>&)
{
    return 3;
}
int kind_of(const joust::conversion<"click">& metric);

}  // namespace service

// SPDX-License-Identifier: Apache-2.0

#include <joust/core/hash.hpp>
#include <joust/core/random.hpp>
#include <joust/interleave/competitive_pairs.hpp>
#include <joust/interleave/short_lists.hpp>
#include <joust/interleave/team_draft.hpp>
#include <joust/interleave/two_lists.hpp>

#include "catch.hpp"
#include "interleave/laws.hpp"

#include <cstring>
#include <string>

using namespace joust_test;
using namespace joust::detail;

namespace {

#ifdef JOUST_NEWER_X86
JOUST_NOINLINE JOUST_AVX512 bool by_sixteens(joust::ranking a, joust::ranking b, crossings& out)
{
    return cross_by_sixteens::cross(a, b, out);
}
#endif

/// Compare two lists in every way that this machine has. Returns whether they all say the same.
bool agree(const list& a, const list& b)
{
    crossings plain{};
    const bool distinct = cross_one_by_one(a, b, plain);
    const auto same = [&](bool found, const crossings& other) {
        if (found != distinct || !distinct) {
            return found == distinct;
        }
        const list* const lists[2] = {&a, &b};
        for (std::size_t r = 0; r < 2; ++r) {
            if (other.unshown[r] != plain.unshown[r] || (other.of[r][crossings::most] & 0xffffU) != 0) {
                return false;
            }
            for (std::size_t i = 0; i < lists[r]->size(); ++i) {
                // Bits after the end of the other list strike no item.
                if ((other.of[r][i] & plain.unshown[1 - r]) != plain.of[r][i]) {
                    return false;
                }
            }
        }
        return true;
    };
    bool all = true;
#ifdef JOUST_SSE2
    crossings prints;
    std::memset(&prints, 0x55, sizeof prints);
    all = all && same(cross_by_prints::cross(a, b, prints), prints);
#endif
#ifdef JOUST_NEWER_X86
    if (has_avx512()) {
        crossings sixteens;
        std::memset(&sixteens, 0x55, sizeof sixteens);
        all = all && same(by_sixteens(a, b, sixteens), sixteens);
    }
#endif
    return all;
}

}  // namespace

TEST_CASE("crossings say for every entry which entry of the other list is the same item")
{
    crossings found;
    CHECK(cross_one_by_one(list{7, 8, 9}, list{9, 5, 7, 6}, found));
    CHECK(found.unshown[0] == 0b111);
    CHECK(found.unshown[1] == 0b1111);
    CHECK(found.of[0][0] == 0b100);
    CHECK(found.of[0][1] == 0);
    CHECK(found.of[0][2] == 0b001);
    CHECK(found.of[1][0] == 0b100);
    CHECK(found.of[1][1] == 0);
    CHECK(found.of[1][2] == 0b001);
    CHECK_FALSE(cross_one_by_one(list{7, 8, 7}, list{9}, found));
    CHECK_FALSE(cross_one_by_one(list{9}, list{7, 8, 7}, found));
    CHECK(cross_one_by_one(list{}, list{}, found));
}

TEST_CASE("however lists are compared, the crossings are the same")
{
    // Whether the widest way is among them depends on the machine.
    WARN("sixteen at a time: " << (has_avx512() ? "yes" : "no"));
    joust::keyed_random random{3, 1};
    std::uint64_t different = 0;
    std::uint64_t distinct = 0;
    for (int repeat = 0; repeat < 60'000; ++repeat) {
        // Few documents give many crossings and repeats; sparse bits give equal folds and equal prints.
        const std::uint64_t documents = 1 + random.below(60);
        const unsigned kind = static_cast<unsigned>(random.below(4));
        const auto some_list = [&] {
            list l;
            for (std::uint64_t size = random.below(17); size > 0; --size) {
                const std::uint64_t d = random.below(documents);
                l.push_back(kind == 0   ? d
                            : kind == 1 ? joust::mix64(d)
                            : kind == 2 ? d << 32 | d            // all fold to nothing
                                        : (d << 16) * 0x10001);  // prints that meet
            }
            return l;
        };
        list a = some_list();
        list b = some_list();
        if (random.coin()) {  // without repeats
            for (list* l : {&a, &b}) {
                std::sort(l->begin(), l->end());
                l->erase(std::unique(l->begin(), l->end()), l->end());
                for (std::size_t i = l->size(); i > 1; --i) {
                    std::swap((*l)[i - 1], (*l)[random.below(i)]);
                }
            }
        }
        crossings any;
        distinct += cross_one_by_one(a, b, any) ? 1u : 0u;
        different += agree(a, b) ? 0u : 1u;
    }
    CHECK(different == 0);
    CHECK(distinct > 20'000);
}

TEST_CASE("an entry with the value of a lane after the end of a list is detected")
{
    // The numbers that short lists are filled up with, as entries of their own.
    const list fillers{0x6a09e667f3bcc908, 0x6b09e667f3bcc908,     0x7009e667f3bcc908,
                       0xbb67ae8584caa73b, 0x6a09e667f3bcc908 + 6, 0xbb67ae8584caa73b + 10};
    for (const joust::item_key x : fillers) {
        for (const joust::item_key y : fillers) {
            CHECK(agree({1, x, 2}, {y, 3}));
            CHECK(agree({1, 2, 3, 4, 5, 6, 7, 8, x}, {9, 10, y}));
        }
    }
}

TEST_CASE(
    "drafting from words of bits equals drafting from a tape, for every outcome of the coins and every way to compare lists")
{
    joust::keyed_random random{4, 2};
    std::uint64_t different = 0;
    const auto compare = [&]<class Rule>(Rule, const list& a, const list& b, std::uint32_t length) {
        for (int repeat = 0; repeat < 8; ++repeat) {
            const std::uint64_t coins = random.next();
            crossings lists;
            REQUIRE(cross_one_by_one(a, b, lists));
            joust::draft expected{length};
            word_tape tape{coins};
            expected.filled(Rule::draft_words(lists, length, tape, expected.to_fill()));
            const auto judge = [&](short_result found, joust::draft& out) {
                out.filled(found.size());
                different += found.drafted() && found.coins() == tape.used() && out == expected ? 0u : 1u;
            };
            joust::draft plain{length};
            judge(draft_short<Rule>(a, b, length, coins, plain.to_fill()), plain);
#ifdef JOUST_NEWER_X86
            if (has_avx512()) {
                joust::draft wide{length};
                judge(draft_short_by_sixteens<Rule>(a, b, length, coins, wide.to_fill()), wide);
            }
#endif
        }
    };
    for (std::uint32_t length = 0; length <= 16; ++length) {
        for (int repeat = 0; repeat < 300; ++repeat) {
            list a = first_documents(length);
            list b = a;
            for (std::size_t i = b.size(); i > 1; --i) {
                std::swap(b[i - 1], b[random.below(i)]);
            }
            for (joust::item_key& d : b) {
                d += random.below(3) == 0 ? 100U : 0U;
            }
            if (random.below(4) == 0) {
                b.resize(random.below(length + 1));
            }
            compare(pairs_rule{}, a, b, length);
            compare(teams_rule{}, a, b, length);
            compare(pairs_rule{}, b, a, length);
            compare(teams_rule{}, b, a, length);
        }
    }
    CHECK(different == 0);
}

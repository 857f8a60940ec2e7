// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "interleave/laws.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

// The cases that laws are proved over: lists and lengths of slates, each given to `judge_case(lists, length, tally)`.

namespace joust_test {

/// Five documents, lists of 1 to 3 of them, slates of 1 to 4: where lists run dry before the slate is full.
template <class Judge>
tally short_lists(const Judge& judge_case)
{
    tally sum;
    for (std::size_t a = 1; a <= 3; ++a) {
        for (const list& b : arrangements(5, 1, 3)) {
            for (std::size_t length = 1; length <= 4; ++length) {
                judge_case(list_set{first_documents(a), b}, length, sum);
            }
        }
    }
    return sum;
}

/// Lists of 0 to 4 of five documents, slates of 0 to 7: every pair, or relabelled so that the first counts up.
template <class Judge>
tally partial_overlaps(const Judge& judge_case, bool every_pair = false)
{
    std::vector<list> firsts;
    for (std::size_t a = 0; a <= 4; ++a) {
        firsts.push_back(first_documents(a));
    }
    tally sum;
    for (const list& a : every_pair ? arrangements(5, 0, 4) : firsts) {
        for (const list& b : arrangements(5, 0, 4)) {
            for (std::size_t length = 0; length <= 7; ++length) {
                judge_case(list_set{a, b}, length, sum);
            }
        }
    }
    return sum;
}

/// Lists of 0 to 3 of four documents, slates of 0 to 5: for methods with many outcomes.
template <class Judge>
tally small_overlaps(const Judge& judge_case)
{
    tally sum;
    for (std::size_t a = 0; a <= 3; ++a) {
        for (const list& b : arrangements(4, 0, 3)) {
            for (std::size_t length = 0; length <= 5; ++length) {
                judge_case(list_set{first_documents(a), b}, length, sum);
            }
        }
    }
    return sum;
}

/// Two permutations of the same n documents, slates of `from` to `to`.
template <class Judge>
tally permutations_of(std::size_t n, std::size_t from, std::size_t to, const Judge& judge_case)
{
    tally sum;
    for (const list& b : arrangements(static_cast<unsigned>(n), n)) {
        for (std::size_t length = from; length <= to; ++length) {
            judge_case(list_set{first_documents(n), b}, length, sum);
        }
    }
    return sum;
}

/// Two permutations of the same one to `most` documents, slates of 0 to n + 2.
template <class Judge>
tally permutations(const Judge& judge_case, std::size_t most = 5)
{
    tally sum;
    for (std::size_t n = 1; n <= most; ++n) {
        sum += permutations_of(n, 0, n + 2, judge_case);
    }
    return sum;
}

/// Two of five documents' lists that are at least as long as the slate.
template <class Judge>
tally long_enough_lists(const Judge& judge_case)
{
    tally sum;
    for (std::size_t a = 1; a <= 5; ++a) {
        for (const list& b : arrangements(5, 1, 5)) {
            for (std::size_t length = 1; length <= std::min(a, b.size()); ++length) {
                judge_case(list_set{first_documents(a), b}, length, sum);
            }
        }
    }
    return sum;
}

/// Three rankers that permute the same documents.
template <class Judge>
tally three_rankers(const Judge& judge_case, std::size_t documents = 4)
{
    tally sum;
    const std::vector<list> all = arrangements(static_cast<unsigned>(documents), documents);
    for (const list& b : all) {
        for (const list& c : all) {
            for (std::size_t length = 1; length <= documents; ++length) {
                judge_case(list_set{first_documents(documents), b, c}, length, sum);
            }
        }
    }
    return sum;
}

/// Three rankers with short lists of four documents (or three), so that they run dry at different times.
template <class Judge>
tally three_short_rankers(const Judge& judge_case, unsigned documents = 4)
{
    tally sum;
    for (std::size_t a = 0; a < documents; ++a) {
        for (const list& b : arrangements(documents, 0, documents - 1)) {
            for (const list& c : arrangements(documents, 0, 2)) {
                for (std::size_t length = 1; length <= documents + 2; ++length) {
                    judge_case(list_set{first_documents(a), b, c}, length, sum);
                }
            }
        }
    }
    return sum;
}

}  // namespace joust_test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/clone.hpp>

#include <memory>
#include <vector>

// Types of another library whose copies share what they hold, and how joust is told to copy them.

namespace images {
/// An image in the way of image libraries: a copy shares its pixels.
struct image {
    std::shared_ptr<std::vector<int>> pixels;
    [[nodiscard]] image clone() const { return {std::make_shared<std::vector<int>>(*pixels)}; }
};
/// The same, with the hook by a function in its namespace.
struct tensor {
    std::shared_ptr<std::vector<int>> values;
    tensor() : values(std::make_shared<std::vector<int>>(4, 1)) {}
};
inline tensor clone(const tensor& one)
{
    tensor copy;
    *copy.values = *one.values;
    return copy;
}
inline bool operator==(const tensor& a, const tensor& b)
{
    return *a.values == *b.values;
}
}  // namespace images

template <>
struct joust::cloner<images::image> {
    static images::image clone(const images::image& one) { return one.clone(); }
};

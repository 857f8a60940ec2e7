// SPDX-License-Identifier: Apache-2.0

// Feeds a fuzz target a fixed set of inputs: its seeds, if there are any, and mutations of them that are the same on
// every machine and in every run. It finds less than libFuzzer does, but it runs in every build.

#include "sanitized.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using input = std::vector<std::uint8_t>;

// Under a sanitizer an input takes several times as long; `./dev fuzz` mutates under it for as long as it is told to.
constexpr int mutations_per_seed = joust_tests::sanitized ? 400 : 2'000;
constexpr std::size_t longest = 4'096;

class generator {
public:
    std::uint64_t next()
    {
        state_ += 0x9E3779B97F4A7C15U;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : static_cast<std::size_t>(next() % bound); }

private:
    std::uint64_t state_ = 20'261'124;
};

// Bytes that parsers tend to treat specially.
constexpr std::uint8_t interesting[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, '"',  '\\', '{', '}',  '[',
                                        ']',  ',',  ':',  '\n', '\r', '\t', ' ',  '-', '+',  '.',
                                        '0',  '9',  'e',  'N',  '=',  '/',  '_',  '%', 0xC3, 0xED};

input mutate(input bytes, generator& random, const std::vector<input>& seeds)
{
    const auto steps = 1 + random.below(6);
    for (std::size_t step = 0; step < steps; ++step) {
        const auto at = random.below(bytes.size());
        const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        switch (random.below(7)) {
            case 0:  // flip one bit
                if (!bytes.empty()) {
                    *place = static_cast<std::uint8_t>(*place ^ (1U << random.below(8)));
                }
                break;
            case 1:  // a byte of its own
                if (!bytes.empty()) {
                    *place = static_cast<std::uint8_t>(random.next());
                }
                break;
            case 2:  // a special byte, inserted
                bytes.insert(place, interesting[random.below(std::size(interesting))]);
                break;
            case 3:  // cut off the end
                bytes.resize(at);
                break;
            case 4:  // leave out a part
                bytes.erase(place, place + static_cast<std::ptrdiff_t>(random.below(bytes.size() - at + 1)));
                break;
            case 5: {  // say a part again
                const auto length = std::min<std::size_t>(random.below(bytes.size() - at + 1), 64);
                const input part(place, place + static_cast<std::ptrdiff_t>(length));
                bytes.insert(bytes.end(), part.begin(), part.end());
                break;
            }
            default: {  // the head of one seed, the tail of another
                const auto& other = seeds[random.below(seeds.size())];
                const auto from = static_cast<std::ptrdiff_t>(random.below(other.size() + 1));
                bytes.resize(at);
                bytes.insert(bytes.end(), other.begin() + from, other.end());
                break;
            }
        }
        bytes.resize(std::min(bytes.size(), longest));
    }
    return bytes;
}

void feed(const input& bytes)
{
    // A copy of exactly the right size, so that a sanitizer sees a read past the end.
    const input exact(bytes);
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char* argv[])
{
    std::vector<input> seeds{{}};
    for (int i = 1; i < argc; ++i) {
        const std::filesystem::path folder{argv[i]};
        if (!std::filesystem::is_directory(folder)) {
            continue;
        }
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator{folder}) {
            files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());  // the order of a folder is not the same everywhere
        for (const auto& file : files) {
            std::ifstream in{file, std::ios::binary};
            const std::string text{std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
            seeds.emplace_back(text.begin(), text.end());
        }
    }

    generator random;
    for (std::size_t length = 1; length <= 64; ++length) {  // lengths around those of tickets and headers
        input bytes(length);
        for (auto& byte : bytes) {
            byte = static_cast<std::uint8_t>(random.next());
        }
        seeds.push_back(bytes);
    }
    long fed = 0;
    for (const auto& seed : seeds) {
        feed(seed);
        input bytes = seed;
        for (int i = 0; i < mutations_per_seed; ++i) {
            bytes = mutate(i % 10 == 0 ? seed : bytes, random, seeds);
            feed(bytes);
            ++fed;
        }
    }
    std::printf("%zu seeds and %ld mutations of them\n", seeds.size(), fed);
    return 0;
}

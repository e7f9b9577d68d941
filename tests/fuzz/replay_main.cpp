// SPDX-License-Identifier: MIT
// Runs a fuzz target without libFuzzer: its seeds, mutations of them, and noise; the same each
// time.
//   target [inputs [first]]: so many inputs, from number `first` on. target FILE...: those inputs.
#include "tests/fuzz/fuzz.hpp"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace orfa::fuzz {
namespace {

Bytes mutate(Bytes bytes, const std::vector<Bytes>& others, std::mt19937_64& random) {
    const auto spot = [&](std::size_t size) { return size == 0 ? 0 : random() % size; };
    for (auto left = random() % 6; left > 0; --left) {
        const auto at = static_cast<std::ptrdiff_t>(spot(bytes.size()));
        switch (random() % 7) {
            case 0:
                if (!bytes.empty())
                    bytes[static_cast<std::size_t>(at)] ^= std::byte{1} << random() % 8;
                break;
            case 1:
                if (!bytes.empty()) bytes[static_cast<std::size_t>(at)] = std::byte(random());
                break;
            case 2:
                bytes.resize(static_cast<std::size_t>(at));
                break;
            case 3:
                bytes.insert(bytes.begin() + at, random() % 40, std::byte(random()));
                break;
            case 4: {  // a whole number becomes an extreme one
                static constexpr std::uint64_t kExtremes[] = {
                    0, 1, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1ULL << 62, ~0ULL, ~0ULL >> 1};
                const std::uint64_t value = kExtremes[random() % std::size(kExtremes)];
                const std::size_t width = std::size_t{1} << random() % 4;
                const auto from = static_cast<std::size_t>(at) / width * width;
                if (from + width <= bytes.size()) std::memcpy(bytes.data() + from, &value, width);
                break;
            }
            case 5: {
                const Bytes& other = others[random() % others.size()];
                bytes.insert(bytes.end(), other.begin(), other.end());
                break;
            }
            default:
                bytes.erase(bytes.begin() + at,
                            bytes.begin() + at +
                                static_cast<std::ptrdiff_t>(
                                    spot(bytes.size() - static_cast<std::size_t>(at) + 1)));
        }
        if (bytes.size() > 65536) bytes.resize(65536);
    }
    return bytes;
}

void run(std::uint64_t inputs, std::uint64_t first) {
    const auto sound = seeds();
    for (const Bytes& seed : sound)
        fuzz_one(seed);
    for (std::uint64_t number = first; number < first + inputs; ++number) {
        std::mt19937_64 random(number);
        Bytes bytes;
        if (number % 8 == 0) {
            bytes.resize(random() % 300);
            for (std::byte& byte : bytes)
                byte = std::byte(random());
        } else {
            bytes = mutate(sound[random() % sound.size()], sound, random);
        }
        fuzz_one(bytes);
    }
}

}  // namespace
}  // namespace orfa::fuzz

int main(int argc, char** argv) {
    using orfa::fuzz::Bytes;
    if (argc > 1 && std::isdigit(static_cast<unsigned char>(argv[1][0])) == 0) {
        for (int i = 1; i < argc; ++i) {
            std::ifstream file(argv[i], std::ios::binary);
            const std::string text{std::istreambuf_iterator<char>(file), {}};
            orfa::fuzz::fuzz_one(std::as_bytes(std::span(text)));
        }
        return 0;
    }
    const std::uint64_t inputs = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5000;
    const std::uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
    orfa::fuzz::run(inputs, first);
    std::printf("%llu inputs from number %llu\n", static_cast<unsigned long long>(inputs),
                static_cast<unsigned long long>(first));
    return 0;
}

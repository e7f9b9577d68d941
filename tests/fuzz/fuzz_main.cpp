// SPDX-License-Identifier: MIT
// The entry that libFuzzer calls. With `--write-seeds DIR` first, the seeds are written there.
#include "tests/fuzz/fuzz.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" {
// NOLINTBEGIN(readability-identifier-naming): the names are libFuzzer's
[[gnu::visibility("default")]] int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                                          std::size_t size);
[[gnu::visibility("default")]] int LLVMFuzzerInitialize(int* argc, char*** argv);

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    orfa::fuzz::fuzz_one(std::as_bytes(std::span(data, size)));
    return 0;
}

int LLVMFuzzerInitialize(int* argc, char*** argv) {
    if (*argc != 3 || std::string((*argv)[1]) != "--write-seeds") return 0;
    int number = 0;
    for (const auto& seed : orfa::fuzz::seeds()) {
        const std::string path = std::string((*argv)[2]) + "/seed" + std::to_string(number++);
        std::FILE* file = std::fopen(path.c_str(), "wb");
        if (file == nullptr) std::exit(1);
        std::fwrite(seed.data(), 1, seed.size(), file);
        std::fclose(file);
    }
    std::exit(0);
}
// NOLINTEND(readability-identifier-naming)
}

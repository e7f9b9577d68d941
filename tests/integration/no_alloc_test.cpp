// SPDX-License-Identifier: MIT
// A warm transfer allocates nothing in the client. Counts every operator new of this process while
// it transfers. Plain builds only: the sanitizers have an operator new of their own.
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <tuple>

namespace {
std::atomic<long> allocations{0};
}  // namespace

// Not inlined: gcc would see malloc() and free() as a mismatched pair.
[[gnu::noinline]] void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed);
    void* memory = std::malloc(size);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace orfa::testing {
namespace {

constexpr std::size_t kInline = 4096;      // travels in the messages
constexpr std::size_t kDirect = 16 << 20;  // is not staged, but copied once, by the server

// A length, and whether the client maps the server's memory.
class HotPath : public ::testing::TestWithParam<std::tuple<std::size_t, bool>> {};

TEST_P(HotPath, AWarmTransferOnTheSameHostAllocatesNothing) {
    const auto [length, in_place] = GetParam();
    const ScopedEnvironment mapped("ORFA_IN_PLACE", in_place ? "1" : "0");
    Cluster cluster;
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const SessionPtr session = connect(cluster, "local");
    ASSERT_NE(session, nullptr) << orfa_error();
    const FilePtr file = open(session, "/hot", O_CREAT | O_RDWR, {262144, 4, 0});
    ASSERT_NE(file, nullptr) << orfa_error();
    std::vector<std::byte> memory(length);
    const auto round = [&](int count) {
        for (int i = 0; i < count; ++i) {
            const std::uint64_t offset = static_cast<std::uint64_t>(i % 8) * length;
            if (orfa_pwrite(file.get(), memory.data(), length, offset) < 0) return false;
            if (orfa_pread(file.get(), memory.data(), length, offset) < 0) return false;
        }
        return true;
    };
    const int rounds = length < kDirect ? 500 : 50;
    ASSERT_TRUE(round(rounds)) << orfa_error();
    const long before = allocations.load();
    ASSERT_TRUE(round(rounds)) << orfa_error();
    EXPECT_EQ(allocations.load() - before, 0);
    orfa_counters counters{};
    orfa_counters_of(session.get(), &counters);
    const auto moved = 4 * static_cast<std::uint64_t>(rounds) * length;
    const bool staged = length > kInline && length < kDirect;
    const bool is_mapped = status_figure(session.get(), 0, "memory_mapped") > 0;
    if (is_mapped && in_place && length < kDirect)
        EXPECT_GT(counters.bytes_in_place, moved / 2);
    else
        EXPECT_EQ(counters.bytes_packed, staged ? moved : 0);
}

INSTANTIATE_TEST_SUITE_P(Lengths, HotPath,
                         ::testing::Combine(::testing::Values(kInline, 65536, 1 << 20, kDirect),
                                            ::testing::Bool()));

}  // namespace
}  // namespace orfa::testing

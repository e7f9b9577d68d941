// SPDX-License-Identifier: MIT
// Random vectored access by several processes, compared with a model in memory.
//
// Per round, each process writes pieces that no other one writes, then all read and compare. Every
// process derives everybody's writes from the seed, so that all have the same model.
// ORFA_TEST_SEEDS=n runs n seeds per transport; ORFA_TEST_FIRST_SEED sets the first.
#include "protocol/pattern.hpp"
#include "tests/integration/client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <random>

namespace orfa::testing {
namespace {

constexpr unsigned kProcesses = 3;
constexpr int kRounds = 5;
constexpr int kReadsPerRound = 10;

using Random = std::mt19937_64;

std::uint64_t below(Random& random, std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(random);
}

template <typename T>
const T& one_of(Random& random, const std::vector<T>& choices) {
    return choices[below(random, choices.size())];
}

// The memory and the ranges of one access.
struct Access {
    std::vector<orfa_extent> extents;
    std::vector<std::byte> memory;
    std::vector<orfa_segment> segments;
    std::vector<orfa_strided> strided;  // in place of extents, if there are any

    [[nodiscard]] std::uint64_t bytes() const {
        std::uint64_t sum = 0;
        for (const auto& extent : extents)
            sum += extent.length;
        return sum;
    }
    // Cuts memory of the right size into segments in order, with gaps and empty ones among them.
    void make_segments(Random& random) {
        const std::uint64_t total = bytes();
        std::vector<std::pair<std::uint64_t, std::uint64_t>> cuts;  // length, gap after it
        const std::uint64_t most = one_of(random, std::vector<std::uint64_t>{700, 20000, 1U << 22});
        std::uint64_t size = 0;
        for (std::uint64_t left = total; left > 0;) {
            const std::uint64_t length = std::min(left, below(random, most) + 1);
            const std::uint64_t gap = below(random, 3) == 0 ? below(random, 64) : 0;
            cuts.emplace_back(length, gap);
            if (below(random, 10) == 0) cuts.emplace_back(0, gap);
            size += length + 2 * gap;
            left -= length;
        }
        memory.assign(size, std::byte{0});
        std::uint64_t at = 0;
        for (const auto& [length, gap] : cuts) {
            segments.push_back({memory.data() + at, length});
            at += length + gap;
        }
    }
    // Calls visit(file_offset, byte_of_memory) for each byte in order.
    template <typename Visit>
    void each_byte(Visit visit) {
        std::size_t segment = 0;
        std::uint64_t within = 0;
        for (const auto& extent : extents) {
            for (std::uint64_t i = 0; i < extent.length; ++i) {
                while (within == segments[segment].length) {
                    ++segment;
                    within = 0;
                }
                visit(extent.offset + i, static_cast<std::byte*>(segments[segment].data)[within++]);
            }
        }
    }
    // Told as a pattern, which any list of extents can be.
    void fold() {
        std::vector<protocol::Extent> pieces;
        std::vector<protocol::Strided> folded;
        for (const auto& extent : extents)
            if (extent.length > 0) pieces.push_back({extent.offset, extent.length});
        protocol::fold(pieces, folded);
        for (const auto& run : folded)
            strided.push_back(
                {run.offset, run.length, run.stride, run.repeat_stride, run.count, run.repeats});
    }
    [[nodiscard]] orfa_access view() const {
        if (!strided.empty())
            return {segments.data(), segments.size(), nullptr, 0, strided.data(), strided.size()};
        return {segments.data(), segments.size(), extents.data(), extents.size(), nullptr, 0};
    }
};

// One file of one seed, as every process sees it.
class FileRun {
  public:
    FileRun(std::uint64_t seed, unsigned rank, const SessionPtr& session)
        : seed_(seed), rank_(rank), shared_(seed), own_(seed * 131 + rank + 1), session_(session) {
        layout_.stripe_size =
            one_of(shared_, std::vector<std::uint64_t>{4096, 8192, 65536, 262144, 1U << 20});
        layout_.stripe_count = static_cast<int>(below(shared_, 4)) + 1;
        layout_.first_server = static_cast<int>(below(shared_, 4));
        space_ = one_of(shared_, std::vector<std::uint64_t>{30000, 400000, 1500000});
        path_ = "/random-" + std::to_string(seed);
    }

    bool execute(Barrier& barrier) {
        if (rank_ == 0) file_ = open(session_, path_, O_CREAT | O_EXCL | O_RDWR, layout_);
        barrier.wait();
        if (rank_ != 0) file_ = open(session_, path_, O_RDWR);
        if (file_ == nullptr) return fail("open");
        for (round_ = 0; round_ < kRounds; ++round_) {
            if (!write_round() || !resize(barrier)) return false;
            for (int i = 0; i < kReadsPerRound; ++i)
                if (!read_and_check()) return false;
            barrier.wait();
        }
        file_.reset();
        barrier.wait();
        return rank_ != 0 || orfa_unlink(session_.get(), path_.c_str()) == 0 || fail("unlink");
    }

  private:
    bool fail(const char* what) {
        std::fprintf(stderr,
                     "seed %" PRIu64 " rank %u round %d (stripe %" PRIu64
                     ", %d servers from %d): "
                     "%s failed: %s\n",
                     seed_, rank_, round_, layout_.stripe_size, layout_.stripe_count,
                     layout_.first_server, what, orfa_error());
        return false;
    }

    // Cuts the space into pieces and gives each to a process, or to none.
    bool write_round() {
        const std::uint64_t key = seed_ * 1000 + static_cast<std::uint64_t>(round_);
        const std::uint64_t most =
            one_of(shared_, std::vector<std::uint64_t>{2000, 50000, 1U << 20});
        std::vector<orfa_extent> mine;
        for (std::uint64_t at = 0; at < space_;) {
            const std::uint64_t length = std::min(space_ - at, below(shared_, most) + 1);
            const std::uint64_t owner = below(shared_, kProcesses + 1);
            if (owner < kProcesses) {
                if (model_.size() < at + length) model_.resize(at + length);
                for (std::uint64_t i = at; i < at + length; ++i)
                    model_[i] = pattern_byte(key, i);
            }
            if (owner == rank_) mine.push_back({at, length});
            at += length;
        }
        std::shuffle(mine.begin(), mine.end(), own_);
        for (std::size_t at = 0; at < mine.size();) {
            Access access;
            const std::size_t count = std::min(mine.size() - at, below(own_, 40) + 1);
            for (std::size_t i = 0; i < count; ++i) {
                access.extents.push_back(mine[at + i]);
                if (below(own_, 12) == 0) access.extents.push_back({below(own_, space_), 0});
            }
            at += count;
            access.make_segments(own_);
            access.each_byte(
                [&](std::uint64_t offset, std::byte& byte) { byte = pattern_byte(key, offset); });
            if (below(own_, 2) == 0) access.fold();
            const orfa_access view = access.view();
            const auto written = orfa_writev(file_.get(), &view);
            if (written != static_cast<ssize_t>(access.bytes())) return fail("a write");
        }
        return true;
    }

    // Now and then the first process cuts or grows the file.
    bool resize(Barrier& barrier) {
        barrier.wait();
        const std::uint64_t choice = below(shared_, 4);
        const std::uint64_t size = below(shared_, space_ + space_ / 2);
        bool done = true;
        if (choice == 0) {
            model_.resize(size);
            if (rank_ == 0) done = orfa_ftruncate(file_.get(), size) == 0 || fail("a truncation");
        } else if (choice == 1) {
            model_.resize(std::max<std::uint64_t>(model_.size(), size + 1));
            if (rank_ == 0)
                done = orfa_allocate(file_.get(), size, 1) == 0 || fail("an allocation");
        }
        barrier.wait();
        const auto found = orfa_size(file_.get());
        if (done && found != static_cast<int64_t>(model_.size())) {
            std::fprintf(stderr, "size %" PRId64 ", not %zu: ", found, model_.size());
            return fail("the size");
        }
        return done;
    }

    bool read_and_check() {
        Access access;
        // Many small ones or a few large ones: some hundred KiB at most.
        const std::uint64_t most = one_of(own_, std::vector<std::uint64_t>{300, 9000, 400'000});
        for (std::uint64_t left = below(own_, std::min<std::uint64_t>(500'000 / most, 60)) + 1;
             left > 0; --left)
            access.extents.push_back(
                {below(own_, space_ + space_ / 4), below(own_, 20) == 0 ? 0 : below(own_, most)});
        access.make_segments(own_);
        // Bytes of the file are compared with the model; where nothing may come, a mark must stay.
        access.each_byte([&](std::uint64_t offset, std::byte& byte) { byte = mark_of(offset); });
        std::uint64_t leading = 0;
        for (const auto& extent : access.extents) {
            if (extent.length == 0) continue;
            if (extent.offset >= model_.size()) break;
            leading += std::min<std::uint64_t>(extent.length, model_.size() - extent.offset);
            if (extent.offset + extent.length > model_.size()) break;
        }
        if (below(own_, 2) == 0) access.fold();
        const orfa_access view = access.view();
        const auto got = orfa_readv(file_.get(), &view);
        if (got != static_cast<ssize_t>(leading)) {
            std::fprintf(stderr, "%zd bytes, not %" PRIu64 ": ", got, leading);
            return fail("a read");
        }
        std::uint64_t wrong = ~std::uint64_t{0};
        access.each_byte([&](std::uint64_t offset, std::byte& byte) {
            const std::byte wanted = offset < model_.size() ? model_[offset] : mark_of(offset);
            if (byte != wanted) wrong = std::min(wrong, offset);
        });
        if (wrong == ~std::uint64_t{0}) return true;
        std::fprintf(stderr, "offset %" PRIu64 " of %zu: ", wrong, model_.size());
        return fail("comparing a read");
    }

    static std::byte mark_of(std::uint64_t offset) {
        return static_cast<std::byte>(offset % 251 + 5);
    }

    const std::uint64_t seed_;
    const unsigned rank_;
    Random shared_;  // the same in all processes
    Random own_;
    const SessionPtr& session_;
    orfa_layout layout_{};
    std::uint64_t space_ = 0;
    std::string path_;
    FilePtr file_;
    std::vector<std::byte> model_;
    int round_ = 0;
};

std::uint64_t number(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// "mixed": each process another transport. "bounce": local without process_vm.
class RandomAccess : public ::testing::TestWithParam<const char*> {};

TEST_P(RandomAccess, AgreesWithTheModel) {
    Cluster cluster;
    ASSERT_TRUE(cluster.ok()) << cluster.error();
    const std::string way = GetParam();
    const std::uint64_t first = number("ORFA_TEST_FIRST_SEED", 1);
    const std::uint64_t seeds = number("ORFA_TEST_SEEDS", kSlower > 1 ? 4 : 12);
    std::printf("seeds %" PRIu64 " to %" PRIu64 "\n", first, first + seeds - 1);
    const int code = run_processes(
        kProcesses, static_cast<int>(40000 + seeds * 4000), [&](unsigned rank, Barrier& barrier) {
            std::string transport = way;
            if (way == "mixed") transport = rank % 2 == 0 ? "local" : "ofi";
            if (way == "direct" || way == "bounce") {
                setenv("ORFA_STAGE_MAX", "0", 1);
                transport = "local";
            }
            if (way == "bounce") setenv("ORFA_PROCESS_VM", "0", 1);
            const SessionPtr session = connect(cluster, transport);
            if (session == nullptr) {
                std::fprintf(stderr, "%s\n", orfa_error());
                return 2;
            }
            for (std::uint64_t seed = first; seed < first + seeds; ++seed)
                if (!FileRun(seed, rank, session).execute(barrier)) return 1;
            return 0;
        });
    EXPECT_EQ(code, 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, RandomAccess,
                         ::testing::Values("local", "direct", "ofi", "mixed", "bounce"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace orfa::testing

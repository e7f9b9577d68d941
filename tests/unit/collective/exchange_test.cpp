// SPDX-License-Identifier: MIT
// The exchange with threads for ranks and an array for the file, compared with what each rank
// would have done by itself.
#include "collective/exchange.hpp"

#include "tests/unit/collective/agreeing_ranks.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace orfa::collective {
namespace {

using Bytes = std::vector<std::byte>;

// What threads that play ranks share.
struct PostedWorld : AgreeingRanks::World {
    explicit PostedWorld(std::uint32_t ranks) : AgreeingRanks::World(ranks), spans(ranks) {}

    std::vector<std::span<const std::byte>> spans;
    std::mutex mutex;  // protects mail
    std::condition_variable changed;
    std::map<std::array<std::uint32_t, 3>, std::deque<Bytes>> mail;  // by from, to, tag
};

class ThreadRanks final : public AgreeingRanks {
  public:
    ThreadRanks(PostedWorld& world, std::uint32_t rank)
        : AgreeingRanks(world, rank), world_(world) {}

    void all_to_all(std::span<const std::byte> out, std::span<std::byte> in) override {
        const std::size_t each = out.size() / world_.size;
        world_.spans[rank()] = out;
        world_.step.arrive_and_wait();
        for (std::uint32_t from = 0; from < world_.size; ++from)
            std::memcpy(in.data() + from * each, world_.spans[from].data() + rank() * each, each);
        world_.step.arrive_and_wait();
    }

    void send(std::uint32_t to, Tag tag, std::span<const std::byte> data) override {
        const std::lock_guard lock(world_.mutex);
        world_.mail[{rank(), to, static_cast<std::uint32_t>(tag)}].emplace_back(data.begin(),
                                                                                data.end());
        world_.changed.notify_all();
    }

    void receive(std::uint32_t from, Tag tag, std::span<std::byte> into) override {
        posted_.push_back({{from, rank(), static_cast<std::uint32_t>(tag)}, into});
    }

    void wait_sent() override {}

    std::vector<std::uint64_t> wait_received() override {
        std::vector<std::uint64_t> lengths;
        for (const auto& [key, into] : posted_) {
            std::unique_lock lock(world_.mutex);
            auto& box = world_.mail[key];
            while (box.empty())
                world_.changed.wait(lock);
            EXPECT_LE(box.front().size(), into.size());
            if (!box.front().empty())
                std::memcpy(into.data(), box.front().data(), box.front().size());
            lengths.push_back(box.front().size());
            box.pop_front();
        }
        posted_.clear();
        return lengths;
    }

  private:
    PostedWorld& world_;
    std::vector<std::pair<std::array<std::uint32_t, 3>, std::span<std::byte>>> posted_;
};

// A file in memory that fails on purpose.
class ArrayFile final : public FileAccess {
  public:
    explicit ArrayFile(Bytes content) : content_(std::move(content)) {}

    Result<std::uint64_t> read(const orfa_access& access) override {
        const std::lock_guard lock(mutex_);
        if (fail_) return Status::from_errno(EIO);
        std::uint64_t got = 0;
        walk(access, [&](std::uint64_t offset, std::byte* memory, std::uint64_t length) {
            if (offset >= content_.size()) return false;
            const std::uint64_t there = std::min(length, content_.size() - offset);
            std::memcpy(memory, content_.data() + offset, there);
            got += there;
            return there == length;
        });
        return got;
    }

    Status write(const orfa_access& access) override {
        const std::lock_guard lock(mutex_);
        if (fail_) return Status::from_errno(ENOSPC);
        walk(access, [&](std::uint64_t offset, std::byte* memory, std::uint64_t length) {
            if (offset + length > content_.size()) content_.resize(offset + length);
            std::memcpy(content_.data() + offset, memory, length);
            bytes_written_ += length;
            return true;
        });
        return {};
    }

    void fail() { fail_ = true; }
    const Bytes& content() const { return content_; }
    std::uint64_t bytes_written() const { return bytes_written_; }

  private:
    template <typename Visit>
    static void walk(const orfa_access& access, Visit visit) {
        std::size_t segment = 0;
        std::uint64_t within = 0;
        std::uint64_t last = 0;
        for (std::size_t i = 0; i < access.extent_count; ++i) {
            EXPECT_TRUE(i == 0 || access.extents[i].offset > last);  // ascending, joined
            last = access.extents[i].offset + access.extents[i].length;
            for (std::uint64_t done = 0; done < access.extents[i].length;) {
                const orfa_segment& memory = access.segments[segment];
                const std::uint64_t length =
                    std::min(access.extents[i].length - done, memory.length - within);
                if (!visit(access.extents[i].offset + done,
                           static_cast<std::byte*>(memory.data) + within, length))
                    return;
                done += length;
                within += length;
                if (within == memory.length) {
                    ++segment;
                    within = 0;
                }
            }
        }
    }

    std::mutex mutex_;  // protects the rest
    Bytes content_;
    std::uint64_t bytes_written_ = 0;
    bool fail_ = false;
};

// A rank's access, handed out in runs of a few pieces where it is regular.
struct Plan {
    std::vector<orfa_extent> extents;
    std::vector<orfa_segment> segments;
    Bytes memory;
    std::uint64_t bytes = 0;
    std::size_t in_file = 0;
    std::size_t in_memory = 0;

    Source source() {
        return Source(
            [this](collective::Run& run) {
                run = next(in_file, extents.size(), [this](std::size_t i) {
                    return collective::Run{extents[i].offset, extents[i].length, 0, 1};
                });
                return Status();
            },
            [this](collective::Run& run) {
                run = next(in_memory, segments.size(), [this](std::size_t i) {
                    return collective::Run{reinterpret_cast<std::uintptr_t>(segments[i].data),
                                           segments[i].length, 0, 1};
                });
                return Status();
            });
    }
    template <typename Piece>
    static collective::Run next(std::size_t& index, std::size_t end, Piece piece) {
        if (index == end) return {};
        collective::Run run = piece(index++);
        while (index < end && run.count < 5 && piece(index).length == run.length) {
            const std::uint64_t step = piece(index).start - run.start;
            if (run.count > 1 && step != run.count * run.stride) break;
            if (run.count == 1) run.stride = step;
            ++run.count;
            ++index;
        }
        return run;
    }
    void add(std::uint64_t offset, std::uint64_t length) {
        extents.push_back({offset, length});
        bytes += length;
    }
    // Gives each piece memory: one behind the other, or in reverse order with gaps.
    void lay_out(bool reversed) {
        const std::uint64_t gap = reversed ? 3 : 0;
        memory.assign(bytes + gap * extents.size(), std::byte{0xEE});
        std::uint64_t at = reversed ? memory.size() : 0;
        for (const auto& extent : extents) {
            if (reversed) at -= extent.length + gap;
            segments.push_back({memory.data() + at, extent.length});
            if (!reversed) at += extent.length;
        }
    }
};

struct Outcome {
    std::vector<Status> statuses;
    std::vector<std::uint64_t> moved;
};

// How data travel between the ranks.
enum class Carrier { kMessages, kCommonMemory };

// Both; the parameter of a test.
class Exchanges : public ::testing::TestWithParam<Carrier> {};

INSTANTIATE_TEST_SUITE_P(Both, Exchanges,
                         ::testing::Values(Carrier::kMessages, Carrier::kCommonMemory),
                         [](const auto& which) {
                             return which.param == Carrier::kMessages ? "ByMessages"
                                                                      : "ByCommonMemory";
                         });

Outcome run(Carrier carrier, FileAccess& file, const Domains& domains, bool writing,
            std::vector<Plan>& plans, const std::vector<Status>& mine) {
    PostedWorld world(static_cast<std::uint32_t>(plans.size()));
    Bytes memory(Windows::bytes_for(world.size, domains.aggregators, domains.buffer_bytes()));
    const Windows windows(memory.data(), world.size, domains.aggregators, domains.buffer_bytes());
    Outcome outcome{std::vector<Status>(plans.size()), std::vector<std::uint64_t>(plans.size())};
    std::vector<std::thread> threads;
    for (std::uint32_t rank = 0; rank < plans.size(); ++rank) {
        threads.emplace_back([&, rank] {
            ThreadRanks ranks(world, rank);
            Buffers buffers;
            Source source = plans[rank].source();
            Exchange exchange(ranks, file, buffers, domains,
                              carrier == Carrier::kCommonMemory ? &windows : nullptr);
            outcome.statuses[rank] = exchange.run(writing, source, mine[rank], outcome.moved[rank]);
        });
    }
    for (auto& thread : threads)
        thread.join();
    for (const auto& [key, box] : world.mail)
        EXPECT_TRUE(box.empty()) << "a message that nobody took";
    return outcome;
}

// Pieces dealt to random ranks, with holes.
std::vector<Plan> random_plans(std::mt19937_64& random, std::uint32_t ranks, std::uint64_t reach) {
    std::vector<Plan> plans(ranks);
    const bool regular = random() % 2 == 0;
    const std::uint64_t piece = 1 + random() % 500;
    std::uint64_t at = random() % 9000;
    for (std::uint64_t turn = 0; at < reach; ++turn) {
        const std::uint64_t length = regular ? piece : 1 + random() % (1 + random() % 9000);
        Plan& plan = plans[regular ? turn % ranks : random() % ranks];
        if (random() % 8 != 0) plan.add(at, length);
        at += length;
        if (random() % 64 == 0) at += random() % 40000;  // windows that nobody needs
    }
    if (ranks > 2) plans[1] = {};  // nothing to do
    for (auto& plan : plans)
        plan.lay_out(random() % 2 == 0);
    return plans;
}

Domains random_domains(std::mt19937_64& random, std::uint32_t ranks) {
    return make_domains({4096 * (1 + random() % 4), static_cast<std::uint32_t>(1 + random() % 4),
                         ranks, static_cast<std::uint32_t>(1 + random() % ranks),
                         4096 + random() % 60000});
}

TEST_P(Exchanges, WritesWhatEachRankWouldHaveWritten) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 120; ++round) {
        const auto ranks = static_cast<std::uint32_t>(1 + random() % 6);
        std::vector<Plan> plans = random_plans(random, ranks, 1 + random() % 200000);
        Bytes expected(random() % 100000, std::byte{0x11});  // what holes keep
        ArrayFile file(expected);
        std::uint64_t bytes = 0;
        for (auto& plan : plans) {
            for (std::size_t i = 0; i < plan.extents.size(); ++i) {
                const auto& [offset, length] = plan.extents[i];
                auto* data = static_cast<std::byte*>(plan.segments[i].data);
                for (std::uint64_t k = 0; k < length; ++k)
                    data[k] = static_cast<std::byte>(random());
                if (offset + length > expected.size()) expected.resize(offset + length);
                std::memcpy(expected.data() + offset, data, length);
            }
            bytes += plan.bytes;
        }
        const Outcome outcome = run(GetParam(), file, random_domains(random, ranks), true, plans,
                                    std::vector<Status>(ranks));
        ASSERT_EQ(file.content(), expected) << "round " << round;
        EXPECT_EQ(file.bytes_written(), bytes);  // no hole, and nothing twice
        for (std::uint32_t rank = 0; rank < ranks; ++rank) {
            EXPECT_TRUE(outcome.statuses[rank].ok());
            EXPECT_EQ(outcome.moved[rank], plans[rank].bytes);
        }
    }
}

TEST_P(Exchanges, ReadsWhatIsThereAndLeavesTheRestAlone) {
    std::mt19937_64 random(2);
    for (int round = 0; round < 120; ++round) {
        const auto ranks = static_cast<std::uint32_t>(1 + random() % 6);
        std::vector<Plan> plans = random_plans(random, ranks, 1 + random() % 200000);
        Bytes content(random() % 250000);
        for (auto& byte : content)
            byte = static_cast<std::byte>(random());
        ArrayFile file(content);
        const Outcome outcome = run(GetParam(), file, random_domains(random, ranks), false, plans,
                                    std::vector<Status>(ranks));
        for (std::uint32_t rank = 0; rank < ranks; ++rank) {
            const Plan& plan = plans[rank];
            std::uint64_t there = 0;
            for (std::size_t i = 0; i < plan.extents.size(); ++i) {
                const auto* data = static_cast<const std::byte*>(plan.segments[i].data);
                for (std::uint64_t k = 0; k < plan.extents[i].length; ++k) {
                    const std::uint64_t offset = plan.extents[i].offset + k;
                    const bool in_file = offset < content.size();
                    there += in_file ? 1 : 0;
                    ASSERT_EQ(data[k], in_file ? content[offset] : std::byte{0xEE});
                }
            }
            EXPECT_EQ(outcome.moved[rank], there);
            EXPECT_TRUE(outcome.statuses[rank].ok());
        }
    }
}

TEST_P(Exchanges, RanksMayReadTheSameBytes) {
    std::vector<Plan> plans(3);
    Bytes content(50000);
    for (std::size_t i = 0; i < content.size(); ++i)
        content[i] = static_cast<std::byte>(i * 7);
    for (auto& plan : plans) {
        plan.add(100, 40000);
        plan.lay_out(false);
    }
    ArrayFile file(content);
    const Domains domains = make_domains({4096, 2, 3, 2, 8192});
    run(GetParam(), file, domains, false, plans, std::vector<Status>(3));
    for (const auto& plan : plans)
        EXPECT_EQ(std::memcmp(plan.memory.data(), content.data() + 100, 40000), 0);
}

TEST(Exchange, OverlappingWritesLeaveOneRanksBytes) {
    std::vector<Plan> plans(4);
    for (std::size_t rank = 0; rank < plans.size(); ++rank) {
        for (std::uint64_t i = 0; i < 3000; ++i)
            plans[rank].add(i * 20 + rank, 15);  // more packed bytes than a buffer holds
        plans[rank].lay_out(false);
        std::fill(plans[rank].memory.begin(), plans[rank].memory.end(),
                  static_cast<std::byte>(rank + 1));
    }
    ArrayFile file({});
    run(Carrier::kMessages, file, make_domains({4096, 2, 4, 2, 8192}), true, plans,
        std::vector<Status>(4));
    for (std::size_t i = 0; i < file.content().size(); ++i) {
        const auto value = std::to_integer<int>(file.content()[i]);
        const std::size_t in_period = i % 20;
        if (in_period >= 18) {
            EXPECT_EQ(value, 0);
        } else {
            EXPECT_GE(value, 1);
            EXPECT_LE(value, 4);
        }
    }
}

TEST_P(Exchanges, AFailingServerEndsTheCallOnAllRanks) {
    for (const bool writing : {false, true}) {
        std::mt19937_64 random(3);
        std::vector<Plan> plans = random_plans(random, 4, 300000);
        ArrayFile file(Bytes(400000));
        file.fail();
        const Outcome outcome = run(GetParam(), file, make_domains({4096, 4, 4, 4, 8192}), writing,
                                    plans, std::vector<Status>(4));
        int failed = 0;
        for (const Status status : outcome.statuses)
            failed += status.ok() ? 0 : 1;
        EXPECT_GE(failed, 1);
    }
}

TEST_P(Exchanges, ARankThatCannotTakePartStopsTheOthers) {
    std::mt19937_64 random(4);
    std::vector<Plan> plans = random_plans(random, 4, 100000);
    ArrayFile file({});
    std::vector<Status> mine(4);
    mine[2] = Status::from_errno(EINVAL);
    const Outcome outcome =
        run(GetParam(), file, make_domains({4096, 4, 4, 2, 8192}), true, plans, mine);
    EXPECT_EQ(outcome.statuses[2].err(), EINVAL);
    EXPECT_EQ(file.bytes_written(), 0U);
}

TEST(Exchange, ASourceThatFailsHalfwayStopsTheOthers) {
    PostedWorld world(2);
    ArrayFile file({});
    std::vector<std::byte> data(4096);
    std::vector<Status> statuses(2);
    std::vector<std::thread> threads;
    for (std::uint32_t rank = 0; rank < 2; ++rank) {
        threads.emplace_back([&, rank] {
            ThreadRanks ranks(world, rank);
            Buffers buffers;
            std::uint64_t calls = 0;
            Source source(
                [&](collective::Run& run) {
                    if (calls == 5 && rank == 1) return Status::from_errno(ENOMEM);
                    run = {8192 * calls++ + 4096ULL * rank, 4096, 0, calls < 20 ? 1U : 0U};
                    return Status();
                },
                [&](collective::Run& run) {
                    run = {reinterpret_cast<std::uintptr_t>(data.data()), 4096, 0, 1};
                    return Status();
                });
            Exchange exchange(ranks, file, buffers, make_domains({4096, 2, 2, 2, 8192}));
            std::uint64_t moved = 0;
            statuses[rank] = exchange.run(true, source, {}, moved);
        });
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_TRUE(statuses[0].ok());
    EXPECT_EQ(statuses[1].err(), ENOMEM);
}

TEST(Source, OffsetsThatGoBackwardsAreRefused) {
    std::byte data[64];
    std::vector<collective::Run> runs = {{100, 32, 0, 1}, {50, 32, 0, 1}, {}};
    std::size_t given = 0;
    Source source(
        [&](collective::Run& run) {
            run = runs[given++];
            return Status();
        },
        [&](collective::Run& run) {
            run = {reinterpret_cast<std::uintptr_t>(data), 64, 0, 1};
            return Status();
        });
    ASSERT_TRUE(source.start().ok());
    const Domains domains = make_domains({4096, 1, 1, 1, 8192});
    std::vector<Parcel> parcels(1);
    EXPECT_EQ(source.deal(Window(domains, 0), parcels).err(), EINVAL);
}

TEST(Assembly, WhatItCannotReadIsRefused) {
    Assembly assembly;
    assembly.reset(2);
    const Bytes garbage(7, std::byte{0xFF});
    EXPECT_EQ(assembly.describe(1, garbage, 4096, 100).err(), EPROTO);
    EXPECT_TRUE(assembly.places(1).empty());
}

}  // namespace
}  // namespace orfa::collective

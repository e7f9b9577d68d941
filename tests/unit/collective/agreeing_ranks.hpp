// SPDX-License-Identifier: MIT
#pragma once

#include "collective/ranks.hpp"

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <span>
#include <vector>

namespace orfa::collective {

// Threads for ranks, which can do no more than agree.
class AgreeingRanks : public Ranks {
  public:
    // What the threads share.
    struct World {
        explicit World(std::uint32_t ranks) : size(ranks), step(ranks), values(ranks) {}

        std::uint32_t size;
        std::barrier<> step;
        std::vector<std::span<std::int64_t>> values;
    };
    AgreeingRanks(World& world, std::uint32_t rank) : world_(world), rank_(rank) {}

    [[nodiscard]] std::uint32_t size() const override { return world_.size; }
    [[nodiscard]] std::uint32_t rank() const override { return rank_; }

    void maximum(std::span<std::int64_t> values) override {
        world_.values[rank_] = values;
        world_.step.arrive_and_wait();
        std::vector<std::int64_t> largest(values.begin(), values.end());
        for (const auto& others : world_.values)
            for (std::size_t i = 0; i < others.size(); ++i)
                largest[i] = std::max(largest[i], others[i]);
        world_.step.arrive_and_wait();
        std::copy(largest.begin(), largest.end(), values.begin());
        world_.step.arrive_and_wait();
    }

    void all_to_all(std::span<const std::byte>, std::span<std::byte>) override {}
    void send(std::uint32_t, Tag, std::span<const std::byte>) override {}
    void receive(std::uint32_t, Tag, std::span<std::byte>) override {}
    void wait_sent() override {}
    std::vector<std::uint64_t> wait_received() override { return {}; }

  private:
    World& world_;
    std::uint32_t rank_;
};

}  // namespace orfa::collective

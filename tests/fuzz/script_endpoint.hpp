// SPDX-License-Identifier: MIT
// A transport that does what a fuzz input says, and checks what is asked of it.
#pragma once

#include "fabric/fabric.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

namespace orfa::fuzz {

class ScriptEndpoint final : public fabric::Endpoint {
  public:
    explicit ScriptEndpoint(bool synchronous) : synchronous_(synchronous) {}

    // Called by poll(); returns events.
    std::function<std::size_t()> step;
    // Told each message that is sent.
    std::function<void(fabric::PeerId, const Bytes&)> sent;
    std::set<fabric::PeerId> up;
    std::vector<fabric::PeerId> dropped;  // by disconnect(), to be reported
    std::uint8_t fate = 0;                // of the next rma; of the input's choosing

    [[nodiscard]] const char* name() const override { return "script"; }
    Result<fabric::PeerId> connect(const fabric::Address& /*address*/, int /*timeout*/) override {
        return Status::from_errno(ECONNREFUSED);
    }
    void disconnect(fabric::PeerId peer) override {
        if (up.erase(peer) > 0) dropped.push_back(peer);
    }
    Status send(fabric::PeerId peer, std::span<const std::byte> head,
                std::span<const std::byte> tail) override {
        if (up.count(peer) == 0) return Status::from_errno(ENOTCONN);
        if (head.size() + tail.size() > max_message()) return Status::from_errno(EMSGSIZE);
        Bytes message(head.begin(), head.end());
        message.insert(message.end(), tail.begin(), tail.end());
        if (sent) sent(peer, message);
        return {};
    }
    Result<fabric::RmaState> rma_read(fabric::PeerId peer,
                                      std::span<const fabric::LocalSegment> into,
                                      std::span<const fabric::RemoteSegment> from,
                                      fabric::RmaCompletion* completion) override {
        for (const auto& segment : into)
            std::fill_n(segment.data, segment.length, std::byte{0x5a});
        return start(peer, into, from, completion);
    }
    Result<fabric::RmaState> rma_write(fabric::PeerId peer,
                                       std::span<const fabric::LocalSegment> from,
                                       std::span<const fabric::RemoteSegment> to,
                                       fabric::RmaCompletion* completion) override {
        std::byte all{0};
        for (const auto& segment : from)
            all = std::accumulate(segment.data, segment.data + segment.length, all,
                                  [](std::byte a, std::byte b) { return a ^ b; });
        checksum_ = all;
        return start(peer, from, to, completion);
    }
    Result<fabric::Registration> register_memory(std::span<std::byte> memory,
                                                 fabric::Access /*access*/) override {
        return fabric::Registration{reinterpret_cast<std::uintptr_t>(memory.data()), 1, nullptr};
    }
    void release_memory(const fabric::Registration& /*registration*/) override {}
    std::size_t poll() override { return step ? step() : 0; }
    bool arm() override { return false; }
    void disarm() override {}
    [[nodiscard]] int wait_fd() const override { return -1; }
    [[nodiscard]] std::size_t max_message() const override { return 4608; }
    [[nodiscard]] std::size_t packs_below() const override { return 1024; }
    [[nodiscard]] bool moves_alone(fabric::PeerId /*peer*/) const override { return synchronous_; }
    void forget_after_fork() override {}

    // Ends transfers under way: those of one peer with an error, or (kNone) all with success.
    void end_transfers(fabric::PeerId peer, Status status) {
        std::vector<fabric::RmaCompletion*> ended;
        std::erase_if(under_way_, [&](const auto& transfer) {
            if (peer != fabric::PeerId::kNone && transfer.first != peer) return false;
            ended.push_back(transfer.second);
            return true;
        });
        for (auto* completion : ended)
            completion->on_rma_done(status);
    }
    [[nodiscard]] bool is_busy() const { return !under_way_.empty(); }

  private:
    Result<fabric::RmaState> start(fabric::PeerId peer, std::span<const fabric::LocalSegment> local,
                                   std::span<const fabric::RemoteSegment> remote,
                                   fabric::RmaCompletion* completion) {
        std::uint64_t here = 0;
        std::uint64_t there = 0;
        for (const auto& segment : local)
            here += segment.length;
        for (const auto& segment : remote)
            there += segment.length;
        if (here != there || here == 0) std::abort();  // the server's fault, not the client's
        if (up.count(peer) == 0) return Status::from_errno(ENOTCONN);
        const auto way = fate++ % 4;
        if (way == 0) return Status::from_errno(EFAULT);
        if (synchronous_ || way == 1) return fabric::RmaState::kDone;
        under_way_.emplace_back(peer, completion);
        return fabric::RmaState::kStarted;
    }

    const bool synchronous_;
    std::vector<std::pair<fabric::PeerId, fabric::RmaCompletion*>> under_way_;
    volatile std::byte checksum_{};
};

}  // namespace orfa::fuzz

// SPDX-License-Identifier: MIT
#include "fabric/fake_endpoint.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::fabric {

// splitmix64: the same on every machine, unlike the standard distributions.
std::uint64_t FakeNetwork::random() {
    seed_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = seed_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

bool FakeNetwork::chance(double probability) {
    return probability > 0 && static_cast<double>(random() >> 11) * 0x1.0p-53 < probability;
}

std::uint64_t FakeNetwork::delay(const FakeFaults& faults) {
    if (faults.max_delay <= faults.min_delay) return faults.min_delay;
    return faults.min_delay + random() % (faults.max_delay - faults.min_delay + 1);
}

void FakeNetwork::set_faults(const FakeFaults& faults) {
    const MutexLock lock(mutex_);
    faults_ = faults;
}

void FakeNetwork::set_faults(const FakeEndpoint& a, const FakeEndpoint& b,
                             const FakeFaults& faults) {
    const MutexLock lock(mutex_);
    pair_faults_[std::minmax(&a, &b)] = faults;
    for (auto& [peer, link] : a.links_)
        if (link->sides[0].endpoint == &b || link->sides[1].endpoint == &b) link->faults = faults;
}

const FakeFaults& FakeNetwork::faults_between(const FakeEndpoint& a, const FakeEndpoint& b) {
    const auto it = pair_faults_.find(std::minmax(&a, &b));
    return it == pair_faults_.end() ? faults_ : it->second;
}

void FakeNetwork::kill(FakeEndpoint& endpoint) {
    const MutexLock lock(mutex_);
    kill_now(endpoint);
}

void FakeNetwork::kill_at(FakeEndpoint& endpoint, std::uint64_t step) {
    const MutexLock lock(mutex_);
    kills_.emplace(step, &endpoint);
}

void FakeNetwork::kill_now(FakeEndpoint& endpoint) {
    if (endpoint.dead_) return;
    endpoint.dead_ = true;
    forget(endpoint);
    endpoint.waiting_.clear();
}

// Its connections break, its port is free.
void FakeNetwork::forget(FakeEndpoint& endpoint) {
    std::erase_if(listeners_, [&](const auto& entry) { return entry.second == &endpoint; });
    std::erase_if(kills_, [&](const auto& entry) { return entry.second == &endpoint; });
    while (!endpoint.links_.empty()) {
        const std::shared_ptr<Link> link = endpoint.links_.begin()->second;
        break_link(*link, Status::from_errno(ECONNRESET));
    }
}

void FakeNetwork::cut(const FakeEndpoint& a, const FakeEndpoint& b) {
    const MutexLock lock(mutex_);
    std::vector<std::shared_ptr<Link>> links;
    for (const auto& [peer, link] : a.links_)
        if (link->sides[0].endpoint == &b || link->sides[1].endpoint == &b) links.push_back(link);
    for (const auto& link : links)
        break_link(*link, Status::from_errno(ECONNRESET));
}

std::uint64_t FakeNetwork::step() const {
    const MutexLock lock(mutex_);
    return step_;
}

void FakeNetwork::advance() {
    ++step_;
    while (!kills_.empty() && kills_.begin()->first <= step_) {
        FakeEndpoint* endpoint = kills_.begin()->second;
        kills_.erase(kills_.begin());
        kill_now(*endpoint);
    }
}

// What is under way is lost; both sides are told at the next step: first of their rma, then of the
// peer.
void FakeNetwork::break_link(Link& link, Status why) {
    Side sides[2] = {link.sides[0], link.sides[1]};
    for (const Side& side : sides) {
        side.endpoint->lose_messages(side.peer, step_);
        FakeEndpoint::Event down{FakeEndpoint::Event::Kind::kDown, side.peer, {}, why, {}};
        side.endpoint->post(step_ + 1, std::move(down));
    }
    for (const Side& side : sides)
        side.endpoint->links_.erase(side.peer);
}

}  // namespace orfa::fabric

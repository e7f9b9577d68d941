// SPDX-License-Identifier: MIT
#include "server/peer_client.hpp"

#include "common/log.hpp"

#include <utility>

namespace orfa::server {

struct PeerClient::Job {
    PeerClient& client;
    std::uint32_t server;
    protocol::Op op;
    std::vector<std::byte> body;
    std::vector<std::byte> reply{};
    Status status{};
    std::coroutine_handle<> waiting{};

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        waiting = handle;
        client.shard_.expect();
        const std::lock_guard<std::mutex> lock(client.mutex_);
        client.jobs_.push_back(this);
        client.changed_.notify_one();
    }
    void await_resume() const noexcept {}
};

PeerClient::PeerClient(rpc::MeshOptions options, Shard& shard, unsigned threads)
    : mesh_(std::move(options)), shard_(shard) {
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this] { work(); });
}

PeerClient::~PeerClient() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    for (auto& thread : threads_)
        thread.join();
}

Task<Result<std::vector<std::byte>>> PeerClient::call(std::uint32_t server, protocol::Op op,
                                                      std::span<const std::byte> body) {
    Job job{*this, server, op, {body.begin(), body.end()}};
    co_await job;
    if (!job.status.ok()) co_return job.status;
    co_return std::move(job.reply);
}

void PeerClient::work() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        Job* job = jobs_.front();
        jobs_.pop_front();
        lock.unlock();
        job->status = mesh_.call(job->server, job->op, job->body, job->reply);
        if (!job->status.ok())
            ORFA_LOG(server, debug, "request %u to server %u: errno %d",
                     static_cast<unsigned>(job->op), job->server, job->status.err());
        shard_.post([job, this] {
            shard_.arrived();
            job->waiting.resume();
        });
        lock.lock();
    }
}

}  // namespace orfa::server

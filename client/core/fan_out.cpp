// SPDX-License-Identifier: MIT
#include "client/core/fan_out.hpp"

namespace orfa::client {
namespace {

using Take = std::function<Status(std::size_t, std::span<const std::byte>)>;

struct Round {
    const Take& take;
    std::size_t left = 0;
    FanOutError error;
    void note(Status status, std::uint32_t server) {
        if (!status.ok() && error.status.ok()) error = {status, server};
    }
};

class Answer final : public rpc::Call {
  public:
    Answer(Round& round, std::size_t index, std::uint32_t server)
        : round_(round), index_(index), server_(server) {}
    void on_reply(Status status, std::span<const std::byte> body) override {
        if (status.ok()) status = round_.take(index_, body);
        round_.note(status, server_);
        --round_.left;
    }

  private:
    Round& round_;
    std::size_t index_;
    std::uint32_t server_;
};

}  // namespace

FanOutError ask_all(rpc::Mesh& mesh, protocol::Op op, std::span<const Question> questions,
                    const Take& take) {
    for (const Question& question : questions)
        if (const Status up = mesh.connect(question.server); !up.ok()) return {up, question.server};
    Round round{take, 0, {}};
    std::vector<Answer> answers;
    answers.reserve(questions.size());  // their addresses must stay
    {
        const MutexLock lock(mesh.mutex());
        for (const Question& question : questions) {
            answers.emplace_back(round, answers.size(), question.server);
            ++round.left;
            const Status sent = mesh.start(question.server, op, question.body, {}, answers.back());
            if (sent.ok()) continue;
            --round.left;
            round.note(sent, question.server);
        }
    }
    mesh.wait([&round] { return round.left == 0; });
    return round.error;
}

}  // namespace orfa::client

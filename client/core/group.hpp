// SPDX-License-Identifier: MIT
// A completion group: transfers that are waited for together.
#pragma once

#include <cstddef>
#include <deque>

namespace orfa::client {

class Session;
class Transfer;

// All methods but session() need the mesh's lock.
class Group {
  public:
    explicit Group(Session& session) : session_(session) {}

    [[nodiscard]] Session& session() const { return session_; }
    // A transfer has joined, ended already or not.
    void add(Transfer& transfer, bool has_ended) {
        ++members_;
        if (has_ended) ended(transfer);
    }
    // Its last reply has come.
    void ended(Transfer& transfer) { ended_.push_back(&transfer); }
    // It has ended and is being finished by the user.
    void remove(const Transfer& transfer) {
        if (std::erase(ended_, &transfer) == 0) --handed_out_;
        --members_;
    }

    [[nodiscard]] std::size_t members() const { return members_; }
    [[nodiscard]] bool has_ended() const { return !ended_.empty(); }
    [[nodiscard]] bool all_ended() const { return ended_.size() + handed_out_ == members_; }
    // The one that ended first and was not given yet.
    Transfer* take_ended() {
        Transfer* first = ended_.front();
        ended_.pop_front();
        ++handed_out_;
        return first;
    }

  private:
    Session& session_;
    std::size_t members_ = 0;     // joined and not finished
    std::size_t handed_out_ = 0;  // by take_ended(), not yet finished
    std::deque<Transfer*> ended_;
};

}  // namespace orfa::client

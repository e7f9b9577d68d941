// SPDX-License-Identifier: MIT
// Two-phase collective I/O: ranks hand their pieces to aggregators, which access the file in large
// ranges (del Rosario, Bordawekar and Choudhary 1993; Thakur and Choudhary's extended two-phase
// method, Scientific Programming 5(4), 1996). Unlike those this never reads a range to write it
// back: holes between the ranks' pieces are left out of the access.
//
// Each round all ranks tell each other, in one all-to-all of 64 bytes, what they have for the
// window and where they go on behind it, so that stretches of the file that nobody names cost
// nothing. Where the ranks have memory in common, the aggregators' buffers are there, and each rank
// copies its bytes to or from their places itself, once. Elsewhere data go in messages, straight
// between memory and the aggregator's buffer where a parcel is one piece, packed where it is many.
#pragma once

#include "collective/assembly.hpp"
#include "collective/ranks.hpp"
#include "collective/source.hpp"
#include "collective/windows.hpp"

#include <array>
#include <memory>

namespace orfa::collective {

// Memory that grows and is never cleared.
class Buffer {
  public:
    // At least `bytes` bytes; what was in it is lost when it grows. Throws std::bad_alloc.
    std::byte* get(std::uint64_t bytes) {
        if (bytes > size_) {
            data_.reset();
            size_ = 0;
            data_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
            size_ = bytes;
        }
        return data_.get();
    }

  private:
    std::unique_ptr<std::byte[]> data_;
    std::uint64_t size_ = 0;
};

// Kept from call to call; what messages need.
struct Buffers {
    Buffer window;   // an aggregator's domain in this round
    Buffer staging;  // packed parcels of other ranks
    Buffer packed;   // this rank's parcels
};

class Exchange {
  public:
    // All are borrowed as long as this lives. Needs `domains` to be the same on all ranks, and
    // `common`, of as many aggregators and no smaller buffers, to be given to all of them or none.
    Exchange(Ranks& ranks, FileAccess& file, Buffers& buffers, const Domains& domains,
             const Windows* common = nullptr);

    // Collective; once. `mine` other than ok: this rank only serves the others. Returns what failed
    // on this rank; `moved` are its bytes moved, in order. When any rank fails all stop, at the
    // latest behind the round.
    Status run(bool writing, Source& source, Status mine, std::uint64_t& moved);

  private:
    // What one rank tells one other about a round.
    struct Header {
        std::uint64_t next = Source::kEnd;        // where the sender goes on behind the window
        std::uint64_t bytes = 0;                  // of its parcel for the receiver
        std::uint32_t described = 0;              // bytes of the parcel's description
        std::uint32_t failed = 0;                 // all stop
        std::array<std::byte, 40> description{};  // if it fits, else it comes as a message

        [[nodiscard]] bool fits() const { return described <= description.size(); }
    };
    struct Outgoing {
        std::span<std::byte> data;  // packed, or the program's own memory
        std::vector<std::byte> description;
    };

    Status prepare(const Window& window);
    void pack();
    void tell();
    void swap_headers();
    std::uint64_t round(const Window& window);
    void send_descriptions();
    Status receive_descriptions();
    void write_round(const Window& window);
    void read_round(const Window& window);
    Status write_domain(const Window& window);
    Result<std::uint64_t> read_domain(const Window& window);
    [[nodiscard]] bool is_aggregator() const { return my_index_ < domains_.aggregators; }

    // Data by memory in common.
    [[nodiscard]] std::uint32_t turn(std::uint32_t n) const;
    void put_parcels();
    void take_parcels();
    // Data by messages (exchange_messages.cpp).
    void send_parcels();
    void collect_parcels();
    void expect_parcels();
    void hand_out(std::uint64_t limit);
    void accept();

    Ranks& ranks_;
    FileAccess& file_;
    Buffers& buffers_;
    Domains domains_;
    const Windows* common_;
    std::uint32_t my_index_;  // as aggregator; domains_.aggregators: none
    bool writing_ = false;
    Source* source_ = nullptr;
    Status status_;
    std::uint64_t moved_ = 0;
    std::vector<Parcel> parcels_;     // by aggregator
    std::vector<Outgoing> outgoing_;  // by aggregator
    std::vector<Header> told_;        // by rank
    std::vector<Header> heard_;       // by rank
    std::uint64_t own_bytes_ = 0;     // an aggregator's to itself, this round
    Assembly assembly_;
    std::byte* window_ = nullptr;
    std::byte* staging_ = nullptr;
};

}  // namespace orfa::collective

// SPDX-License-Identifier: MIT
// Memory of the ranks of one host where they agree without messages: an agreement by messages costs
// as much as moving a small record does.
#pragma once

#include "collective/common_memory.hpp"
#include "collective/later_writes.hpp"
#include "collective/range.hpp"
#include "collective/ranks.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace orfa::collective {

// One board for each set of ranks; all of them tell of the same rounds in the same order, each from
// one thread at a time. Algorithm: each rank writes where it alone writes, round after round in a
// ring, and counts its rounds; all read all. As nobody tells of a round while kMostUnheard of its
// own are unheard, no place of a ring is taken again before all ranks have heard what was there.
class Board {
  public:
    static constexpr std::size_t kMostValues = 15;
    static constexpr std::uint32_t kMostRanks = 64;
    static constexpr std::uint64_t kMostUnheard = 255;

    // What is done while others are awaited (MPI's own work). Must not throw.
    class Progress {
      public:
        virtual void progress() = 0;

      protected:
        ~Progress() = default;
    };

    // Memory that a board needs.
    static std::size_t bytes_for(std::uint32_t ranks) {
        return sizeof(Header) + sizeof(Page) * ranks;
    }
    // On new memory of at least bytes_for() bytes that all of at most kMostRanks ranks have.
    Board(std::unique_ptr<CommonMemory> memory, std::uint32_t ranks);
    // Collective. A board for `ranks` if they have memory in common, else null on all of them. The
    // name is to be new on the host; nothing of it is left.
    static std::unique_ptr<Board> find(Ranks& ranks, const std::string& name);
    // For boards that find() gave, when this rank is done with them: the next one of the same ranks
    // gets the memory.
    static void give_back(std::unique_ptr<Board> board);

    // Collective. Each of at most kMostValues values becomes the largest of all ranks'. Waits for
    // the others without an end, as MPI does; yields first, then sleeps until they come. It is a
    // round that is told and heard.
    void maximum(std::uint32_t rank, std::span<std::int64_t> values, Progress& others);

    // Makes all ranks see, once they see this rank's next round, that it is worth hearing.
    void raise_alarm() { header_->alarms.fetch_add(1); }
    // How often any rank has done so.
    [[nodiscard]] std::uint64_t alarms() const { return header_->alarms.load(); }

    // This rank's values in its next round; returns the round's number. Does not wait. At most
    // kMostUnheard of its rounds may be unheard then.
    std::uint64_t tell(std::uint32_t rank, std::span<const std::int64_t> values);
    // Waits as maximum() does until all ranks have told of a round that this one has told of.
    void wait(std::uint64_t round, Progress& others) const;
    // Waits for it; each value becomes the largest of all ranks' in it.
    void hear(std::uint64_t round, std::span<std::int64_t> values, Progress& others) const;

    // Where ranks write in rounds without waiting for each other, the last round's bytes are to be
    // what is left, so each rank calls this before it writes anything in its next round: it will
    // write all of `whole` (empty if it is not one range: then it must have heard all its rounds
    // before), and only within `hull`. Returns, of the hull, what others write in later rounds than
    // this, for this rank to leave alone. Waits for ranks that are still writing where `whole` is
    // in an earlier round; those that come to an earlier round later will leave `whole` alone.
    std::vector<Range> begin_write(std::uint32_t rank, const Range& whole, const Range& hull,
                                   Progress& others);

  private:
    static constexpr std::uint64_t kRounds = 2 * (kMostUnheard + 1);
    static_assert(kRounds <= LaterWrites::kMostRounds);

    struct alignas(128) Header {
        std::atomic<std::uint64_t> alarms;
    };
    // What one rank says of a round.
    struct Slot {
        std::uint64_t writes_in;  // the round that these are of
        Range whole, hull;        // see begin_write()
        std::int64_t values[kMostValues];
    };
    // All that one rank says; nobody else writes here, but for what they want.
    struct alignas(128) Page {
        std::atomic<std::uint64_t> begun;   // the last round that begin_write() was called for
        std::atomic<std::uint64_t> told;    // the last round told
        std::atomic<std::uint64_t> wanted;  // the first that others may sleep until; 0: nobody does
        std::atomic<std::uint32_t> bell;    // another one when it is told
        Slot slots[kRounds];
    };

    void clear(std::uint32_t rank);
    Slot& slot(std::uint32_t rank, std::uint64_t round) const {
        return pages_[rank].slots[round % kRounds];
    }
    // Of what a rank writes in a round: empty when it has not begun to.
    Range part_of(std::uint32_t rank, std::uint64_t round, Range Slot::*part) const;
    void wait_for(std::uint32_t rank, std::uint64_t round, Progress& others) const;
    void sleep_until(std::uint32_t rank, std::uint64_t round) const;

    std::unique_ptr<CommonMemory> memory_;
    Header* header_;
    Page* pages_;  // one for each rank
    std::uint32_t ranks_;
    std::vector<LaterWrites> later_;  // of each rank but this
    std::uint64_t round_ = 0;         // the last that this rank has told of
};

}  // namespace orfa::collective

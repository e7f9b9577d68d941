// SPDX-License-Identifier: MIT
// orfa_coll.h over MPI: what a collective call is made of.
#include "collective/agreed.hpp"
#include "collective/board.hpp"
#include "collective/exchange.hpp"
#include "collective/mpi_ranks.hpp"
#include "collective/notes.hpp"
#include "collective/orfa_coll.h"
#include "collective/outcomes.hpp"
#include "collective/run_ahead.hpp"
#include "collective/windows.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

namespace {

using orfa::Result;
using orfa::Status;
using orfa::collective::Agreed;
using orfa::collective::Board;
using orfa::collective::Buffers;
using orfa::collective::Domains;
using orfa::collective::Exchange;
using orfa::collective::FileAccess;
using orfa::collective::MpiRanks;
using orfa::collective::Notes;
using orfa::collective::notes_of;
using orfa::collective::Outcomes;
using orfa::collective::Range;
using orfa::collective::Run;
using orfa::collective::RunAhead;
using orfa::collective::Source;
using orfa::collective::Way;
using orfa::collective::Windows;
using orfa::collective::WindowsKept;

constexpr std::uint64_t kDefaultBuffer = 16 << 20;
constexpr std::uint64_t kDefaultAheadSize = 128 << 10;
constexpr std::uint64_t kCallsBeforeBoard = 2;  // a board costs as much as some tens of calls

static_assert(ORFA_COLL_RUN_AHEAD == Board::kMostUnheard);

class OrfaFile final : public FileAccess {
  public:
    explicit OrfaFile(orfa_file* file) : file_(file) {}

    Result<std::uint64_t> read(const orfa_access& access) override {
        const ssize_t got = orfa_readv(file_, &access);
        if (got < 0) return Status::from_errno(errno);
        return static_cast<std::uint64_t>(got);
    }
    Status write(const orfa_access& access) override {
        return Status::from_errno(orfa_writev(file_, &access) < 0 ? errno : 0);
    }

  private:
    orfa_file* file_;
};

bool is_remote() {
    orfa_counters counters{};
    orfa_counters_of(orfa_default_session(), &counters);
    return counters.connections[1] > 0;
}

bool wants_words() {
    const char* value = std::getenv("ORFA_VERBOSE");
    return value != nullptr && value[0] != '\0' && std::strcmp(value, "0") != 0;
}

}  // namespace

struct orfa_coll {
    orfa_file* file;
    std::string name;
    orfa_layout layout{};
    orfa_coll_hints hints{};
    bool verbose = wants_words();
    std::array<Agreed, 2> agreed;      // of reads, of writes
    std::array<Outcomes, 2> outcomes;  // likewise, this rank's
    bool mapped = false;               // this rank may reach in place what the servers store
    Buffers buffers;
    std::uint64_t id = 0;
    std::uint64_t calls = 0;       // begun so far: the same on all ranks
    std::unique_ptr<Board> board;  // on all ranks or none
    WindowsKept windows;           // none without a board
    RunAhead told;                 // calls of the direction `writing`; none without a board
    std::atomic<int> late = 0;     // the largest error of others in calls that are over here
    // Of the call under way.
    MPI_Comm comm = MPI_COMM_NULL;
    std::size_t writing = 0;  // 0 or 1
    Notes mine;
    Domains domains;
    const Windows* common = nullptr;
    bool remote = false;            // a server is reached over a network
    std::vector<Range> left_alone;  // of a write
    std::uint64_t in_place = 0;     // bytes of the session before the call
};

namespace {

std::string name_of_memory(const orfa_coll& coll, const char* what) {
    return "/orfa-" + std::to_string(coll.id) + what;
}

void remember_late(orfa_coll& coll, int error) {
    int known = coll.late.load(std::memory_order_relaxed);
    while (error > known && !coll.late.compare_exchange_weak(known, error)) {
    }
}

void consider(orfa_coll& coll, std::uint32_t ranks) {
    const bool board = coll.board != nullptr;
    coll.agreed[coll.writing].consider(coll.layout, ranks, coll.writing != 0, board,
                                       board && !coll.windows.given_up());
}

// What became of this rank's calls in the present direction.
void note_outcomes(const orfa_coll& coll, Notes& notes) {
    const Outcomes& outcomes = coll.outcomes[coll.writing];
    notes[Notes::kStays] = static_cast<std::int64_t>(outcomes.stays());
    notes[Notes::kMisses] =
        coll.mapped ? static_cast<std::int64_t>(outcomes.misses()) : Outcomes::kRemembered;
}

// Collective. Learns from the calls told of but the last `left`. False: there are none.
bool learn(orfa_coll& coll, MpiRanks& ranks, std::size_t left) {
    if (coll.told.size() <= left) return false;
    Agreed& agreed = coll.agreed[coll.writing];
    agreed.notes.values = coll.told.take(left, *coll.board, ranks);
    remember_late(coll, static_cast<int>(agreed.notes[Notes::kError]));
    consider(coll, ranks.size());
    return true;
}

// Collective. Before a rank writes: what it has to leave alone.
std::vector<Range> begin_write(orfa_coll& coll, MpiRanks& ranks, const orfa_coll_shape& mine) {
    if (mine.bytes == 0) return coll.board->begin_write(ranks.rank(), {}, {}, ranks);
    const Range hull = {mine.first, mine.end};
    if (mine.bytes == mine.end - mine.first)
        return coll.board->begin_write(ranks.rank(), hull, hull, ranks);
    // Nobody could leave alone what one range does not tell.
    remember_late(coll, static_cast<int>(coll.told.look(*coll.board, ranks)));
    return coll.board->begin_write(ranks.rank(), {}, hull, ranks);
}

using NextRun = void (*)(void*, orfa_coll_run*);

Source::Next runs_from(NextRun next, void* context) {
    return [next, context](Run& run) {
        orfa_coll_run told{};
        next(context, &told);
        run = {told.start, told.length, static_cast<std::uint64_t>(told.stride), told.count};
        return Status();
    };
}

}  // namespace

orfa_coll* orfa_coll_create(orfa_file* file, const char* name, int ranks, uint64_t id) try {
    auto coll = std::make_unique<orfa_coll>();
    coll->file = file;
    coll->name = name;
    coll->id = id;
    if (orfa_file_layout(file, &coll->layout) != 0) return nullptr;
    coll->hints = {{ORFA_COLL_AUTO, ORFA_COLL_AUTO},
                   std::min(ranks, coll->layout.stripe_count),
                   kDefaultBuffer,
                   ORFA_COLL_RUN_AHEAD,
                   kDefaultAheadSize};
    return coll.release();
} catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return nullptr;
}

void orfa_coll_destroy(orfa_coll* coll) {
    if (coll != nullptr && coll->board != nullptr) Board::give_back(std::move(coll->board));
    delete coll;
}

orfa_coll_hints orfa_coll_hints_of(const orfa_coll* coll) {
    return coll->hints;
}

void orfa_coll_set_hints(orfa_coll* coll, const orfa_coll_hints* hints) {
    coll->hints = *hints;
}

void orfa_coll_renew(orfa_coll* coll) {
    coll->agreed[0].known = coll->agreed[1].known = false;
}

orfa_coll_way orfa_coll_begin(orfa_coll* coll, MPI_Comm comm, int writing,
                              const orfa_coll_shape* mine) {
    MpiRanks ranks(comm, coll->board.get());
    const std::size_t direction = writing != 0 ? 1 : 0;
    Agreed& agreed = coll->agreed[direction];
    if (direction != coll->writing || !agreed.known) {
        learn(*coll, ranks, 0);
        coll->outcomes[direction].doubt();
        agreed.notes[Notes::kStays] = Outcomes::kRemembered;
        agreed.ahead = false;
    }
    coll->comm = comm;
    ++coll->calls;
    coll->writing = direction;
    if (!agreed.ahead) coll->remote = is_remote();
    coll->mine = notes_of(ranks.rank(), coll->hints, direction, coll->remote, *mine);
    if (!agreed.known) {
        coll->mapped = orfa_file_is_mapped(coll->file) != 0;
        agreed.notes = coll->mine;
        note_outcomes(*coll, agreed.notes);
        ranks.maximum(agreed.notes.values);
        agreed.known = true;
    }
    if (!agreed.ahead && !learn(*coll, ranks, 0)) consider(*coll, ranks.size());
    const Way way = agreed.choice.way;
    coll->domains = agreed.domains;
    if (coll->verbose && ranks.rank() == 0) {
        const std::string words = agreed.news(ranks.size());
        if (!words.empty())
            std::fprintf(stderr, "orfa: %s: collective %s %s\n", coll->name.c_str(),
                         writing != 0 ? "writes" : "reads", words.c_str());
    }
    coll->common = nullptr;
    if (way == Way::kTwophase && agreed.facts.common_memory)
        coll->common = coll->windows.fit(ranks, name_of_memory(*coll, "-windows"),
                                         agreed.facts.hull, coll->domains);
    coll->left_alone.clear();
    if (agreed.ahead && writing != 0) coll->left_alone = begin_write(*coll, ranks, *mine);
    coll->in_place = orfa_bytes_in_place(orfa_default_session());
    return static_cast<orfa_coll_way>(way);
}

int orfa_coll_left_alone(const orfa_coll* coll, size_t index, uint64_t* first, uint64_t* end) {
    if (index >= coll->left_alone.size()) return 0;
    *first = coll->left_alone[index].start;
    *end = coll->left_alone[index].end;
    return 1;
}

int orfa_coll_aggregator(const orfa_coll* coll, int index) {
    int ranks = 1;
    MPI_Comm_size(coll->comm, &ranks);
    const auto wanted = static_cast<std::uint32_t>(index);
    if (wanted >= coll->domains.aggregators) return -1;
    return static_cast<int>(coll->domains.rank_of(wanted, static_cast<std::uint32_t>(ranks)));
}

uint64_t orfa_coll_buffer_bytes(const orfa_coll* coll) {
    return coll->domains.buffer_bytes();
}

orfa_together orfa_coll_together(const orfa_coll* coll) {
    int ranks = 1;
    MPI_Comm_size(coll->comm, &ranks);
    return {coll->id + coll->calls, static_cast<std::uint32_t>(ranks)};
}

int orfa_coll_move(orfa_coll* coll, const orfa_coll_source* source, int error,
                   std::uint64_t* moved) {
    MpiRanks ranks(coll->comm, coll->board.get());
    OrfaFile file(coll->file);
    *moved = 0;
    try {
        Source parts(runs_from(source->next_in_file, source->context),
                     runs_from(source->next_in_memory, source->context));
        Exchange exchange(ranks, file, coll->buffers, coll->domains, coll->common);
        return exchange.run(coll->writing != 0, parts, Status::from_errno(error), *moved).err();
    } catch (const std::bad_alloc&) {
        // The exchange itself has caught what comes before it depends on other ranks.
        std::fprintf(stderr, "orfa: %s: no memory within a collective call\n", coll->name.c_str());
        MPI_Abort(coll->comm, MPI_ERR_NO_MEM);
        std::abort();
    }
}

int orfa_coll_end(orfa_coll* coll, int error_class) {
    MpiRanks ranks(coll->comm, coll->board.get());
    Agreed& agreed = coll->agreed[coll->writing];
    Notes mine = coll->mine;
    mine[Notes::kError] = error_class;
    const bool in_place =
        orfa_bytes_in_place(orfa_default_session()) - coll->in_place >= mine.number(Notes::kBytes);
    coll->outcomes[coll->writing].add(agreed.choice.way, in_place, error_class != 0);
    note_outcomes(*coll, mine);
    if (coll->board == nullptr) {
        agreed.notes = mine;
        ranks.maximum(agreed.notes.values);
        if (coll->calls == kCallsBeforeBoard)
            coll->board = Board::find(ranks, name_of_memory(*coll, ""));
        return static_cast<int>(agreed.notes[Notes::kError]);
    }
    if (error_class != 0) coll->board->raise_alarm();
    const std::uint64_t round = coll->board->tell(ranks.rank(), mine.values);
    const std::size_t told = coll->told.add(round, mine.values);
    const std::uint64_t most = agreed.ahead ? agreed.notes.number(Notes::kRunAhead) : 0;
    if (told > most) learn(*coll, ranks, most / 2);  // seldom, and of several calls at once
    if (coll->told.is_alarmed(*coll->board)) orfa_coll_settle(coll, coll->comm);
    return coll->late.exchange(0);
}

void orfa_coll_settle(orfa_coll* coll, MPI_Comm comm) {
    if (coll->told.size() == 0) return;
    MpiRanks ranks(comm, coll->board.get());
    remember_late(*coll, static_cast<int>(coll->told.look(*coll->board, ranks)));
}

int orfa_coll_late_error(orfa_coll* coll, MPI_Comm comm) {
    orfa_coll_settle(coll, comm);
    return coll->late.exchange(0);
}

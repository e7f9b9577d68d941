// SPDX-License-Identifier: MIT
// orfa_coll.h over MPI: the only file of this folder that calls it.
#include "collective/board.hpp"
#include "collective/choice.hpp"
#include "collective/exchange.hpp"
#include "collective/notes.hpp"
#include "collective/orfa_coll.h"
#include "collective/windows.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

namespace {

using orfa::Result;
using orfa::Status;
using orfa::collective::Board;
using orfa::collective::Buffers;
using orfa::collective::Choice;
using orfa::collective::choose;
using orfa::collective::Domains;
using orfa::collective::domains_of;
using orfa::collective::Exchange;
using orfa::collective::Facts;
using orfa::collective::facts_of;
using orfa::collective::FileAccess;
using orfa::collective::Notes;
using orfa::collective::notes_of;
using orfa::collective::Ranks;
using orfa::collective::Run;
using orfa::collective::Source;
using orfa::collective::Way;
using orfa::collective::Windows;
using orfa::collective::WindowsKept;

constexpr std::uint64_t kDefaultBuffer = 16 << 20;
constexpr std::uint64_t kCallsBeforeBoard = 2;  // a board costs as much as some tens of calls

// MPI calls by whose failure the ranks fall out of step: nothing but the end is left.
void must(int mpi_error, MPI_Comm comm) {
    if (mpi_error != MPI_SUCCESS) MPI_Abort(comm, mpi_error);
}

class MpiRanks final : public Ranks, private Board::Progress {
  public:
    // `board` is borrowed; may be null.
    MpiRanks(MPI_Comm comm, Board* board) : comm_(comm), board_(board) {
        int size = 1;
        int rank = 0;
        MPI_Comm_size(comm, &size);
        MPI_Comm_rank(comm, &rank);
        size_ = static_cast<std::uint32_t>(size);
        rank_ = static_cast<std::uint32_t>(rank);
    }

    [[nodiscard]] std::uint32_t size() const override { return size_; }
    [[nodiscard]] std::uint32_t rank() const override { return rank_; }

    void maximum(std::span<std::int64_t> values) override {
        if (board_ != nullptr) return board_->maximum(rank_, values, *this);
        must(MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()),
                           MPI_INT64_T, MPI_MAX, comm_),
             comm_);
    }

    void all_to_all(std::span<const std::byte> out, std::span<std::byte> in) override {
        const int each = static_cast<int>(out.size() / size_);
        must(MPI_Alltoall(out.data(), each, MPI_BYTE, in.data(), each, MPI_BYTE, comm_), comm_);
    }

    void send(std::uint32_t to, Tag tag, std::span<const std::byte> data) override {
        must(MPI_Isend(data.data(), static_cast<int>(data.size()), MPI_BYTE, static_cast<int>(to),
                       static_cast<int>(tag), comm_, &sends_.emplace_back()),
             comm_);
    }

    void receive(std::uint32_t from, Tag tag, std::span<std::byte> into) override {
        must(MPI_Irecv(into.data(), static_cast<int>(into.size()), MPI_BYTE, static_cast<int>(from),
                       static_cast<int>(tag), comm_, &receives_.emplace_back()),
             comm_);
    }

    void wait_sent() override {
        must(MPI_Waitall(static_cast<int>(sends_.size()), sends_.data(), MPI_STATUSES_IGNORE),
             comm_);
        sends_.clear();
    }

    std::vector<std::uint64_t> wait_received() override {
        std::vector<MPI_Status> statuses(receives_.size());
        std::vector<std::uint64_t> lengths;
        must(MPI_Waitall(static_cast<int>(receives_.size()), receives_.data(), statuses.data()),
             comm_);
        receives_.clear();
        for (const MPI_Status& status : statuses) {
            int length = 0;
            MPI_Get_count(&status, MPI_BYTE, &length);
            lengths.push_back(static_cast<std::uint64_t>(length));
        }
        return lengths;
    }

  private:
    // Other ranks may not get on with messages of before unless this one takes part.
    void progress() override {
        int found = 0;
        must(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, comm_, &found, MPI_STATUS_IGNORE), comm_);
    }

    MPI_Comm comm_;
    Board* board_;
    std::uint32_t size_ = 1;
    std::uint32_t rank_ = 0;
    std::vector<MPI_Request> sends_;
    std::vector<MPI_Request> receives_;
};

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

// What all ranks know of the calls in one direction.
struct Agreed {
    bool known = false;
    Notes notes;
    std::string said;  // on standard error
};

}  // namespace

struct orfa_coll {
    orfa_file* file;
    std::string name;
    orfa_layout layout{};
    orfa_coll_hints hints{};
    bool verbose = wants_words();
    std::array<Agreed, 2> agreed;  // of reads, of writes
    Buffers buffers;
    std::uint64_t id = 0;
    std::uint64_t calls = 0;       // begun so far: the same on all ranks
    std::unique_ptr<Board> board;  // on all ranks or none
    WindowsKept windows;           // none without a board
    // Of the call under way.
    MPI_Comm comm = MPI_COMM_NULL;
    std::size_t writing = 0;  // 0 or 1
    Notes mine;
    Domains domains;
    const Windows* common = nullptr;
};

namespace {

// Rank 0's line on standard error, when it is another one than before.
void say(orfa_coll& coll, const Choice& choice, std::uint32_t ranks) {
    std::string words = choice.way == Way::kTwophase  ? "two-phase, "
                        : choice.way == Way::kGeneric ? "ROMIO's two-phase, "
                        : choice.way == Way::kServer  ? "server-directed"
                                                      : "independent";
    if (choice.way == Way::kTwophase || choice.way == Way::kGeneric) {
        words += std::to_string(coll.domains.aggregators) + " of " + std::to_string(ranks) +
                 " ranks aggregate, " + std::to_string(coll.domains.buffer_bytes() >> 10) +
                 " KiB each";
    }
    words += std::string(": ") + choice.reason;
    std::string& said = coll.agreed[coll.writing].said;
    if (words == said) return;
    said = words;
    std::fprintf(stderr, "orfa: %s: collective %s %s\n", coll.name.c_str(),
                 coll.writing != 0 ? "writes" : "reads", words.c_str());
}

std::string name_of_memory(const orfa_coll& coll, const char* what) {
    return "/orfa-" + std::to_string(coll.id) + what;
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
                   kDefaultBuffer};
    return coll.release();
} catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return nullptr;
}

void orfa_coll_destroy(orfa_coll* coll) {
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
    coll->comm = comm;
    ++coll->calls;
    coll->writing = writing != 0 ? 1 : 0;
    coll->mine = notes_of(ranks.rank(), coll->hints, coll->writing, is_remote(), *mine);
    Agreed& agreed = coll->agreed[coll->writing];
    if (!agreed.known) {
        agreed.notes = coll->mine;
        ranks.maximum(agreed.notes.values);
        agreed.known = true;
    }
    coll->domains = domains_of(coll->layout, agreed.notes, ranks.size());
    Facts facts = facts_of(agreed.notes, coll->domains, ranks.size());
    facts.common_memory = coll->board != nullptr && !coll->windows.given_up();
    const Choice choice = choose(facts);
    if (coll->verbose && ranks.rank() == 0) say(*coll, choice, ranks.size());
    coll->common = nullptr;
    if (choice.way == Way::kTwophase && facts.common_memory)
        coll->common =
            coll->windows.fit(ranks, name_of_memory(*coll, "-windows"), facts.hull, coll->domains);
    return static_cast<orfa_coll_way>(choice.way);
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
    Notes& notes = coll->agreed[coll->writing].notes;
    notes = coll->mine;
    notes[Notes::kError] = error_class;
    ranks.maximum(notes.values);
    if (coll->calls == kCallsBeforeBoard)
        coll->board = Board::find(ranks, name_of_memory(*coll, ""));
    return static_cast<int>(notes[Notes::kError]);
}

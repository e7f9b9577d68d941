// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/plan.hpp"

#include "benchmarks/mpi/access.hpp"

namespace orfa::benchmarks {
namespace {

constexpr std::uint64_t kChunk = 4 * kMiB;  // bytes of a read that checks a file's content

// Calls use(place in memory, offset in the file, length) for the pieces of a call.
template <typename Use>
void for_each_piece(const Plan& plan, std::uint64_t owner, std::uint64_t call, Use use) {
    const MemoryShape& memory = plan.memory;
    std::uint64_t position = 0;
    plan.pieces(owner, call, [&](std::uint64_t offset, std::uint64_t length) {
        while (length > 0) {
            const std::uint64_t piece = memory.piece == 0 ? length : memory.piece;
            const std::uint64_t within = memory.piece == 0 ? 0 : position % piece;
            const std::uint64_t at = memory.piece == 0
                                         ? position
                                         : memory.first + position / piece * memory.stride + within;
            const std::uint64_t run = std::min(length, piece - within);
            use(at, offset, run);
            position += run;
            offset += run;
            length -= run;
        }
    });
}

std::uint64_t first_offset(const Plan& plan, std::uint64_t owner, std::uint64_t call) {
    std::uint64_t first = 0;
    bool found = false;
    plan.pieces(owner, call, [&](std::uint64_t offset, std::uint64_t) {
        if (!found) first = offset;
        found = true;
    });
    return first;
}

// Bytes of memory that a call's data take.
std::uint64_t memory_of_call(const Plan& plan) {
    const MemoryShape& memory = plan.memory;
    return memory.piece == 0 ? plan.bytes
                             : memory.first + plan.bytes / memory.piece * memory.stride;
}

// Calls whose data are one range of the file and of memory are made from the pattern's own table.
bool is_direct(const Plan& plan) {
    std::uint64_t pieces = 0;
    plan.pieces(0, 0, [&](std::uint64_t, std::uint64_t) { ++pieces; });
    return pieces == 1 && plan.memory.piece == 0;
}

// One owner's accesses as a plan has them, to one open file.
class Pass {
  public:
    Pass(const Run& run, const Plan& plan, MPI_Comm comm, const std::string& name, int mode,
         std::uint64_t owner)
        : plan_(plan),
          owner_(owner),
          file_(comm, name, mode, run.settings.info),
          type_(plan.memory.piece == 0 ? Type()
                                       : Type::strided(plan.bytes / plan.memory.piece,
                                                       plan.memory.piece, plan.memory.stride)),
          access_(file_.get(), run.form, plan.bytes, type_.get()) {
        if (!plan.view) return;
        const View view = plan.view(owner);
        file_.set_view(view.displacement, view.type);
    }

    void call(Direction direction, std::uint64_t call, std::byte* memory) {
        std::uint64_t offset = 0;
        if (plan_.view_of_call) {
            const View view = plan_.view_of_call(owner_, call);
            file_.set_view(view.displacement, view.type);
        } else {
            offset = plan_.view ? call * plan_.bytes : first_offset(plan_, owner_, call);
        }
        access_.start(direction, offset, memory + plan_.memory.first);
    }
    void wait() { access_.wait(); }
    const File& file() const { return file_; }

  private:
    const Plan& plan_;
    std::uint64_t owner_;
    File file_;
    Type type_;
    Access access_;
};

class PlanRun {
  public:
    PlanRun(Run& run, const Plan& writing, const Plan& reading)
        : run_(run),
          writing_(writing),
          reading_(reading),
          comm_(writing.file_per_process ? MPI_COMM_SELF : MPI_COMM_WORLD) {}

    void whole() {
        remove();
        write();
        read();
        if (run_.number("rewrite") != 0 && run_.form != Form::kNonblocking) rewrite();
        remove();
    }

  private:
    std::string name_of_file(std::uint64_t owner) const {
        return run_.file(writing_.file_per_process ? "." + std::to_string(owner) : "");
    }

    // What `owner` writes; `changed`: what its rewriting leaves.
    Pattern pattern_of(const Plan& plan, std::uint64_t owner, bool changed = false) const {
        const std::uint64_t seed =
            run_.settings.seed + (writing_.file_per_process ? (owner + 1) << 32U : 0);
        return Pattern(seed, is_direct(plan) ? plan.bytes : kMiB, changed);
    }

    Amount amount_of(const Plan& plan) const {
        return {plan.calls * plan.bytes * run_.ranks, plan.calls * run_.ranks, plan.bytes};
    }

    void remove() const {
        MPI_Barrier(MPI_COMM_WORLD);
        if (run_.rank == 0 || writing_.file_per_process)  // it may not be there
            MPI_File_delete(name_of_file(run_.rank).c_str(), MPI_INFO_NULL);
        MPI_Barrier(MPI_COMM_WORLD);
    }

    void write() {
        const std::uint64_t owner = run_.rank;
        const Pattern pattern = pattern_of(writing_, owner);
        const bool direct = is_direct(writing_);
        const std::uint64_t size = memory_of_call(writing_);
        Buffer data(direct ? 0 : writing_.calls * size);
        for (std::uint64_t call = 0; call < writing_.calls && !direct; ++call) {
            for_each_piece(writing_, owner, call,
                           [&](std::uint64_t at, std::uint64_t offset, std::uint64_t length) {
                               pattern.fill(offset, {data.data() + call * size + at, length});
                           });
        }
        Pass pass(run_, writing_, comm_, name_of_file(owner), MPI_MODE_CREATE | MPI_MODE_WRONLY,
                  owner);
        run_.calls("write", amount_of(writing_), writing_.calls, [&](std::uint64_t call) {
            // What is written is not changed.
            auto* window =
                const_cast<std::byte*>(direct ? pattern.at(first_offset(writing_, owner, call))
                                              : data.data() + call * size);
            pass.call(Direction::kWrite, call, window);
            if (call + 1 < writing_.calls) return;
            pass.wait();
            if (run_.settings.sync) check(MPI_File_sync(pass.file().get()), "MPI_File_sync");
        });
    }

    void read() {
        const std::uint64_t owner = run_.neighbour;
        const std::uint64_t size = memory_of_call(reading_);
        const std::uint64_t depth = run_.form == Form::kNonblocking ? Access::kDepth : 1;
        Buffer slots(depth * size);
        Pass pass(run_, reading_, comm_, name_of_file(owner), MPI_MODE_RDONLY, owner);
        run_.calls("read", amount_of(reading_), reading_.calls, [&](std::uint64_t call) {
            pass.call(Direction::kRead, call, slots.data() + call % depth * size);
            if (call + 1 == reading_.calls) pass.wait();
        });
        const Pattern pattern = pattern_of(reading_, owner);
        check_calls(pass, reading_, owner, pattern, std::span(slots).first(size));
        check_content(pass.file(), pattern);
    }

    // What each call changes depends on what it read, so that the content proves both.
    void rewrite() {
        const std::uint64_t owner = run_.rank;
        const std::uint64_t size = memory_of_call(writing_);
        Buffer data(size);
        Pass pass(run_, writing_, comm_, name_of_file(owner), MPI_MODE_RDWR, owner);
        Amount amount = amount_of(writing_);
        amount.bytes *= 2;
        run_.calls("rewrite", amount, writing_.calls, [&](std::uint64_t call) {
            pass.call(Direction::kRead, call, data.data());
            for (std::byte& byte : data)
                byte = ~byte;
            pass.call(Direction::kWrite, call, data.data());
        });
        const Pattern pattern = pattern_of(writing_, owner, true);
        check_calls(pass, writing_, owner, pattern, data);
        check_content(pass.file(), pattern);
    }

    // The calls again, as the timed pass made them, with every byte checked.
    void check_calls(Pass& pass, const Plan& plan, std::uint64_t owner, const Pattern& pattern,
                     std::span<std::byte> data) {
        for (std::uint64_t call = 0; call < plan.calls; ++call) {
            std::fill(data.begin(), data.end(), std::byte{0});
            pass.call(Direction::kRead, call, data.data());
            pass.wait();
            for_each_piece(plan, owner, call,
                           [&](std::uint64_t at, std::uint64_t offset, std::uint64_t length) {
                               run_.expect(pattern, offset, data.subspan(at, length));
                           });
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }

    // The file's size, and behind views its content by plain offsets: what a wrong view would hide.
    void check_content(const File& file, const Pattern& pattern) {
        const std::uint64_t size = writing_.file_bytes;
        if (file.size() != size)
            run_.wrong(size, "the file has " + std::to_string(file.size()) + " bytes instead of " +
                                 std::to_string(size));
        if (!writing_.view && !writing_.view_of_call) return;
        file.set_view(0, Type());
        Buffer chunk(kChunk);
        for (std::uint64_t at = run_.rank * kChunk; at < size; at += run_.ranks * kChunk) {
            const auto part = std::span(chunk).first(std::min(kChunk, size - at));
            check(MPI_File_read_at(file.get(), static_cast<MPI_Offset>(at), part.data(),
                                   count_of(part.size()), MPI_BYTE, MPI_STATUS_IGNORE),
                  "reading back");
            run_.expect(pattern, at, part);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }

    Run& run_;
    const Plan& writing_;
    const Plan& reading_;
    MPI_Comm comm_;
};

}  // namespace

void run_plan(Run& run, const Plan& writing, const Plan& reading) {
    PlanRun(run, writing, reading).whole();
}

}  // namespace orfa::benchmarks

// SPDX-License-Identifier: MIT
#include "collective/runs.hpp"

#include "common/strided_copy.hpp"

#include <algorithm>
#include <cstring>

namespace orfa::collective {
namespace {

// Runs of memory are numbers: their strides go either way.
std::byte* memory_at(std::uintptr_t address) {
    return reinterpret_cast<std::byte*>(address);  // NOLINT(performance-no-int-to-ptr)
}

std::int64_t signed_of(std::uint64_t stride) {
    return static_cast<std::int64_t>(stride);
}

// Calls copy(run, whole pieces, packed position), and copy() for the rest of a piece that the
// packed bytes end in.
template <typename Copy>
void walk(std::span<const Run> runs, std::uint64_t packed, Copy copy) {
    std::uint64_t at = 0;
    for (const Run& run : runs) {
        const std::uint64_t whole = std::min(run.count, (packed - at) / run.length);
        if (whole > 0) copy(Run{run.start, run.length, run.stride, whole}, at);
        at += whole * run.length;
        if (whole == run.count) continue;
        if (packed > at) copy(Run{run.start + whole * run.stride, packed - at, 0, 1}, at);
        return;
    }
}

void put(std::uint64_t value, std::vector<std::byte>& out) {
    while (value >= 0x80) {
        out.push_back(static_cast<std::byte>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<std::byte>(value));
}

bool get(std::span<const std::byte>& in, std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
        const auto byte = static_cast<std::uint64_t>(in.front());
        in = in.subspan(1);
        value |= (byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

std::uint64_t end_of(const Run& run) {
    return run.start + (run.count - 1) * run.stride + run.length;
}

bool get_run(std::span<const std::byte>& in, std::uint64_t room, Run& run) {
    std::uint64_t length_and_flag = 0;
    std::uint64_t gap = 0;
    if (!get(in, run.start) || !get(in, length_and_flag)) return false;
    run.length = length_and_flag >> 1;
    run.stride = 0;
    run.count = 1;
    if (run.length == 0 || run.start > room || run.length > room - run.start) return false;
    if ((length_and_flag & 1) == 0) return true;
    if (!get(in, gap) || !get(in, run.count)) return false;
    if (run.count < 2 || gap > room || run.length + gap > room) return false;
    run.stride = run.length + gap;
    return run.count - 1 <= (room - run.start - run.length) / run.stride;
}

// The pieces of a list, one after the other.
class Cursor {
  public:
    explicit Cursor(std::span<const Run> runs) : runs_(runs) {}

    [[nodiscard]] bool at_end() const { return runs_.empty(); }
    [[nodiscard]] std::uint64_t start() const {
        return runs_.front().start + index_ * runs_.front().stride;
    }
    [[nodiscard]] std::uint64_t length() const { return runs_.front().length; }
    [[nodiscard]] std::uint64_t end() const { return start() + length(); }
    // Pieces of this run that are left, and their distance.
    [[nodiscard]] std::uint64_t left() const { return runs_.front().count - index_; }
    [[nodiscard]] std::uint64_t stride() const { return runs_.front().stride; }
    // Moves on by 1 .. left() pieces.
    void skip(std::uint64_t pieces) {
        index_ += pieces;
        if (index_ < runs_.front().count) return;
        index_ = 0;
        runs_ = runs_.subspan(1);
    }

    // Moves on by the pieces of `run`, of whose bytes `within` are done in the piece here: as many
    // pieces of this list, or bytes of one.
    void move(const Run& run, std::uint64_t& within) {
        if (run.length == length() && within == 0) return skip(run.count);
        within += run.length * run.count;
        if (within < length()) return;
        within = 0;
        skip(1);
    }

  private:
    std::span<const Run> runs_;
    std::uint64_t index_ = 0;
};

bool starts_earlier(const Cursor& a, const Cursor& b) {
    return a.start() < b.start();
}

// Ranges that grow together from pieces in ascending order.
class Union {
  public:
    explicit Union(std::vector<Range>& out) : out_(out) { out.clear(); }

    void add(std::uint64_t start, std::uint64_t end) {
        if (!out_.empty() && start <= out_.back().end)
            out_.back().end = std::max(out_.back().end, end);
        else
            out_.push_back({start, end});
    }

  private:
    std::vector<Range>& out_;
};

// Takes as many whole periods as all lists keep to: the pieces that start within one stride of the
// first form a period. The last piece of a run stays: more pieces of its list may follow in the
// same period. Returns whether it took any; `cursors` are in any order then.
bool take_periods(std::vector<Cursor>& cursors, Union& out) {
    const std::uint64_t start = cursors.front().start();
    const std::uint64_t stride = cursors.front().stride();
    std::uint64_t periods = cursors.front().left() - 1;
    if (periods < 2) return false;
    std::vector<Range> pieces;
    for (const Cursor& cursor : cursors) {
        if (cursor.start() - start >= stride) {  // not in the period: it must not be reached
            periods = std::min(periods, (cursor.start() - start) / stride);
            continue;
        }
        periods = std::min(periods, cursor.left() - 1);
        if (periods < 2 || cursor.stride() != stride || cursor.end() - start > stride) return false;
        pieces.push_back({cursor.start() - start, cursor.end() - start});
    }
    if (periods < 2) return false;
    std::sort(pieces.begin(), pieces.end(),
              [](const Range& a, const Range& b) { return a.start < b.start; });
    std::vector<Range> period;
    Union joined(period);
    for (const Range& piece : pieces)
        joined.add(piece.start, piece.end);
    if (period.size() == 1 && period[0].end == stride) {
        out.add(start, start + periods * stride);
    } else {
        for (std::uint64_t i = 0; i < periods; ++i)
            for (const Range& range : period)
                out.add(start + i * stride + range.start, start + i * stride + range.end);
    }
    for (Cursor& cursor : cursors)
        if (cursor.start() - start < stride) cursor.skip(periods);
    return true;
}

// Moves the first of a heap, whose key has grown, to its place.
void sink(std::vector<Cursor>& heap) {
    std::size_t hole = 0;
    for (;;) {
        std::size_t child = 2 * hole + 1;
        if (child >= heap.size()) return;
        if (child + 1 < heap.size() && heap[child + 1].start() < heap[child].start()) ++child;
        if (heap[hole].start() <= heap[child].start()) return;
        std::swap(heap[hole], heap[child]);
        hole = child;
    }
}

}  // namespace

void scatter(std::span<const Run> runs, std::uintptr_t base, std::span<const std::byte> packed) {
    walk(runs, packed.size(), [&](const Run& run, std::uint64_t at) {
        spread_pieces(memory_at(base + run.start), signed_of(run.stride), packed.data() + at,
                      run.length, run.count);
    });
}

void gather(std::span<const Run> runs, std::uintptr_t base, std::span<std::byte> packed) {
    walk(runs, packed.size(), [&](const Run& run, std::uint64_t at) {
        gather_pieces(packed.data() + at, memory_at(base + run.start), signed_of(run.stride),
                      run.length, run.count);
    });
}

void copy_pieces(std::span<const Run> from, std::uintptr_t from_base, std::span<const Run> to,
                 std::uintptr_t to_base, std::uint64_t bytes) {
    Cursor source(from);
    Cursor target(to);
    std::uint64_t in_source = 0;  // bytes of its piece that are done
    std::uint64_t in_target = 0;
    while (bytes > 0) {
        const std::uint64_t source_left = std::min(source.length() - in_source, bytes);
        const std::uint64_t target_left = std::min(target.length() - in_target, bytes);
        const std::uintptr_t there = to_base + target.start() + in_target;
        const std::uintptr_t here = from_base + source.start() + in_source;
        // Whole pieces of one side that lie in one of the other are done together.
        const bool spread = in_target == 0 && target_left == target.length();
        const bool gathered = in_source == 0 && source_left == source.length();
        Run run{0, std::min(source_left, target_left), 0, 1};
        if (spread && target.length() <= source_left) {
            run.count = std::min(target.left(), source_left / target.length());
            run.stride = target.stride();
            spread_pieces(memory_at(there), signed_of(run.stride), memory_at(here), run.length,
                          run.count);
        } else if (gathered && source.length() <= target_left) {
            run.count = std::min(source.left(), target_left / source.length());
            run.stride = source.stride();
            gather_pieces(memory_at(there), memory_at(here), signed_of(run.stride), run.length,
                          run.count);
        } else {
            std::memcpy(memory_at(there), memory_at(here), run.length);
        }
        bytes -= run.length * run.count;
        source.move(run, in_source);
        target.move(run, in_target);
    }
}

void encode(std::span<const Run> runs, std::vector<std::byte>& out) {
    std::uint64_t end = 0;
    for (const Run& run : runs) {
        put(run.start - end, out);
        put(run.length << 1 | (run.count > 1 ? 1 : 0), out);
        if (run.count > 1) {
            put(run.stride - run.length, out);
            put(run.count, out);
        }
        end = end_of(run);
    }
}

bool decode(std::span<const std::byte> in, std::uint64_t limit, std::uint64_t bytes,
            std::vector<Run>& out) {
    std::uint64_t end = 0;
    std::uint64_t sum = 0;
    out.clear();
    while (!in.empty()) {
        Run run{};
        if (!get_run(in, limit - end, run)) {
            out.clear();
            return false;
        }
        run.start += end;
        end = end_of(run);
        sum += run.length * run.count;
        out.push_back(run);
    }
    if (sum != bytes) out.clear();
    return sum == bytes;
}

std::uint64_t bytes_below(std::span<const Run> runs, std::uint64_t limit) {
    std::uint64_t bytes = 0;
    for (const Run& run : runs) {
        if (run.start >= limit) break;
        const std::uint64_t begun =
            run.count == 1 ? 1 : std::min(run.count, (limit - run.start - 1) / run.stride + 1);
        const std::uint64_t last = run.start + (begun - 1) * run.stride;
        bytes += (begun - 1) * run.length + std::min(run.length, limit - last);
    }
    return bytes;
}

void unite(std::span<const std::span<const Run>> lists, std::vector<Range>& out) {
    constexpr std::uint64_t kLeastWait = 4;
    constexpr std::uint64_t kMostWait = 1024;
    std::vector<Cursor> heap;
    Union ranges(out);
    for (const auto& list : lists)
        if (!list.empty()) heap.emplace_back(list);
    std::sort(heap.begin(), heap.end(), starts_earlier);
    // Pieces until periods are looked for again: longer after each time that there were none.
    std::uint64_t wait = 0;
    std::uint64_t next_wait = kLeastWait;
    while (!heap.empty()) {
        if (wait == 0 && take_periods(heap, ranges)) {
            std::erase_if(heap, [](const Cursor& cursor) { return cursor.at_end(); });
            std::sort(heap.begin(), heap.end(), starts_earlier);
            next_wait = kLeastWait;
            continue;
        }
        if (wait-- == 0) {
            wait = next_wait;
            next_wait = std::min(2 * next_wait, kMostWait);
        }
        ranges.add(heap.front().start(), heap.front().end());
        heap.front().skip(1);
        if (heap.front().at_end()) {
            heap.front() = heap.back();
            heap.pop_back();
        }
        sink(heap);
    }
}

}  // namespace orfa::collective

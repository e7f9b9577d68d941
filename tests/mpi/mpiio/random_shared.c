/* SPDX-License-Identifier: MIT */
/* Random accesses by the shared file pointer, in the order of ranks, and in atomic mode, against a
 * model in memory. All ranks have one view, as MPI asks; what they write has no order but the one
 * the test is about, so it looks for an order that explains what it finds.
 *
 *     random_shared FILE [--seeds=20] [--first=1] [--steps=8]
 *
 * A failure names its seed: `--first=SEED --seeds=1` repeats it.
 */
#include "random_draws.h"

enum { kFileMost = 1 << 18, kMaxRanks = 8, kMostCalls = 2, kMostBytes = 48000 };

/* A rank's part of a step. */
typedef struct Part {
    Typed buffer;
    int count, total; /* instances of the type, and bytes, of one call */
    int low, high;    /* the bytes that instances of the type lie in */
    int offset;       /* atomic mode: bytes of the view */
} Part;

enum { kShared, kNonblocking, kOrdered, kOrderedSplit, kAtomic, kAtomicAll, kKinds };

static unsigned char model[kFileMost];
static long long model_size;

/* The view in force, and the shared pointer, in bytes of it. */
static Typed view;
static int displacement;
static long long pointer;

static long long in_file(long long i) {
    return displacement + typed_place(&view, (int)i);
}

/* ---- Drawing ------------------------------------------------------------------------------- */

static void draw_view(MPI_File file, int basic) {
    Typed inner = random_type(basic, 1);
    const int end = inner.at[inner.count - 1] + 1;

    view = typed_resized(&inner, 0, end + pick(0, 20) * kBasicSizes[basic]);
    typed_free(&inner);
    displacement = pick(0, 3000);
    pointer = 0;
    OK(MPI_File_set_view(file, displacement, kBasics[basic], view.type, "native", MPI_INFO_NULL));
}

/* Bytes of the view that the test's file has room for. */
static int room(void) {
    const int bytes = ((kFileMost - displacement) / view.extent - 1) * view.count;

    return bytes < kMostBytes ? bytes : kMostBytes;
}

static void draw_part(Part* part, int basic, int most, int large) {
    part->buffer = random_type(basic, 0);
    part->count = pick(0, large ? most / part->buffer.count : 3);
    if (part->buffer.count * part->count > most) part->count = 0;
    part->total = part->buffer.count * part->count;
    part->offset = pick(0, (most - part->total) / kBasicSizes[basic] / 8) * kBasicSizes[basic];
    part->low = part->high = 0;
    for (int i = 0; i < part->total; i++) {
        const int at = (int)typed_place(&part->buffer, i);
        if (at < part->low) part->low = at;
        if (at >= part->high) part->high = at + 1;
    }
}

/* Somewhere between the start and a little behind the end of the file, by any of the three ways. */
static void seek(MPI_File file, int etype_size, int most) {
    MPI_Offset position = -1;
    const long long target = (long long)pick(0, most / etype_size) * etype_size;

    if (pick(0, 1)) {
        OK(MPI_File_seek_shared(file, target / etype_size, MPI_SEEK_SET));
    } else {
        OK(MPI_File_seek_shared(file, (target - pointer) / etype_size, MPI_SEEK_CUR));
    }
    pointer = target;
    OK(MPI_File_get_position_shared(file, &position));
    if (position != pointer / etype_size) complain("position after seek", -1, 0, position);
    MPI_Barrier(MPI_COMM_WORLD); /* before anybody moves it */
}

/* ---- Doing it ------------------------------------------------------------------------------ */

static void run_ordered(MPI_File file, int writing, int split, void* data, const Part* part,
                        MPI_Status* status) {
    const MPI_Datatype type = part->buffer.type;

    if (split && writing) {
        OK(MPI_File_write_ordered_begin(file, data, part->count, type));
        OK(MPI_File_write_ordered_end(file, data, status));
    } else if (split) {
        OK(MPI_File_read_ordered_begin(file, data, part->count, type));
        OK(MPI_File_read_ordered_end(file, data, status));
    } else if (writing) {
        OK(MPI_File_write_ordered(file, data, part->count, type, status));
    } else {
        OK(MPI_File_read_ordered(file, data, part->count, type, status));
    }
}

static void run_atomic(MPI_File file, int all, int etype_size, void* data, const Part* part,
                       MPI_Status* status) {
    const MPI_Offset etypes = part->offset / etype_size;

    if (all)
        OK(MPI_File_write_at_all(file, etypes, data, part->count, part->buffer.type, status));
    else
        OK(MPI_File_write_at(file, etypes, data, part->count, part->buffer.type, status));
}

/* The calls of this rank; `data[c]` is the address that call c's type is relative to. */
static void run(MPI_File file, int writing, int kind, int calls, int etype_size,
                unsigned char** data, const Part* part, MPI_Count* moved) {
    MPI_Request requests[kMostCalls];
    MPI_Status statuses[kMostCalls];
    const int n = part->count;
    const MPI_Datatype type = part->buffer.type;

    for (int c = 0; c < calls; c++) {
        if (kind == kShared && writing)
            OK(MPI_File_write_shared(file, data[c], n, type, &statuses[c]));
        else if (kind == kShared)
            OK(MPI_File_read_shared(file, data[c], n, type, &statuses[c]));
        else if (kind == kNonblocking && writing)
            OK(MPI_File_iwrite_shared(file, data[c], n, type, &requests[c]));
        else if (kind == kNonblocking)
            OK(MPI_File_iread_shared(file, data[c], n, type, &requests[c]));
        else if (kind == kOrdered || kind == kOrderedSplit)
            run_ordered(file, writing, kind == kOrderedSplit, data[c], part, &statuses[c]);
        else
            run_atomic(file, kind == kAtomicAll, etype_size, data[c], part, &statuses[c]);
    }
    if (kind == kNonblocking) OK(MPI_Waitall(calls, requests, statuses));
    for (int c = 0; c < calls; c++)
        moved[c] = test_bytes(&statuses[c]);
}

/* ---- What one call saw or wrote ------------------------------------------------------------ */

/* By rank and call, in the order of the type: `bytes` of them were moved. */
typedef struct Seen {
    int bytes;
    unsigned char data[kMostBytes];
} Seen;

static Seen seen[kMaxRanks][kMostCalls];

/* Takes what this rank read out of its memory; what was not read must be untouched. */
static void take(const Part* part, int call, const unsigned char* data, MPI_Count moved) {
    Seen* mine = &seen[test_rank][call];

    mine->bytes = (int)moved;
    for (int i = 0; i < part->total; i++) {
        const unsigned char byte = data[typed_place(&part->buffer, i)];
        if (i < moved)
            mine->data[i] = byte;
        else if (byte != 0xEE)
            complain("a byte behind the end was changed", -1, 0, i);
    }
}

static void tell_all(void) {
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, seen, (int)sizeof(seen[0]), MPI_BYTE,
                  MPI_COMM_WORLD);
}

/* Whether rank `rank`'s call can have been the one at byte `start` of the view. `file` holds what
 * is there. */
static int fits(const unsigned char* file, long long size, long long start, const Seen* what,
                int total) {
    int there = 0;

    while (there < total && in_file(start + there) < size) {
        if (there < what->bytes && file[in_file(start + there)] != what->data[there]) return 0;
        there++;
    }
    return there == what->bytes;
}

/* Whether some order of all calls, each rank's in its own order, explains what is there from
 * `start` on. */
static int explained(const Part* parts, int calls, int* done, long long start,
                     const unsigned char* file, long long size) {
    int left = 0;

    for (int r = 0; r < test_ranks; r++) {
        if (done[r] == calls) continue;
        left = 1;
        if (!fits(file, size, start, &seen[r][done[r]], parts[r].total)) continue;
        done[r]++;
        if (explained(parts, calls, done, start + parts[r].total, file, size)) return 1;
        done[r]--;
        if (parts[r].total == 0) return 0; /* an empty call fits everywhere: no other will help */
    }
    return !left;
}

static int explained_in_order(const Part* parts, int calls, long long start,
                              const unsigned char* file, long long size) {
    for (int c = 0; c < calls; c++)
        for (int r = 0; r < test_ranks; r++) {
            if (!fits(file, size, start, &seen[r][c], parts[r].total)) return 0;
            start += parts[r].total;
        }
    return 1;
}

/* ---- Atomic mode --------------------------------------------------------------------------- */

/* before[a] has bit b: rank a's access was before rank b's. */
static unsigned before[kMaxRanks];

/* Of the ranks that wrote a byte the last one won: all others came before it. */
static void note_winner(const Part* parts, long long at, unsigned char byte) {
    unsigned writers = 0, winners = 0;

    for (int r = 0; r < test_ranks; r++) {
        const long long i = at - parts[r].offset;
        if (i < 0 || i >= parts[r].total) continue;
        writers |= 1U << r;
        if (value(r, 0, (int)i) == byte) winners |= 1U << r;
    }
    if (writers != 0 && winners == 0) complain("a byte that nobody wrote", kAtomic, 1, at);
    if (winners == 0 || (winners & (winners - 1)) != 0) return; /* two wrote the same there */
    for (int r = 0; r < test_ranks; r++)
        if ((writers & ~winners) & 1U << r) before[r] |= winners;
}

/* Whether no rank came before itself. */
static int is_an_order(void) {
    for (int k = 0; k < test_ranks; k++)
        for (int r = 0; r < test_ranks; r++)
            if (before[r] & 1U << k) before[r] |= before[k];
    for (int r = 0; r < test_ranks; r++)
        if (before[r] & 1U << r) return 0;
    return 1;
}

static void check_atomic(const Part* parts, int kind, const unsigned char* file) {
    memset(before, 0, sizeof(before));
    for (int at = 0; at < room(); at++)
        note_winner(parts, at, file[in_file(at)]);
    if (!is_an_order()) complain("a mixture of several accesses", kind, 1, 0);
}

/* ---- A step -------------------------------------------------------------------------------- */

/* The file as it is now; its size. */
static long long read_file(unsigned char* bytes) {
    MPI_File other;
    MPI_Status status;

    memset(bytes, 0, kFileMost);
    OK(MPI_File_open(MPI_COMM_SELF, test_file, MPI_MODE_RDONLY, MPI_INFO_NULL, &other));
    OK(MPI_File_read_at(other, 0, bytes, kFileMost, MPI_BYTE, &status));
    OK(MPI_File_close(&other));
    return test_bytes(&status);
}

/* Marks what a write may have changed, and returns the size that the file must have then. */
static long long mark_written(const Part* parts, int kind, long long end, unsigned char* written) {
    long long size = model_size;

    memset(written, 0, kFileMost);
    for (long long i = pointer; i < end; i++)
        written[in_file(i)] = 1;
    for (int r = 0; r < test_ranks && kind >= kAtomic; r++)
        for (int i = 0; i < parts[r].total; i++)
            written[in_file(parts[r].offset + i)] = 1;
    for (long long at = model_size; at < kFileMost; at++)
        if (written[at]) size = at + 1;
    return size;
}

static void check(const Part* parts, int writing, int kind, int calls) {
    static unsigned char now[kFileMost], written[kFileMost];
    int done[kMaxRanks] = {0};
    const long long size = read_file(now);
    long long end = pointer, expected = model_size;
    int ok = 1;

    for (int r = 0; r < test_ranks && kind < kAtomic; r++)
        end += (long long)calls * parts[r].total;
    memset(written, 0, sizeof(written));
    if (writing) expected = mark_written(parts, kind, end, written);
    if (size != expected) complain("size", kind, writing, size);
    for (int i = 0; i < kFileMost; i++) {
        if (written[i] || now[i] == model[i]) continue;
        complain("a byte that nobody wrote has changed", kind, writing, i);
        break;
    }
    if (kind >= kAtomic)
        check_atomic(parts, kind, now);
    else if (kind == kOrdered || kind == kOrderedSplit)
        ok = explained_in_order(parts, calls, pointer, now, size);
    else
        ok = explained(parts, calls, done, pointer, now, size);
    if (!ok) complain("no order of the calls explains this", kind, writing, pointer);
    pointer = end;
    memcpy(model, now, kFileMost);
    model_size = size;
}

static void step(MPI_File file) {
    static Part parts[kMaxRanks];
    const int kind = pick(0, kKinds - 1), basic = pick(0, 2);
    const int writing = kind >= kAtomic || pick(0, 2) != 0 || step_now == 0;
    const int calls = kind >= kAtomic ? 1 : pick(1, kMostCalls);
    const int etype_size = kBasicSizes[basic];
    unsigned char* data[kMostCalls];
    MPI_Count moved[kMostCalls];
    MPI_Offset position = -1;

    draw_view(file, basic);
    const int large = kind >= kAtomic, together = large ? 1 : 2 * calls * test_ranks + 1;
    int most = room() / together / etype_size * etype_size;
    if (most > kMostBytes) most = kMostBytes;
    for (int r = 0; r < test_ranks; r++)
        draw_part(&parts[r], basic, most, large);
    const Part* mine = &parts[test_rank];
    for (int c = 0; c < calls; c++)
        data[c] = new_data(&mine->buffer, mine->total, mine->low, mine->high, c, writing);
    if (pick(0, 1)) seek(file, etype_size, most);
    if (kind >= kAtomic) OK(MPI_File_set_atomicity(file, 1));
    MPI_Barrier(MPI_COMM_WORLD); /* so that they meet */
    run(file, writing, kind, calls, etype_size, data, mine, moved);
    if (kind >= kAtomic) OK(MPI_File_set_atomicity(file, 0));
    for (int c = 0; c < calls; c++) {
        if (writing && moved[c] != mine->total) complain("count", kind, 1, moved[c]);
        take(mine, c, data[c], moved[c]);
        free(data[c] + mine->low);
    }
    test_settle(file);
    tell_all();
    check(parts, writing, kind, calls);
    OK(MPI_File_get_position_shared(file, &position));
    if (position != pointer / etype_size) complain("shared pointer", kind, writing, position);
    for (int r = 0; r < test_ranks; r++)
        typed_free(&parts[r].buffer);
    typed_free(&view);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void one_seed(int steps) {
    MPI_Info hints = random_hints();
    MPI_File file = test_create(hints);

    MPI_Info_free(&hints);
    memset(model, 0, sizeof(model));
    model_size = 0;
    for (step_now = 0; step_now < steps; step_now++)
        step(file);
    test_close_and_remove(&file);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    if (test_ranks > kMaxRanks) return test_skip("at most 8 ranks");
    run_seeds(argc, argv, one_seed);
    return test_end("random_shared");
}

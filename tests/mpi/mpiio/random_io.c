/* SPDX-License-Identifier: MIT */
/* Random accesses against a model in memory: random datatypes up to 3 levels deep in memory and in
 * the file, random views, every kind of call, reads beyond the end of the file, hints that choose
 * and bound the way of collective calls, the same or others on each rank.
 *
 *     random_io FILE [--seeds=20] [--first=1] [--steps=8] [--collective=WAY]
 *
 * --collective=generic (any WAY): that way in place of the drawn ones, in a file of full size, as
 * ROMIO's own collective reads count wrongly where a file ends.
 *
 * All ranks draw the same numbers, so each knows what every other one does, and keeps the whole
 * model. A failure names its seed: `--first=SEED --seeds=1` repeats it.
 */
#include "random_draws.h"

enum { kFileMost = 1 << 19, kMaxRanks = 16, kMostCalls = 3 };

typedef struct Access {
    Typed view, buffer;
    int displacement, offset; /* bytes; bytes of the view */
    int count, total;         /* instances of the buffer's type and bytes, of one call */
    int low, high;            /* the bytes that instances of the buffer's type lie in */
} Access;

enum { kAt, kPointer, kAtAll, kPointerAll, kIAt, kIPointer, kIAtAll, kIPointerAll, kSplit, kKinds };

static unsigned char model[kFileMost];
static long long model_size;
static const char* only_way; /* NULL: as drawn */

/* ---- One step: an access of every rank ----------------------------------------------------- */

/* The part of the file that rank `rank` sees: every `ranks`-th piece of `width` bytes, of which its
 * own `inner` type shows some. */
static Typed private_view(Typed* inner, int rank, int width) {
    Typed placed = typed_hindexed(inner, 1, (int[]){1}, (MPI_Aint[]){(MPI_Aint)rank * width});
    Typed view = typed_resized(&placed, 0, width * test_ranks);

    typed_free(&placed);
    typed_free(inner);
    return view;
}

static void draw_buffer(Access* access, int basic, int calls) {
    const int tiles = (kFileMost - access->displacement) / access->view.extent - 1;
    const int most = tiles * access->view.count;

    access->buffer = random_type(basic, 0);
    access->count = pick(1, 4);
    if (access->buffer.count * access->count * calls > most) {
        typed_free(&access->buffer);
        access->buffer = typed_basic(kBasics[basic], kBasicSizes[basic], 1);
        access->count = pick(0, 1);
    }
    if (pick(0, 9) == 0) access->count = 0;
    access->total = access->buffer.count * access->count;
    access->offset =
        pick(0, (most - access->total * calls) / kBasicSizes[basic] / (pick(0, 1) ? 1 : 8)) *
        kBasicSizes[basic];
    access->low = access->high = 0;
    for (int i = 0; i < access->total; i++) {
        const int at = (int)typed_place(&access->buffer, i);
        if (at < access->low) access->low = at;
        if (at >= access->high) access->high = at + 1;
    }
}

static void draw_step(Access* accesses, int basic, int calls) {
    Typed inner[kMaxRanks];
    int width = 1;
    const int displacement = pick(0, 3000);

    for (int r = 0; r < test_ranks; r++) {
        inner[r] = random_type(basic, 1);
        const int end = inner[r].at[inner[r].count - 1] + 1; /* may lie behind the upper bound */
        if (end > width) width = end;
    }
    for (int r = 0; r < test_ranks; r++) {
        accesses[r] = (Access){.displacement = displacement};
        accesses[r].view = private_view(&inner[r], r, width);
        draw_buffer(&accesses[r], basic, calls);
    }
}

/* Where byte `i` of call `call` lies in the file. */
static long long in_file(const Access* access, int call, int i) {
    return access->displacement +
           typed_place(&access->view, access->offset + call * access->total + i);
}

/* ---- Doing it ------------------------------------------------------------------------------ */

static int run_blocking(MPI_File file, int writing, int kind, MPI_Offset etypes, void* data,
                        const Access* access, MPI_Status* status) {
    const int n = access->count;
    const MPI_Datatype type = access->buffer.type;

    switch (kind) {
        case kAt:
            return writing ? MPI_File_write_at(file, etypes, data, n, type, status)
                           : MPI_File_read_at(file, etypes, data, n, type, status);
        case kAtAll:
            return writing ? MPI_File_write_at_all(file, etypes, data, n, type, status)
                           : MPI_File_read_at_all(file, etypes, data, n, type, status);
        case kPointer:
            return writing ? MPI_File_write(file, data, n, type, status)
                           : MPI_File_read(file, data, n, type, status);
        case kPointerAll:
            return writing ? MPI_File_write_all(file, data, n, type, status)
                           : MPI_File_read_all(file, data, n, type, status);
        default:
            if (writing) {
                OK(MPI_File_write_at_all_begin(file, etypes, data, n, type));
                return MPI_File_write_at_all_end(file, data, status);
            }
            OK(MPI_File_read_at_all_begin(file, etypes, data, n, type));
            return MPI_File_read_at_all_end(file, data, status);
    }
}

static int run_nonblocking(MPI_File file, int writing, int kind, MPI_Offset etypes, void* data,
                           const Access* access, MPI_Request* request) {
    const int n = access->count;
    const MPI_Datatype type = access->buffer.type;

    switch (kind) {
        case kIAt:
            return writing ? MPI_File_iwrite_at(file, etypes, data, n, type, request)
                           : MPI_File_iread_at(file, etypes, data, n, type, request);
        case kIAtAll:
            return writing ? MPI_File_iwrite_at_all(file, etypes, data, n, type, request)
                           : MPI_File_iread_at_all(file, etypes, data, n, type, request);
        case kIPointer:
            return writing ? MPI_File_iwrite(file, data, n, type, request)
                           : MPI_File_iread(file, data, n, type, request);
        default:
            return writing ? MPI_File_iwrite_all(file, data, n, type, request)
                           : MPI_File_iread_all(file, data, n, type, request);
    }
}

static int uses_pointer(int kind) {
    return kind == kPointer || kind == kPointerAll || kind == kIPointer || kind == kIPointerAll;
}

/* The calls of this rank; `data[c]` is the address that call c's type is relative to. */
static void run(MPI_File file, int writing, int kind, const Access* access, int calls,
                int etype_size, unsigned char** data, MPI_Count* moved) {
    MPI_Request requests[kMostCalls];
    MPI_Status statuses[kMostCalls];
    MPI_Offset position = -1;
    const int nonblocking = kind >= kIAt && kind <= kIPointerAll;

    if (uses_pointer(kind)) OK(MPI_File_seek(file, access->offset / etype_size, MPI_SEEK_SET));
    for (int c = 0; c < calls; c++) {
        const MPI_Offset etypes = (access->offset + c * access->total) / etype_size;
        if (nonblocking)
            OK(run_nonblocking(file, writing, kind, etypes, data[c], access, &requests[c]));
        else
            OK(run_blocking(file, writing, kind, etypes, data[c], access, &statuses[c]));
    }
    if (nonblocking) OK(MPI_Waitall(calls, requests, statuses));
    for (int c = 0; c < calls; c++)
        moved[c] = test_bytes(&statuses[c]);
    if (!uses_pointer(kind)) return;
    OK(MPI_File_get_position(file, &position));
    if (position != (access->offset + calls * access->total) / etype_size)
        complain("file pointer", kind, writing, position);
}

static void check_read(const Access* access, int call, int kind, MPI_Count moved,
                       const unsigned char* memory) {
    const int span = access->high - access->low;
    unsigned char* expected = malloc((size_t)span + 1);
    int there = 0;

    memset(expected, 0xEE, (size_t)span + 1);
    while (there < access->total && in_file(access, call, there) < model_size) {
        expected[typed_place(&access->buffer, there) - access->low] =
            model[in_file(access, call, there)];
        there++;
    }
    if (moved != there) complain("count", kind, 0, moved);
    for (int i = 0; i < span; i++) {
        if (memory[i] == expected[i]) continue;
        complain("wrong byte in the buffer", kind, 0, i);
        break;
    }
    free(expected);
}

static void apply_writes(const Access* accesses, int calls) {
    for (int r = 0; r < test_ranks; r++)
        for (int c = 0; c < calls; c++)
            for (int i = 0; i < accesses[r].total; i++) {
                const long long at = in_file(&accesses[r], c, i);
                model[at] = value(r, c, i);
                if (at >= model_size) model_size = at + 1;
            }
}

static MPI_Info drawn_hints(void) {
    MPI_Info hints = random_hints();

    if (only_way != NULL) MPI_Info_set(hints, "orfa_collective", only_way);
    return hints;
}

static void step(MPI_File file) {
    static Access accesses[kMaxRanks];
    const int writing = pick(0, 2) != 0 || step_now == 0, kind = pick(0, kKinds - 1);
    const int basic = pick(0, 2), calls = pick(1, kMostCalls);
    unsigned char* data[kMostCalls];
    MPI_Count moved[kMostCalls];
    MPI_Offset byte = -1;
    MPI_Info hints = MPI_INFO_NULL;

    if (pick(0, 2) == 0) hints = drawn_hints();
    draw_step(accesses, basic, calls);
    const Access* mine = &accesses[test_rank];
    for (int c = 0; c < calls; c++)
        data[c] = new_data(&mine->buffer, mine->total, mine->low, mine->high, c, writing);
    OK(MPI_File_set_view(file, mine->displacement, kBasics[basic], mine->view.type, "native",
                         hints));
    if (hints != MPI_INFO_NULL) MPI_Info_free(&hints);
    OK(MPI_File_get_byte_offset(file, mine->offset / kBasicSizes[basic], &byte));
    if (byte != in_file(mine, 0, 0)) complain("byte offset", kind, writing, byte);
    run(file, writing, kind, mine, calls, kBasicSizes[basic], data, moved);
    for (int c = 0; c < calls; c++) {
        if (writing && moved[c] != mine->total) complain("count", kind, 1, moved[c]);
        if (!writing) check_read(mine, c, kind, moved[c], data[c] + mine->low);
        free(data[c] + mine->low);
    }
    if (writing) apply_writes(accesses, calls);
    for (int r = 0; r < test_ranks; r++) {
        typed_free(&accesses[r].view);
        typed_free(&accesses[r].buffer);
    }
    test_settle(file);
}

static void one_seed(int steps) {
    static unsigned char back[kFileMost];
    MPI_Offset size = -1;
    MPI_Status status;

    MPI_Info hints = drawn_hints();
    MPI_File file = test_create(hints);
    MPI_Info_free(&hints);
    memset(model, 0, sizeof(model));
    model_size = only_way != NULL ? kFileMost : 0;
    if (only_way != NULL) OK(MPI_File_set_size(file, kFileMost));
    for (step_now = 0; step_now < steps; step_now++)
        step(file);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    OK(MPI_File_get_size(file, &size));
    if (size != model_size) complain("size", -1, 0, size);
    OK(MPI_File_read_at(file, 0, back, kFileMost, MPI_BYTE, &status));
    if (test_bytes(&status) != model_size) complain("count of all", -1, 0, test_bytes(&status));
    for (long long i = 0; i < model_size; i++) {
        if (back[i] == model[i]) continue;
        complain("wrong byte in the file", -1, 0, i);
        break;
    }
    MPI_Barrier(MPI_COMM_WORLD);
    test_close_and_remove(&file);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    if (test_ranks > kMaxRanks) return test_skip("at most 16 ranks");
    only_way = test_option(argc, argv, "--collective");
    run_seeds(argc, argv, one_seed);
    return test_end("random_io");
}

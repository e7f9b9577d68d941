/* SPDX-License-Identifier: MIT */
/* What a view shows, and what a buffer's datatype holds, comes in the order of MPI_Pack(), for
 * large regular types nested up to 4 levels deep: random vectors, subarrays up to 4 dimensions,
 * darrays, regular and irregular index lists, resized types. One rank.
 *
 *     pack_order FILE [--seeds=60] [--first=1]
 */
#include "random_draws.h"

enum { kMost = 1 << 20, kSpace = 3 << 20 }; /* bytes of a type; of memory, and of the file */

static int least(int a, int b) {
    return a < b ? a : b;
}

static MPI_Datatype array_of(MPI_Datatype part) {
    int sizes[4], subsizes[4], starts[4];
    MPI_Datatype type;
    const int dimensions = pick(1, 4), order = pick(0, 1) ? MPI_ORDER_C : MPI_ORDER_FORTRAN;

    for (int i = 0; i < dimensions; i++) {
        sizes[i] = pick(1, 12);
        subsizes[i] = pick(1, sizes[i]);
        starts[i] = pick(0, sizes[i] - subsizes[i]);
    }
    MPI_Type_create_subarray(dimensions, sizes, subsizes, starts, order, part, &type);
    return type;
}

static MPI_Datatype darray_of(MPI_Datatype part) {
    static const int all_kinds[] = {MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_CYCLIC};
    int sizes[3], kinds[3], arguments[3], grid[3], processes = 1;
    MPI_Datatype type;
    const int dimensions = pick(1, 3), order = pick(0, 1) ? MPI_ORDER_C : MPI_ORDER_FORTRAN;

    for (int i = 0; i < dimensions; i++) {
        grid[i] = pick(1, 3);
        sizes[i] = pick(2 * grid[i], 24);
        kinds[i] = all_kinds[pick(0, 1)];
        arguments[i] = MPI_DISTRIBUTE_DFLT_DARG;
        if (kinds[i] == MPI_DISTRIBUTE_CYCLIC) arguments[i] = pick(1, sizes[i] / grid[i]);
        processes *= grid[i];
    }
    MPI_Type_create_darray(processes, pick(0, processes - 1), dimensions, sizes, kinds, arguments,
                           grid, order, part, &type);
    return type;
}

static MPI_Datatype indexed_of(MPI_Datatype part) {
    int places[20];
    const int count = pick(1, 20), length = pick(1, 3), regular = pick(0, 1);
    MPI_Datatype type;

    for (int i = 0, next = pick(0, 3); i < count; i++) {
        places[i] = next;
        next += length + (regular ? 2 : pick(0, 4));
    }
    MPI_Type_create_indexed_block(count, length, places, part, &type);
    return type;
}

static MPI_Datatype resized_of(MPI_Datatype part) {
    MPI_Aint lb, extent;
    MPI_Datatype type;

    MPI_Type_get_extent(part, &lb, &extent);
    MPI_Type_create_resized(part, lb, extent + pick(0, 3) * 16, &type);
    return type;
}

/* One more level around `part`, ascending if `part` is. */
static MPI_Datatype around(MPI_Datatype part) {
    const int count = pick(1, 40), length = pick(1, 3);
    MPI_Datatype type;
    MPI_Aint lb, extent;

    MPI_Type_get_extent(part, &lb, &extent);
    switch (pick(0, 6)) {
        case 0:
            MPI_Type_contiguous(pick(1, 6), part, &type);
            return type;
        case 1:
            MPI_Type_vector(count, length, length + pick(0, 4), part, &type);
            return type;
        case 2:
            MPI_Type_create_hvector(count, length, length * extent + 8 * pick(0, 100), part, &type);
            return type;
        case 3:
            return array_of(part);
        case 4:
            return darray_of(part);
        case 5:
            return indexed_of(part);
        default:
            return resized_of(part);
    }
}

static MPI_Datatype draw_type(void) {
    MPI_Datatype type;

    Typed start = random_type(pick(0, 2), 1);
    if (start.at[0] >= 0 && start.at[start.count - 1] < start.lb + start.extent && pick(0, 1))
        MPI_Type_dup(start.type, &type);
    else
        MPI_Type_contiguous(pick(1, 40), pick(0, 1) ? MPI_BYTE : MPI_INT, &type);
    typed_free(&start);
    for (int depth = pick(1, 4); depth > 0; depth--) {
        MPI_Datatype outer = around(type);
        MPI_Aint lb, extent;
        int size;
        MPI_Type_size(outer, &size);
        MPI_Type_get_extent(outer, &lb, &extent);
        if (size == 0 || lb + extent > kMost) {
            MPI_Type_free(&outer);
            continue;
        }
        MPI_Type_free(&type);
        type = outer;
    }
    MPI_Type_commit(&type);
    return type;
}

/* Instances of `type` that fit the space. */
static int instances(MPI_Datatype type) {
    MPI_Aint lb, extent, true_lb, true_extent;

    MPI_Type_get_extent(type, &lb, &extent);
    MPI_Type_get_true_extent(type, &true_lb, &true_extent);
    return extent <= 0 ? 1 : (int)((kSpace - true_lb - true_extent) / extent) + 1;
}

static void pack(const unsigned char* from, int count, MPI_Datatype type, unsigned char* packed,
                 int bytes) {
    int position = 0;

    MPI_Pack(from, count, type, packed, bytes, &position, MPI_COMM_SELF);
    CHECK(position == bytes);
}

static void fill(unsigned char* data, int bytes, int salt) {
    for (int i = 0; i < bytes; i++)
        data[i] = value(salt, 0, i);
}

static void expect_equal(const char* what, const unsigned char* got, const unsigned char* wanted,
                         int bytes) {
    for (int i = 0; i < bytes; i++) {
        if (got[i] == wanted[i]) continue;
        complain(what, -1, 0, i);
        return;
    }
}

/* Random bytes of the file through a view of `type`, from and to memory of type `memory_type`. */
static void one_seed(int unused) {
    static unsigned char file_bytes[kSpace], memory[kSpace], back[kSpace], want[kSpace],
        got[kSpace];
    MPI_Status status;
    MPI_Info info = random_hints();

    (void)unused;
    MPI_File file = test_create(info);
    MPI_Info_free(&info);
    MPI_Datatype view = draw_type(), type = draw_type();
    int view_size, type_size;
    MPI_Type_size(view, &view_size);
    MPI_Type_size(type, &type_size);
    const int views = least(instances(view), kSpace / view_size);
    const int shown = views * view_size; /* bytes of the view to use */
    const int most = least(least(instances(type), kSpace / type_size), shown / type_size);
    const int count = most > 0 ? pick(1, most) : 0, bytes = count * type_size;
    const int offset = pick(0, shown - bytes);

    fill(file_bytes, kSpace, 1);
    fill(memory, kSpace, 2);
    OK(MPI_File_write_at(file, 0, file_bytes, kSpace, MPI_BYTE, MPI_STATUS_IGNORE));
    OK(MPI_File_set_view(file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL));

    /* Reading the whole view gives what MPI_Pack makes of the file. */
    OK(MPI_File_read_at(file, 0, got, shown, MPI_BYTE, &status));
    CHECK(test_bytes(&status) == shown);
    pack(file_bytes, views, view, want, shown);
    expect_equal("reading a view", got, want, shown);

    /* Writing from a datatype puts what MPI_Pack makes of memory there. */
    OK(MPI_File_write_at(file, offset, memory, count, type, &status));
    CHECK(test_bytes(&status) == bytes);
    pack(memory, count, type, want + offset, bytes);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL));
    OK(MPI_File_read_at(file, 0, back, kSpace, MPI_BYTE, &status));
    pack(back, views, view, got, shown);
    expect_equal("writing through a view", got, want, shown);

    /* Nothing else has changed, in the file or, by reading it back, in memory. */
    int position = 0;
    MPI_Unpack(want, shown, &position, file_bytes, views, view, MPI_COMM_SELF);
    expect_equal("the file beside the view", back, file_bytes, kSpace);
    OK(MPI_File_set_view(file, 0, MPI_BYTE, view, "native", MPI_INFO_NULL));
    fill(back, kSpace, 3);
    fill(got, kSpace, 3);
    OK(MPI_File_read_at(file, offset, back, count, type, &status));
    CHECK(test_bytes(&status) == bytes);
    position = 0;
    MPI_Unpack(want + offset, bytes, &position, got, count, type, MPI_COMM_SELF);
    expect_equal("reading into a datatype", back, got, kSpace);

    MPI_Type_free(&view);
    MPI_Type_free(&type);
    test_close_and_remove(&file);
}

int main(int argc, char** argv) {
    test_start(&argc, &argv);
    run_seeds(argc, argv, one_seed);
    return test_end("pack_order");
}

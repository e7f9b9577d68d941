// SPDX-License-Identifier: MIT
// What it costs the MPI driver to look at a datatype for the first time, and to find a place in a
// view made of it. (Looking again is free: the flattened form stays with the datatype.) The
// argument is the number of pieces.
#include <benchmark/benchmark.h>
#include <mpi.h>

#include <random>
#include <vector>

// Of adio_orfa/ad_orfa.h, which needs ROMIO's headers.
struct AdOrfaFlat;
extern "C" const AdOrfaFlat* adio_orfa_flatten(MPI_Datatype type, AdOrfaFlat* scratch);
extern "C" MPI_Offset adio_orfa_bytes_before(const AdOrfaFlat* flat, MPI_Offset origin,
                                             MPI_Offset limit);

namespace orfa {
namespace {

// MPI from the first benchmark that needs it to the end of the program.
void need_mpi() {
    struct Mpi {
        Mpi() { MPI_Init(nullptr, nullptr); }
        ~Mpi() { MPI_Finalize(); }
        Mpi(const Mpi&) = delete;
        Mpi& operator=(const Mpi&) = delete;
    };
    static const Mpi mpi;
}

MPI_Datatype vector_of(int pieces) {
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_Type_vector(pieces, 2, 8, MPI_DOUBLE, &type);
    return type;
}

// A block of a cube: rows are the pieces.
MPI_Datatype subarray_of(int pieces) {
    MPI_Datatype type = MPI_DATATYPE_NULL;
    const int sizes[] = {pieces / 32 * 2, 64, 64};
    const int block[] = {pieces / 32, 32, 32};
    const int starts[] = {0, 32, 32};
    MPI_Type_create_subarray(3, sizes, block, starts, MPI_ORDER_C, MPI_INT, &type);
    return type;
}

MPI_Datatype irregular(int pieces) {
    MPI_Datatype type = MPI_DATATYPE_NULL;
    std::mt19937 random(17);
    std::vector<int> lengths;
    std::vector<MPI_Aint> places;
    MPI_Aint place = 0;
    for (int i = 0; i < pieces; ++i) {
        lengths.push_back(1 + static_cast<int>(random() % 100));
        places.push_back(place);
        place += lengths.back() + 1 + static_cast<MPI_Aint>(random() % 100);
    }
    MPI_Type_create_hindexed(pieces, lengths.data(), places.data(), MPI_BYTE, &type);
    return type;
}

// A vector of irregular groups.
MPI_Datatype nested(int pieces) {
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_Datatype group = irregular(16);
    MPI_Type_vector(pieces / 16, 1, 2, group, &type);
    MPI_Type_free(&group);
    return type;
}

using Maker = MPI_Datatype (*)(int);

// With making and freeing a duplicate, which has no flattened form yet.
void flattening(benchmark::State& state, Maker make) {
    need_mpi();
    MPI_Datatype type = make(static_cast<int>(state.range(0)));
    for (auto _ : state) {
        MPI_Datatype fresh = MPI_DATATYPE_NULL;
        MPI_Type_dup(type, &fresh);
        const AdOrfaFlat* flat = adio_orfa_flatten(fresh, nullptr);
        if (flat == nullptr) state.SkipWithError("not flattened");
        benchmark::DoNotOptimize(flat);
        MPI_Type_free(&fresh);
    }
    MPI_Type_free(&type);
}
BENCHMARK_CAPTURE(flattening, vector, vector_of)->Arg(65536);
BENCHMARK_CAPTURE(flattening, subarray, subarray_of)->Arg(65536);
BENCHMARK_CAPTURE(flattening, irregular, irregular)->Arg(16)->Arg(65536);
BENCHMARK_CAPTURE(flattening, nested, nested)->Arg(65536);

void flattening_seek(benchmark::State& state, Maker make) {
    need_mpi();
    MPI_Datatype type = make(static_cast<int>(state.range(0)));
    MPI_Count lower = 0;
    MPI_Count extent = 0;
    MPI_Count size = 0;
    MPI_Type_get_extent_x(type, &lower, &extent);
    MPI_Type_size_x(type, &size);
    const AdOrfaFlat* flat = adio_orfa_flatten(type, nullptr);
    if (adio_orfa_bytes_before(flat, 0, lower + 1000 * extent) != 1000 * size)
        state.SkipWithError("the wrong place");
    MPI_Offset limit = 0;
    for (auto _ : state) {
        limit = (limit + 1234567) % (1000 * extent);
        benchmark::DoNotOptimize(adio_orfa_bytes_before(flat, 0, limit));
    }
    MPI_Type_free(&type);
}
BENCHMARK_CAPTURE(flattening_seek, vector, vector_of)->Arg(65536);
BENCHMARK_CAPTURE(flattening_seek, irregular, irregular)->Arg(65536);

}  // namespace
}  // namespace orfa

// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/mpi_support.hpp"

#include <cstdio>
#include <cstdlib>
#include <limits>

namespace orfa::benchmarks {

void give_up(const std::string& what) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    std::fprintf(stderr, "orfa-bench-mpi: rank %d: %s\n", rank, what.c_str());
    MPI_Abort(MPI_COMM_WORLD, 1);
    std::abort();
}

void check(int mpi_error, const std::string& call) {
    if (mpi_error == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(mpi_error, text, &length);
    give_up(call + ": " + text);
}

int count_of(std::uint64_t number) {
    if (number > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
        give_up(std::to_string(number) + " is more than MPI's counts hold");
    return static_cast<int>(number);
}

Type Type::strided(std::uint64_t count, std::uint64_t piece, std::uint64_t stride) {
    MPI_Datatype raw = MPI_DATATYPE_NULL;
    check(MPI_Type_vector(count_of(count), count_of(piece), count_of(stride), MPI_BYTE, &raw),
          "MPI_Type_vector");
    return Type(raw);
}

Type Type::subarray(const std::vector<std::uint64_t>& array,
                    const std::vector<std::uint64_t>& block,
                    const std::vector<std::uint64_t>& start) {
    std::vector<int> numbers;
    for (const auto* list : {&array, &block, &start}) {
        for (const std::uint64_t number : *list)
            numbers.push_back(count_of(number));
    }
    const auto dimensions = array.size();
    MPI_Datatype raw = MPI_DATATYPE_NULL;
    check(
        MPI_Type_create_subarray(count_of(dimensions), numbers.data(), numbers.data() + dimensions,
                                 numbers.data() + 2 * dimensions, MPI_ORDER_C, MPI_BYTE, &raw),
        "MPI_Type_create_subarray");
    return Type(raw);
}

std::vector<std::uint64_t> grid_of(std::uint64_t ranks, std::size_t dimensions) {
    std::vector<int> grid(dimensions);
    check(MPI_Dims_create(count_of(ranks), count_of(dimensions), grid.data()), "MPI_Dims_create");
    return {grid.begin(), grid.end()};
}

}  // namespace orfa::benchmarks

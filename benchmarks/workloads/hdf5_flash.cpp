// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/hdf5_support.hpp"

namespace orfa::benchmarks {
namespace {

constexpr std::uint64_t kCells = 8;  // along an edge of a block
constexpr std::uint64_t kBlockBytes = kCells * kCells * kCells * sizeof(double);

// Each variable is a dataset of [blocks of all ranks][8][8][8] doubles with two attributes. What is
// timed includes opening and closing the file.
void work(Run& run) {
    const std::uint64_t variables = run.number("variables");
    const std::uint64_t blocks = run.number("blocks");  // of each rank
    const std::uint64_t slab = blocks * kBlockBytes;
    const Pattern pattern(run.settings.seed, slab);
    std::vector<std::byte> found(variables * slab);
    const std::string name = run.file(".h5");
    const std::vector<hsize_t> own{blocks, kCells, kCells, kCells};
    std::vector<hsize_t> chunk;
    if (run.number("chunk") != 0)
        chunk = {std::min(run.number("chunk"), blocks), kCells, kCells, kCells};

    const auto checkpoint = [&](bool writing) {
        const std::uint64_t owner = writing ? run.rank : run.neighbour;
        const Hdf5 file = hdf5_file(run, name, writing);
        const Hdf5 space = data_space({blocks * run.ranks, kCells, kCells, kCells});
        const std::vector<hsize_t> start{owner * blocks, 0, 0, 0};
        H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, own.data(),
                            nullptr);
        for (std::uint64_t i = 0; i < variables; ++i) {
            const Hdf5 set = data_set(file, "unk" + std::to_string(i), space, chunk, writing);
            const auto value = static_cast<double>(i);
            if (attribute(set, "minimum", value, writing) != value ||
                attribute(set, "maximum", value + 1, writing) != value + 1)
                run.wrong(0, "an attribute is not what was written");
            const std::byte* data =
                writing ? pattern.at((i * run.ranks + owner) * slab) : found.data() + i * slab;
            move(run, set, space, const_cast<std::byte*>(data), writing);
        }
    };
    const Amount amount{variables * slab * run.ranks, variables * run.ranks, slab};
    run.phase("write", amount, [&] { checkpoint(true); });
    run.phase("read", amount, [&] { checkpoint(false); });
    for (std::uint64_t i = 0; i < variables; ++i)
        run.expect(pattern, (i * run.ranks + run.neighbour) * slab,
                   std::span(found).subspan(i * slab, slab));
    if (run.rank == 0) MPI_File_delete(name.c_str(), MPI_INFO_NULL);
}

const Registration kRegistration({
    .name = "hdf5-flash",
    .question = "How fast is a checkpoint of many variables with attributes through parallel HDF5?",
    .origin = "FLASH-IO: the FLASH astrophysics code's checkpoint, 80 blocks of 8x8x8 cells a rank",
    .forms = {Form::kIndependent, Form::kCollective},
    .quick = {{{"variables", 24}, {"blocks", 80}},
              {{"variables", 24}, {"blocks", 80}, {"chunk", 40}}},
    .full = {{{"variables", 24}, {"blocks", 400}}},
    .work = work,
});

}  // namespace
}  // namespace orfa::benchmarks

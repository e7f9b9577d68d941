// SPDX-License-Identifier: MIT
// Moves a file's bytes with many large transfers under way at once.
#pragma once

#include "client/cli/progress.hpp"
#include "client/orfa.h"
#include "common/status.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace orfa::cli {

struct CopyResult {
    Status status;
    bool remote = false;  // the side that failed
    std::string why;      // what orfa_error() said, when it was the remote one
};

// Buffers and the transfers that use them; made once for many files. Not thread-safe.
class Copier {
  public:
    explicit Copier(Progress& progress) : progress_(progress) {}
    ~Copier() { abandon(); }
    Copier(const Copier&) = delete;
    Copier& operator=(const Copier&) = delete;

    // Until the end of what `from` gives (a file, a pipe); `to` is written from offset 0.
    CopyResult send(int from, orfa_file* to);
    // As many bytes as `from` has now.
    CopyResult fetch(orfa_file* from, int to);
    CopyResult copy(orfa_file* from, orfa_file* to);

  private:
    static constexpr std::size_t kChunk = 4 << 20;  // bytes of one transfer
    static constexpr std::size_t kDepth = 8;        // transfers under way

    struct Slot {
        std::unique_ptr<char[]> data;  // kChunk bytes, when first used
        std::uint64_t offset = 0;
        std::size_t length = 0;
        orfa_op* op = nullptr;
    };

    Slot& slot(std::uint64_t chunk);
    // Start a transfer of the slot's range; its errno.
    Status start_read(orfa_file* file, Slot& slot);
    Status start_write(orfa_file* file, Slot& slot);
    // Waits for the slot's transfer; bytes moved.
    static Result<std::size_t> finish(Slot& slot);
    // Waits for the writes under way; the first error.
    Status finish_writes();
    // Waits for all transfers without looking at their ends.
    void abandon();
    // The end of a file: no transfer is left under way.
    CopyResult done(Status status, bool remote);

    Progress& progress_;
    std::array<Slot, kDepth> slots_;
};

}  // namespace orfa::cli

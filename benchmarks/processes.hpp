// SPDX-License-Identifier: MIT
// Timing work that several processes of this host do at once, without MPI.
#pragma once

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>

#include "benchmarks/harness.hpp"

namespace orfa::benchmarks {

[[noreturn]] inline void give_up(const char* what, const char* why) {
    std::fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
    std::_Exit(1);
}

[[noreturn]] inline void give_up(const char* what) {
    give_up(what, std::strerror(errno));
}

// Memory that is mapped and touched already; `sharing`: MAP_SHARED or MAP_PRIVATE with later
// children.
inline std::byte* touched_memory(std::size_t size, int sharing) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) give_up("memory");
    std::memset(memory, 1, size);
    return static_cast<std::byte*>(memory);
}

constexpr std::size_t kMostProcesses = 64;
constexpr std::size_t kMostLaps = 8;

// What the processes of one measurement share.
struct LapBoard {
    std::atomic<std::size_t> arrived[kMostLaps];
    double start[kMostLaps][kMostProcesses];
    double end[kMostLaps][kMostProcesses];
};

// One process' place on the board. Each lap starts when all processes have come to it.
class Laps {
  public:
    Laps(LapBoard& board, std::size_t self, std::size_t all)
        : board_(board), self_(self), all_(all) {}

    void run(std::size_t lap, const std::function<void()>& work) {
        board_.arrived[lap].fetch_add(1);
        while (board_.arrived[lap].load() < all_)
            sched_yield();
        board_.start[lap][self_] = now();
        work();
        board_.end[lap][self_] = now();
    }

  private:
    LapBoard& board_;
    std::size_t self_;
    std::size_t all_;
};

using Body = std::function<void(Laps&)>;

// Runs each body in a process of its own and returns the seconds of the first `laps` laps: from the
// first process' start to the last one's end. Ends this process when one of them fails.
inline std::vector<double> seconds_of_laps(const std::vector<Body>& bodies, std::size_t laps) {
    auto* board = new (touched_memory(sizeof(LapBoard), MAP_SHARED)) LapBoard{};
    std::vector<pid_t> children;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        const pid_t child = fork();
        if (child < 0) give_up("fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            Laps mine(*board, i, bodies.size());
            bodies[i](mine);
            std::_Exit(0);
        }
        children.push_back(child);
    }
    for (std::size_t left = children.size(); left > 0; --left) {
        int status = 0;
        // The others would wait for ever for one that failed; they end with us.
        if (waitpid(-1, &status, 0) < 0 || status != 0) give_up("measuring", "a process failed");
    }
    std::vector<double> seconds;
    for (std::size_t lap = 0; lap < laps; ++lap) {
        const double* start = board->start[lap];
        const double* end = board->end[lap];
        seconds.push_back(*std::max_element(end, end + bodies.size()) -
                          *std::min_element(start, start + bodies.size()));
    }
    munmap(board, sizeof(LapBoard));
    return seconds;
}

}  // namespace orfa::benchmarks

// SPDX-License-Identifier: MIT
// Boards as tests make them: one rank creates the memory, the others open it.
#pragma once

#include "collective/board.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace orfa::collective {

struct NoProgress final : Board::Progress {
    void progress() override { ++calls; }
    std::atomic<unsigned> calls = 0;
};

// Null: there is none.
inline std::unique_ptr<Board> board_on(Result<std::unique_ptr<CommonMemory>> memory,
                                       std::uint32_t ranks) {
    return memory.ok() ? std::make_unique<Board>(std::move(*memory), ranks) : nullptr;
}

inline std::unique_ptr<Board> create_board(const std::string& name, std::uint32_t ranks) {
    return board_on(CommonMemory::create(name, Board::bytes_for(ranks)), ranks);
}

inline std::unique_ptr<Board> open_board(const std::string& name, std::uint32_t ranks) {
    return board_on(CommonMemory::open(name, Board::bytes_for(ranks)), ranks);
}

}  // namespace orfa::collective

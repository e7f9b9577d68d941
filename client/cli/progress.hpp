// SPDX-License-Identifier: MIT
// A line on a terminal that tells how far a copy is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace orfa::cli {

// Draws on standard error when that is a terminal, a few times a second; otherwise only counts.
class Progress {
  public:
    // `wanted` false: never draws.
    explicit Progress(bool wanted);
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    // A file begins; `size` in bytes, 0: not known.
    void begin(const std::string& name, std::uint64_t size);
    void moved(std::uint64_t bytes);
    // Takes the line away, so that other words can be printed.
    void clear();

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // of all files
    [[nodiscard]] std::uint64_t files() const { return files_; }  // begun
    [[nodiscard]] double seconds() const;                         // since this was made

  private:
    using Clock = std::chrono::steady_clock;
    void draw();

    bool draws_;
    bool drawn_ = false;
    Clock::time_point start_ = Clock::now();
    Clock::time_point file_start_ = start_;
    Clock::time_point last_drawn_ = start_;
    std::string name_;
    std::uint64_t size_ = 0;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t files_ = 0;
};

}  // namespace orfa::cli

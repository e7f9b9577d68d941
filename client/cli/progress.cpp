// SPDX-License-Identifier: MIT
#include "client/cli/progress.hpp"

#include "client/cli/output.hpp"
#include "common/units.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

namespace orfa::cli {
namespace {

std::size_t terminal_width() {
    winsize size{};
    constexpr std::size_t kUsual = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
    return size.ws_col;
}

}  // namespace

Progress::Progress(bool wanted) : draws_(wanted && isatty(STDERR_FILENO) == 1) {
}

double Progress::seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::begin(const std::string& name, std::uint64_t size) {
    name_ = name;
    size_ = size;
    file_bytes_ = 0;
    ++files_;
    file_start_ = Clock::now();
}

void Progress::moved(std::uint64_t bytes) {
    file_bytes_ += bytes;
    bytes_ += bytes;
    constexpr auto kInterval = std::chrono::milliseconds(100);
    if (!draws_ || Clock::now() - last_drawn_ < kInterval) return;
    draw();
}

void Progress::draw() {
    last_drawn_ = Clock::now();
    drawn_ = true;
    const double passed = std::chrono::duration<double>(last_drawn_ - file_start_).count();
    std::string figures = " " + format_bytes(file_bytes_);
    if (size_ > 0) {
        const double share =
            std::min(1.0, static_cast<double>(file_bytes_) / static_cast<double>(size_));
        constexpr int kBar = 20;
        const int full = static_cast<int>(share * kBar);
        figures = fmt::format(" [{:#<{}}{:<{}}] {:3.0f}% {} of {}", "", full, "", kBar - full,
                              share * 100, format_bytes(file_bytes_), format_bytes(size_));
        if (share > 0 && passed > 1) {
            figures += ", " + format_duration(passed * (1 / share - 1)) + " left";
        }
    }
    figures += ", " + format_rate(file_bytes_, passed);
    const std::size_t width = terminal_width() - 1;
    std::string line = name_;
    if (line.size() + figures.size() > width) {
        const std::size_t room = width > figures.size() ? width - figures.size() : 0;
        line = line.substr(line.size() - std::min(line.size(), room));
    }
    error_text("\r\033[K" + (line + figures).substr(0, width));
}

void Progress::clear() {
    if (drawn_) error_text("\r\033[K");
    drawn_ = false;
}

}  // namespace orfa::cli

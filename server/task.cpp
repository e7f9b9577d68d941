// SPDX-License-Identifier: MIT
#include "server/task.hpp"

#include <vector>

namespace orfa::server {
namespace {

// Frames are pooled by size in steps of 256 bytes, up to 4 KiB; larger ones are rare.
constexpr std::size_t kStep = 256;
constexpr std::size_t kClasses = 16;
constexpr std::size_t kKept = 256;  // frames kept per class

constexpr std::size_t class_of(std::size_t size) {
    return (size + kStep - 1) / kStep - 1;
}

struct Lists {
    std::array<std::vector<void*>, kClasses> free;

    Lists() = default;
    Lists(const Lists&) = delete;
    Lists& operator=(const Lists&) = delete;
    ~Lists() {
        for (auto& list : free)
            for (void* frame : list)
                ::operator delete(frame);
    }
};

Lists& lists() {
    thread_local Lists instance;
    return instance;
}

}  // namespace

void* FramePool::allocate(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= kClasses) return ::operator new(size);
    auto& list = lists().free[index];
    if (list.empty()) return ::operator new((index + 1) * kStep);
    void* frame = list.back();
    list.pop_back();
    return frame;
}

void FramePool::release(void* frame, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (index < kClasses) {
        auto& list = lists().free[index];
        if (list.size() < kKept) {
            if (list.capacity() == 0) list.reserve(kKept);
            list.push_back(frame);
            return;
        }
    }
    ::operator delete(frame);
}

}  // namespace orfa::server

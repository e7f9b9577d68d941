// SPDX-License-Identifier: MIT
#include "fabric/staging_buffers.hpp"

#include <sys/mman.h>

#include <cerrno>

namespace orfa::fabric {

StagingBuffers::~StagingBuffers() {
    for (const Buffer& buffer : all_) {
        if (!forgotten_) registrar_.deregister(buffer.handle);
        ::munmap(buffer.data, buffer.size);
    }
}

std::size_t StagingBuffers::size_index(std::size_t bytes) {
    std::size_t index = 0;
    while (kSmallest << index < bytes)
        ++index;
    return index;
}

Result<StagingBuffers::Buffer> StagingBuffers::take(std::size_t bytes) {
    if (bytes > kMaxBytes) return Status::from_errno(ENOMEM);
    const std::size_t index = size_index(bytes);
    if (!free_[index].empty()) {
        const Buffer buffer = free_[index].back();
        free_[index].pop_back();
        return buffer;
    }
    const std::size_t size = kSmallest << index;
    if (bytes_ + size > kAllBytes) return Status::from_errno(ENOMEM);
    // A mapping of its own, which no allocator shares.
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return Status::from_errno(ENOMEM);
    Buffer buffer{static_cast<std::byte*>(at), size, nullptr};
    const Result<void*> handle = registrar_.register_range({buffer.data, size}, access_);
    if (!handle.ok()) {
        ::munmap(at, size);
        return handle.status();
    }
    buffer.handle = *handle;
    bytes_ += size;
    all_.push_back(buffer);
    free_[index].reserve(all_.size());
    return buffer;
}

void StagingBuffers::give_back(const Buffer& buffer) {
    free_[size_index(buffer.size)].push_back(buffer);
}

}  // namespace orfa::fabric

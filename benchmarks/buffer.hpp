// SPDX-License-Identifier: MIT
// Memory that benchmarks transfer from and to: it begins at a page, as in IOR and in programs that
// mind, so that no figure depends on where an allocation happened to lie.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace orfa::benchmarks {

// Allocates at the beginning of a page.
template <typename T>
struct PageAllocator {
    using value_type = T;
    static constexpr std::align_val_t kPage{4096};

    PageAllocator() = default;
    template <typename Other>
    explicit PageAllocator(const PageAllocator<Other>&) {}

    T* allocate(std::size_t count) {
        return static_cast<T*>(::operator new(count * sizeof(T), kPage));
    }
    void deallocate(T* memory, std::size_t) { ::operator delete(memory, kPage); }

    friend bool operator==(const PageAllocator&, const PageAllocator&) { return true; }
};

using Buffer = std::vector<std::byte, PageAllocator<std::byte>>;

}  // namespace orfa::benchmarks

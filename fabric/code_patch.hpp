// SPDX-License-Identifier: MIT
// Sending a function of a library that is already loaded elsewhere: its first instruction becomes a
// jump. Callers inside the library are caught too, which symbol interposition does not do.
#pragma once

#include "common/status.hpp"

#include <cstddef>
#include <cstdint>

namespace orfa::fabric {

// A page near a library from which its functions are sent on. Never unmapped: code jumps there.
class JumpPage {
  public:
    // Within the reach of a short jump of `near`. ENOTSUP: not on this processor; ENOMEM.
    static Result<JumpPage> make(const void* near);

    // Makes the function at `entry` go to `target`. The change is one atomic store, that replaces
    // no more than its first instruction in the functions this is used for: threads in the middle
    // of it go on undisturbed. EACCES: its code can't be written to.
    Status redirect(void* entry, void* target);

    // No more changes.
    void seal();

    // kHeadBytes at the page's start, which redirect() leaves alone.
    [[nodiscard]] void* head() const { return page_; }
    static constexpr std::size_t kHeadBytes = 64;

  private:
    explicit JumpPage(std::byte* page) : page_(page), next_(page + kHeadBytes) {}

    std::byte* page_;
    std::byte* next_;
};

// Where the jump at the start of a function leads, if one that redirect() or other interceptors
// make is there; else nullptr.
const void* jump_target(const void* entry);
// Whether somebody has replaced the start of the function by a jump.
bool is_patched(const void* entry);
// The start of a function, to notice when it changes.
std::uint64_t first_bytes(const void* entry);

}  // namespace orfa::fabric

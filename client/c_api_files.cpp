// SPDX-License-Identifier: MIT
// orfa.h: files and blocking transfers.
#include "client/c_api_util.hpp"
#include "client/core/error_text.hpp"
#include "client/core/file.hpp"

#include <memory>
#include <span>

using orfa::client::fail_with;
using orfa::client::File;
using orfa::client::guarded;
using orfa::client::to_c;
using orfa::client::to_c_value;
using orfa::client::unwrap;

namespace {

orfa_file* wrap(orfa::Result<std::unique_ptr<File>> file) {
    if (file.ok()) return reinterpret_cast<orfa_file*>((*file).release());
    errno = file.status().err();
    return nullptr;
}

}  // namespace

extern "C" {

orfa_file* orfa_open(orfa_session* session, const char* path, int flags, mode_t mode,
                     const orfa_layout* layout) {
    return guarded<orfa_file*>(
        nullptr, [&] { return wrap(File::open(unwrap(session), path, flags, mode, layout)); });
}

int orfa_close(orfa_file* file) {
    return guarded(-1, [&] {
        const std::unique_ptr<File> owned(&unwrap(file));
        return to_c(owned->close());
    });
}

ssize_t orfa_handle_export(orfa_file* file, void* bytes, size_t size) {
    return guarded<ssize_t>(-1, [&] {
        return to_c_value<ssize_t>(unwrap(file).encode({static_cast<std::byte*>(bytes), size}));
    });
}

orfa_file* orfa_handle_import(orfa_session* session, const void* bytes, size_t size) {
    return guarded<orfa_file*>(nullptr, [&] {
        return wrap(File::decode(unwrap(session), {static_cast<const std::byte*>(bytes), size}));
    });
}

int orfa_file_is_mapped(orfa_file* file) {
    return guarded(0, [&] { return unwrap(file).is_mapped() ? 1 : 0; });
}

int orfa_fstat(orfa_file* file, struct stat* out) {
    return guarded(-1, [&] {
        const auto found = unwrap(file).attributes();
        if (!found.ok()) return fail_with(found.status());
        *out = orfa::client::to_stat(*found);
        return 0;
    });
}

int64_t orfa_size(orfa_file* file) {
    return guarded<int64_t>(-1, [&] { return to_c_value<int64_t>(unwrap(file).size()); });
}

int orfa_ftruncate(orfa_file* file, uint64_t size) {
    return guarded(-1, [&] { return to_c(unwrap(file).truncate(size)); });
}

int orfa_allocate(orfa_file* file, uint64_t offset, uint64_t length) {
    return guarded(-1, [&] { return to_c(unwrap(file).allocate(offset, length)); });
}

int orfa_fsync(orfa_file* file) {
    return guarded(-1, [&] { return to_c(unwrap(file).sync()); });
}

int orfa_file_layout(orfa_file* file, orfa_layout* out) {
    const auto& layout = unwrap(file).layout();
    *out = {layout.stripe_size, static_cast<int32_t>(layout.stripe_count),
            static_cast<int32_t>(layout.first_server)};
    return 0;
}

ssize_t orfa_pread(orfa_file* file, void* buffer, size_t length, uint64_t offset) {
    const orfa_segment segment{buffer, length};
    const orfa_extent extent{offset, length};
    const orfa_access access{&segment, 1, &extent, 1, nullptr, 0};
    return orfa_readv(file, &access);
}

ssize_t orfa_pwrite(orfa_file* file, const void* buffer, size_t length, uint64_t offset) {
    const orfa_segment segment{const_cast<void*>(buffer), length};
    const orfa_extent extent{offset, length};
    const orfa_access access{&segment, 1, &extent, 1, nullptr, 0};
    return orfa_writev(file, &access);
}

ssize_t orfa_append(orfa_file* file, const void* buffer, size_t length) {
    return guarded<ssize_t>(
        -1, [&] { return to_c_value<ssize_t>(unwrap(file).append(buffer, length)); });
}

ssize_t orfa_readv(orfa_file* file, const orfa_access* access) {
    return guarded<ssize_t>(-1, [&] { return to_c_value<ssize_t>(unwrap(file).read(*access)); });
}

ssize_t orfa_writev(orfa_file* file, const orfa_access* access) {
    return guarded<ssize_t>(-1, [&] { return to_c_value<ssize_t>(unwrap(file).write(*access)); });
}

ssize_t orfa_readv_together(orfa_file* file, const orfa_access* access,
                            const orfa_together* together) {
    return guarded<ssize_t>(
        -1, [&] { return to_c_value<ssize_t>(unwrap(file).read(*access, together)); });
}

ssize_t orfa_writev_together(orfa_file* file, const orfa_access* access,
                             const orfa_together* together) {
    return guarded<ssize_t>(
        -1, [&] { return to_c_value<ssize_t>(unwrap(file).write(*access, together)); });
}

}  // extern "C"

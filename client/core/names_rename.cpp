// SPDX-License-Identifier: MIT
// Names: rename.
#include "client/core/error_text.hpp"
#include "client/core/names.hpp"
#include "client/core/path.hpp"
#include "protocol/codec.hpp"

#include <cerrno>

namespace orfa::client {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

Status Names::rename(std::string_view from, std::string_view to, std::uint32_t flags) {
    std::string_view old_name;
    std::string_view new_name;
    bool from_directory = false;
    bool to_directory = false;
    const auto source = parent_of(from, "rename", old_name, from_directory);
    if (!source.ok()) return source.status();
    const auto target = parent_of(to, "rename", new_name, to_directory);
    if (!target.ok()) return target.status();
    if (from_directory || to_directory) flags |= kRenameDirectory;
    const RenameRequest request{*source, *target, flags, 0};
    std::vector<std::byte> body(sizeof(request) + 2 * sizeof(std::uint32_t) + old_name.size() +
                                new_name.size());
    Writer writer(body);
    writer.put(request);
    writer.put_string(old_name);
    writer.put_string(new_name);
    std::vector<std::byte> reply;
    return call_inode(*source, Op::kRename, body, reply, "rename", from);
}

}  // namespace orfa::client

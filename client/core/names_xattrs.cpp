// SPDX-License-Identifier: MIT
// Names: extended attributes, in pieces that fit into messages.
#include "client/core/error_text.hpp"
#include "client/core/names.hpp"
#include "protocol/codec.hpp"

#include <algorithm>
#include <cerrno>

namespace orfa::client {

using namespace protocol;  // NOLINT(google-build-using-namespace): the wire's structs, throughout

namespace {

// Bytes of a value in one message: with everything else below any transport's largest message.
constexpr std::uint32_t kPiece = 3072;

template <Wire T>
std::vector<std::byte> with_strings(const T& request,
                                    std::initializer_list<std::string_view> texts) {
    std::size_t size = sizeof(T);
    for (const auto text : texts)
        size += sizeof(std::uint32_t) + text.size();
    std::vector<std::byte> body(size);
    Writer writer(body);
    writer.put(request);
    for (const auto text : texts)
        writer.put_string(text);
    return body;
}

}  // namespace

Result<std::string> Names::read_xattr(std::string_view path, Op op, std::string_view name,
                                      const char* what) {
    auto found = walk(path, kFollowLast, 0, what);
    if (!found.ok()) return found.status();
    std::string value;
    std::vector<std::byte> reply;
    for (;;) {
        const GetxattrRequest request{found->ino, static_cast<std::uint32_t>(value.size()), kPiece};
        ORFA_TRY(call_inode(found->ino, op, with_strings(request, {name}), reply, what, path));
        Reader reader(reply);
        XattrPiece piece{};
        std::string_view bytes;
        if (!reader.get(piece) || !reader.get_string(bytes))
            return fail(Status::from_errno(EPROTO), "%s: short reply", what);
        value.append(bytes);
        if (value.size() >= piece.total || bytes.empty()) return value;
    }
}

Result<std::string> Names::get_xattr(std::string_view path, std::string_view name) {
    return read_xattr(path, Op::kGetxattr, name, "getxattr");
}

Result<std::string> Names::list_xattrs(std::string_view path) {
    return read_xattr(path, Op::kListxattr, {}, "listxattr");
}

Status Names::set_xattr(std::string_view path, std::string_view name, std::string_view value,
                        std::uint32_t flags) {
    if (name.size() > kMaxName)
        return fail(Status::from_errno(ERANGE), "setxattr: the name is too long");
    if (value.size() > kMaxXattr)
        return fail(Status::from_errno(E2BIG), "setxattr: the value is longer than %zu bytes",
                    kMaxXattr);
    auto found = walk(path, kFollowLast, 0, "setxattr");
    if (!found.ok()) return found.status();
    const auto total = static_cast<std::uint32_t>(value.size());
    std::vector<std::byte> reply;
    std::uint32_t offset = 0;
    do {
        const std::string_view piece = value.substr(offset, kPiece);
        const SetxattrRequest request{found->ino, flags, offset, total, 0};
        ORFA_TRY(call_inode(found->ino, Op::kSetxattr, with_strings(request, {name, piece}), reply,
                            "setxattr", path));
        offset += static_cast<std::uint32_t>(piece.size());
    } while (offset < total);
    return {};
}

Status Names::remove_xattr(std::string_view path, std::string_view name) {
    auto found = walk(path, kFollowLast, 0, "removexattr");
    if (!found.ok()) return found.status();
    std::vector<std::byte> reply;
    return call_inode(found->ino, Op::kRemovexattr,
                      with_strings(RemovexattrRequest{found->ino}, {name}), reply, "removexattr",
                      path);
}

}  // namespace orfa::client

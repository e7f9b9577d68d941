// SPDX-License-Identifier: MIT
// A client of a TestCluster that speaks in paths, as client/core/names.hpp does over a network.
#pragma once

#include "protocol/name_messages.hpp"
#include "tests/unit/namespace/test_cluster.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace orfa::server {

class TestClient {
  public:
    explicit TestClient(TestCluster& cluster, uid_t uid = 0, gid_t gid = 0,
                        std::vector<gid_t> groups = {})
        : cluster_(cluster), client_(cluster.new_client(uid, gid, std::move(groups))) {}

    Status mkdir(std::string_view path, std::uint32_t mode = 0755);
    Status rmdir(std::string_view path);
    Status unlink(std::string_view path);
    Status symlink(std::string_view target, std::string_view path);
    Status rename(std::string_view from, std::string_view to, std::uint32_t flags = 0);
    Status link(std::string_view from, std::string_view to);
    Result<std::string> readlink(std::string_view path);

    static constexpr protocol::Layout kAnyLayout{0, 0, protocol::kAnyServer};
    Result<protocol::OpenReply> open(std::string_view path, std::uint32_t flags,
                                     std::uint32_t mode = 0644,
                                     const protocol::Layout& wish = kAnyLayout);
    Status create(std::string_view path, std::uint32_t mode = 0644);  // and closes it
    Status close(std::uint64_t ino);
    // As one that writes beyond the first stripe would.
    Status mark_spread(const protocol::Capability& capability);

    Result<protocol::Attributes> stat(std::string_view path, bool follow = true,
                                      std::uint32_t access = 0);
    Result<protocol::Attributes> getattr(std::uint64_t ino);
    Result<protocol::SetattrReply> setattr(std::string_view path, protocol::SetattrRequest change);
    Status chmod(std::string_view path, std::uint32_t mode);
    Status chown(std::string_view path, std::uint32_t uid, std::uint32_t gid);

    Status set_xattr(std::string_view path, std::string_view name, std::string_view value,
                     std::uint32_t flags = 0);
    Result<std::string> get_xattr(std::string_view path, std::string_view name);
    Result<std::string> list_xattrs(std::string_view path);
    Status remove_xattr(std::string_view path, std::string_view name);

    struct Name {
        std::string name;
        std::uint64_t ino;
        std::uint64_t cookie;
        std::uint32_t type;
    };
    // One page behind `after` (null: the first).
    Result<std::vector<Name>> page(std::uint64_t directory, const Name* after,
                                   std::uint32_t most = 1000);
    // All names, in pages of `most`, sorted.
    Result<std::vector<std::string>> list(std::string_view path, std::uint32_t most = 1000);

    // The end of the session with all servers.
    void leave() { cluster_.end(client_); }
    TestCluster::Client& session() { return client_; }

  private:
    Result<protocol::PathReply> call_path(protocol::Op op, std::string_view path,
                                          std::span<std::byte> head, std::string_view* second,
                                          std::vector<std::byte>& reply);
    Status call_inode(std::uint64_t ino, protocol::Op op, std::span<const std::byte> head,
                      std::initializer_list<std::string_view> texts, std::vector<std::byte>& reply);

    TestCluster& cluster_;
    TestCluster::Client& client_;
};

}  // namespace orfa::server

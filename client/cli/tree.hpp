// SPDX-License-Identifier: MIT
// A tree of files to copy from or to: this host's, or the file system's.
#pragma once

#include "client/cli/remote.hpp"
#include "common/status.hpp"

#include <sys/stat.h>

#include <string>
#include <vector>

namespace orfa::cli {

// Each function returns the errno of a failure; why() then has the words for it, until the next
// call.
class Tree {
  public:
    virtual ~Tree() = default;
    [[nodiscard]] virtual bool remote() const = 0;
    [[nodiscard]] virtual std::string shown(const std::string& path) const = 0;
    [[nodiscard]] virtual std::string why(const std::string& path, Status status) const = 0;

    // `follow`: of what a symbolic link leads to.
    virtual Result<struct stat> info(const std::string& path, bool follow) = 0;
    // Names of a directory's entries, sorted.
    virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
    virtual Status make_folder(const std::string& path, mode_t mode) = 0;
    virtual Result<std::string> read_link(const std::string& path) = 0;
    virtual Status make_link(const std::string& target, const std::string& path) = 0;
    virtual Status set_mode(const std::string& path, mode_t mode) = 0;
    // Access and modification time, as in `like`.
    virtual Status set_times(const std::string& path, const struct stat& like) = 0;
};

class LocalTree final : public Tree {
  public:
    [[nodiscard]] bool remote() const override { return false; }
    [[nodiscard]] std::string shown(const std::string& path) const override;
    [[nodiscard]] std::string why(const std::string& path, Status status) const override;
    Result<struct stat> info(const std::string& path, bool follow) override;
    Result<std::vector<std::string>> list(const std::string& path) override;
    Status make_folder(const std::string& path, mode_t mode) override;
    Result<std::string> read_link(const std::string& path) override;
    Status make_link(const std::string& target, const std::string& path) override;
    Status set_mode(const std::string& path, mode_t mode) override;
    Status set_times(const std::string& path, const struct stat& like) override;
};

class RemoteTree final : public Tree {
  public:
    // `session` outlives the tree.
    explicit RemoteTree(orfa_session* session) : session_(session) {}
    [[nodiscard]] bool remote() const override { return true; }
    [[nodiscard]] std::string shown(const std::string& path) const override;
    [[nodiscard]] std::string why(const std::string& path, Status status) const override;
    Result<struct stat> info(const std::string& path, bool follow) override;
    Result<std::vector<std::string>> list(const std::string& path) override;
    Status make_folder(const std::string& path, mode_t mode) override;
    Result<std::string> read_link(const std::string& path) override;
    Status make_link(const std::string& target, const std::string& path) override;
    Status set_mode(const std::string& path, mode_t mode) override;
    Status set_times(const std::string& path, const struct stat& like) override;
    [[nodiscard]] orfa_session* session() const { return session_; }

  private:
    orfa_session* session_;
};

}  // namespace orfa::cli

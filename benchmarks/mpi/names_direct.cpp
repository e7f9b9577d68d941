// SPDX-License-Identifier: MIT
#include "client/orfa.h"
#include "common/unique_fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "benchmarks/mpi/mpi_support.hpp"
#include "benchmarks/mpi/names.hpp"

namespace orfa::benchmarks {
namespace {

// The path behind a driver's prefix, `orfa:` and the like.
std::string bare(const std::string& path) {
    const std::size_t colon = path.find(':');
    return colon < path.find('/') ? path.substr(colon + 1) : path;
}

class PosixNames final : public Names {
  public:
    void create(const std::string& path, std::span<const std::byte> content) override {
        const UniqueFd file(
            open(bare(path).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
        need(static_cast<bool>(file), path);
        if (!content.empty())
            need(pwrite(file.get(), content.data(), content.size(), 0) == length(content), path);
    }
    void read(const std::string& path, std::span<std::byte> content) override {
        const UniqueFd file(open(bare(path).c_str(), O_RDONLY | O_CLOEXEC));
        need(static_cast<bool>(file), path);
        if (!content.empty())
            need(pread(file.get(), content.data(), content.size(), 0) == length(content), path);
    }
    void unlink(const std::string& path) override { need(::unlink(bare(path).c_str()) == 0, path); }
    std::int64_t size(const std::string& path) override {
        struct stat info {};
        const bool there = stat(bare(path).c_str(), &info) == 0;
        need(there || errno == ENOENT, path);
        return there ? info.st_size : -1;
    }
    void make_directory(const std::string& path) override {
        need(mkdir(bare(path).c_str(), 0700) == 0, path);
    }
    void remove_directory(const std::string& path) override {
        need(rmdir(bare(path).c_str()) == 0, path);
    }
    std::uint64_t list(const std::string& path) override {
        DIR* directory = opendir(bare(path).c_str());
        need(directory != nullptr, path);
        std::uint64_t count = 0;
        while (readdir(directory) != nullptr)
            ++count;
        closedir(directory);
        return count - 2;  // without . and ..
    }

  private:
    static ssize_t length(std::span<const std::byte> content) {
        return static_cast<ssize_t>(content.size());
    }
    static void need(bool done, const std::string& path) {
        if (!done) give_up(path + ": " + std::strerror(errno));
    }
};

class OrfaNames final : public Names {
  public:
    OrfaNames() : session_(orfa_default_session()) {
        need(session_ != nullptr, "connecting");
        for (int server = 0; server < orfa_server_count(session_); ++server)
            need(orfa_ping(session_, server) == 0, "connecting");
    }

    void create(const std::string& path, std::span<const std::byte> content) override {
        orfa_file* file =
            orfa_open(session_, bare(path).c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600, nullptr);
        need(file != nullptr, path);
        if (!content.empty()) need(orfa_pwrite(file, content.data(), content.size(), 0) >= 0, path);
        need(orfa_close(file) == 0, path);
    }
    void read(const std::string& path, std::span<std::byte> content) override {
        orfa_file* file = orfa_open(session_, bare(path).c_str(), O_RDONLY, 0, nullptr);
        need(file != nullptr, path);
        if (!content.empty()) {
            const ssize_t got = orfa_pread(file, content.data(), content.size(), 0);
            need(got == static_cast<ssize_t>(content.size()), path);
        }
        need(orfa_close(file) == 0, path);
    }
    void unlink(const std::string& path) override {
        need(orfa_unlink(session_, bare(path).c_str()) == 0, path);
    }
    std::int64_t size(const std::string& path) override {
        struct stat info {};
        const bool there = orfa_stat(session_, bare(path).c_str(), &info) == 0;
        need(there || errno == ENOENT, path);
        return there ? info.st_size : -1;
    }
    void make_directory(const std::string& path) override {
        need(orfa_mkdir(session_, bare(path).c_str(), 0700) == 0, path);
    }
    void remove_directory(const std::string& path) override {
        need(orfa_rmdir(session_, bare(path).c_str()) == 0, path);
    }
    std::uint64_t list(const std::string& path) override {
        orfa_dir* directory = orfa_opendir(session_, bare(path).c_str());
        need(directory != nullptr, path);
        std::uint64_t count = 0;
        orfa_dirent entry{};
        while (orfa_readdir(directory, &entry) == 1)
            ++count;
        need(orfa_closedir(directory) == 0, path);
        return count;
    }

  private:
    static void need(bool done, const std::string& path) {
        if (!done) give_up(path + ": " + orfa_error());
    }

    orfa_session* session_;  // of the process, for its whole life
};

}  // namespace

std::unique_ptr<Names> direct_names(const std::string& path) {
    const char* forced = std::getenv("ROMIO_FSTYPE_FORCE");
    const bool is_orfa =
        path.rfind("orfa:", 0) == 0 || (forced != nullptr && std::strcmp(forced, "orfa:") == 0);
    if (is_orfa) return std::make_unique<OrfaNames>();
    return std::make_unique<PosixNames>();
}

}  // namespace orfa::benchmarks

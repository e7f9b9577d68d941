// SPDX-License-Identifier: MIT
// orfa.h with owners, for tests, and bytes that tell where they belong.
#pragma once

#include "client/orfa.h"
#include "tests/integration/cluster.hpp"

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace orfa::testing {

struct SessionEnd {
    void operator()(orfa_session* session) const { orfa_disconnect(session); }
};
using SessionPtr = std::unique_ptr<orfa_session, SessionEnd>;

struct FileEnd {
    void operator()(orfa_file* file) const { orfa_close(file); }
};
using FilePtr = std::unique_ptr<orfa_file, FileEnd>;

// A session over one transport ("auto", "local", "ofi"). nullptr: see orfa_error().
inline SessionPtr connect(const Cluster& cluster, const std::string& transport = "auto") {
    setenv("ORFA_TRANSPORT", transport.c_str(), 1);
    return SessionPtr(orfa_connect(cluster.servers().c_str()));
}

inline FilePtr open(const SessionPtr& session, const std::string& path,
                    int flags = O_CREAT | O_RDWR, const orfa_layout& layout = {0, 0, -1}) {
    return FilePtr(orfa_open(session.get(), path.c_str(), flags, 0644, &layout));
}

// What stands at byte `offset` of a file that was written with `key`. Never 0.
inline std::byte pattern_byte(std::uint64_t key, std::uint64_t offset) {
    std::uint64_t x = (offset ^ key * 0x9e3779b97f4a7c15ULL) * 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 31;
    return static_cast<std::byte>(x % 255 + 1);
}

inline std::vector<std::byte> pattern(std::uint64_t key, std::uint64_t offset, std::size_t length) {
    std::vector<std::byte> bytes(length);
    for (std::size_t i = 0; i < length; ++i)
        bytes[i] = pattern_byte(key, offset + i);
    return bytes;
}

// A figure of a server's status, or -1.
inline long long status_figure(orfa_session* session, int server, const std::string& name) {
    char text[4096];
    if (orfa_server_status(session, server, text, sizeof(text)) < 0) return -1;
    const std::string json = text;
    const auto at = json.find("\"" + name + "\":");
    return at == std::string::npos ? -1 : std::atoll(json.c_str() + at + name.size() + 3);
}

// Sets an environment variable for as long as it lives.
class ScopedEnvironment {
  public:
    ScopedEnvironment(const char* name, const char* value) : name_(name) {
        const char* before = std::getenv(name);
        if (before != nullptr) before_ = before;
        was_set_ = before != nullptr;
        setenv(name, value, 1);
    }
    ~ScopedEnvironment() {
        if (was_set_)
            setenv(name_.c_str(), before_.c_str(), 1);
        else
            unsetenv(name_.c_str());
    }
    ScopedEnvironment(const ScopedEnvironment&) = delete;
    ScopedEnvironment& operator=(const ScopedEnvironment&) = delete;

  private:
    std::string name_;
    std::string before_;
    bool was_set_ = false;
};

}  // namespace orfa::testing

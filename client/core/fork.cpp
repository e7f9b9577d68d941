// SPDX-License-Identifier: MIT
#include "client/core/fork.hpp"

#include <pthread.h>

#include <array>
#include <mutex>

#include "rpc/mesh.hpp"

namespace orfa::client {
namespace {

// Constant-initialised and never destroyed: fork handlers may run before and after main().
constinit pthread_mutex_t watch_mutex = PTHREAD_MUTEX_INITIALIZER;  // protects `watched`
constexpr std::size_t kMaxMeshes = 256;
constinit std::array<rpc::Mesh*, kMaxMeshes> watched{};

void before_fork() {
    pthread_mutex_lock(&watch_mutex);
}

void after_fork_in_parent() {
    pthread_mutex_unlock(&watch_mutex);
}

void after_fork_in_child() {
    for (rpc::Mesh* mesh : watched)
        if (mesh != nullptr) mesh->forget_after_fork();
    pthread_mutex_unlock(&watch_mutex);
}

void replace(rpc::Mesh* old_mesh, rpc::Mesh* new_mesh) {
    pthread_mutex_lock(&watch_mutex);
    for (rpc::Mesh*& slot : watched) {
        if (slot != old_mesh) continue;
        slot = new_mesh;
        break;
    }
    pthread_mutex_unlock(&watch_mutex);
}

}  // namespace

void watch_mesh(rpc::Mesh& mesh) {
    static std::once_flag once;
    std::call_once(once,
                   [] { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); });
    replace(nullptr, &mesh);
}

void forget_mesh(rpc::Mesh& mesh) {
    replace(&mesh, nullptr);
}

}  // namespace orfa::client

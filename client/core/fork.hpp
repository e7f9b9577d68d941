// SPDX-License-Identifier: MIT
// fork(): the child forgets its parent's connections and makes its own when it needs them.
#pragma once

namespace orfa::rpc {
class Mesh;
}

namespace orfa::client {

// From now on, until forget_mesh(), children of fork() make this mesh forget its connections.
// Thread-safe.
void watch_mesh(rpc::Mesh& mesh);
void forget_mesh(rpc::Mesh& mesh);

}  // namespace orfa::client

// SPDX-License-Identifier: MIT
#include "fabric/ofi_library.hpp"

#include "common/log.hpp"
#include "common/mutex.hpp"
#include "fabric/ofi_wire.hpp"

#include <dlfcn.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace orfa::fabric {
namespace {

constexpr bool headers_before(int major, int minor) {
    return FI_VERSION(FI_MAJOR_VERSION, FI_MINOR_VERSION) < FI_VERSION(major, minor);
}

// The symbol version that goes with the layout of struct fi_info in the headers of this build
// (libfabric.map). Later libraries keep the older symbols.
constexpr const char* info_symbol_version() {
    if (headers_before(1, 20)) return "FABRIC_1.3";
    if (headers_before(2, 0)) return "FABRIC_1.7";
    if (headers_before(2, 5)) return "FABRIC_1.8";
    if (headers_before(2, 7)) return "FABRIC_1.9";
    return nullptr;  // not known here: the library's newest
}

template <typename Function>
void find(void* library, const char* name, const char* version, Function& into) {
    void* symbol = version == nullptr ? ::dlsym(library, name) : ::dlvsym(library, name, version);
    into = reinterpret_cast<Function>(symbol);
}

// tcp;ofi_rxm takes 70 MB an endpoint by default, and 25 ms for a connection, since it looks at
// what happens to connections every 10 ms. The buffer size must be the same on both sides.
void set_defaults() {
    char buffer[24];
    (void)std::snprintf(buffer, sizeof buffer, "%zu", kOfiEagerBytes);
    (void)::setenv("FI_OFI_RXM_BUFFER_SIZE", buffer, 0);
    (void)::setenv("FI_OFI_RXM_MSG_RX_SIZE", "256", 0);
    (void)::setenv("FI_OFI_RXM_MSG_TX_SIZE", "128", 0);
    (void)::setenv("FI_OFI_RXM_CM_PROGRESS_INTERVAL", "500", 0);  // us
    // Without it fi_av_remove() leaves the connection, and what is under way on it, as it is.
    (void)::setenv("FI_AV_REMOVE_CLEANUP", "1", 0);
    // On kernels where a fork moves pinned pages, the drivers' libraries keep these from the child.
    (void)::setenv("RDMAV_FORK_SAFE", "1", 0);
    (void)::setenv("FI_EFA_FORK_SAFE", "1", 0);
    (void)::setenv("CXI_FORK_SAFE", "1", 0);
}

// Keeps libfabric from having a registration cache, and hooks in the C library, of its own beside
// ours. Only while it starts: the variable is not for our children.
class NoCacheOfItsOwn {
  public:
    NoCacheOfItsOwn() : ours_(std::getenv(kName) == nullptr) {
        if (ours_) (void)::setenv(kName, "disabled", 0);
    }
    ~NoCacheOfItsOwn() {
        if (ours_) (void)::unsetenv(kName);
    }
    NoCacheOfItsOwn(const NoCacheOfItsOwn&) = delete;
    NoCacheOfItsOwn& operator=(const NoCacheOfItsOwn&) = delete;

  private:
    static constexpr const char* kName = "FI_MR_CACHE_MONITOR";
    const bool ours_;
};

// The signal dispositions of the process, put back when it goes.
class SignalKeeper {
  public:
    SignalKeeper() {
        for (std::size_t i = 1; i < saved_.size(); ++i)
            valid_[i] = ::sigaction(static_cast<int>(i), nullptr, &saved_[i]) == 0;
    }
    ~SignalKeeper() {
        for (std::size_t i = 1; i < saved_.size(); ++i)
            if (valid_[i]) (void)::sigaction(static_cast<int>(i), &saved_[i], nullptr);
    }
    SignalKeeper(const SignalKeeper&) = delete;
    SignalKeeper& operator=(const SignalKeeper&) = delete;

  private:
    std::array<struct sigaction, 32> saved_{};
    std::array<bool, 32> valid_{};
};

Result<OfiLibrary> load_now() {
    set_defaults();
    const SignalKeeper keeper;
    const NoCacheOfItsOwn no_cache;
    void* handle = ::dlopen("libfabric.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) handle = ::dlopen("libfabric.so", RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) {
        ORFA_LOG(fabric, error, "no libfabric: %s", ::dlerror());
        return Status::from_errno(ENOSYS);
    }
    OfiLibrary library;
    decltype(&::fi_version) version = nullptr;
    find(handle, "fi_getinfo", info_symbol_version(), library.getinfo);
    find(handle, "fi_freeinfo", info_symbol_version(), library.freeinfo);
    find(handle, "fi_dupinfo", info_symbol_version(), library.dupinfo);
    find(handle, "fi_fabric", "FABRIC_1.1", library.fabric);
    find(handle, "fi_strerror", nullptr, library.strerror);
    find(handle, "fi_version", nullptr, version);
    if (library.getinfo == nullptr || library.freeinfo == nullptr || library.dupinfo == nullptr ||
        library.fabric == nullptr || library.strerror == nullptr || version == nullptr) {
        ORFA_LOG(fabric, error, "libfabric is older than %d.%d, with which this was built",
                 FI_MAJOR_VERSION, FI_MINOR_VERSION);
        return Status::from_errno(ENOSYS);
    }
    library.version = version();
    // Its first look for providers takes 100 ms and may touch signals again: do it here.
    fi_info* none = nullptr;
    if (library.getinfo(FI_VERSION(1, 17), nullptr, nullptr, 0, nullptr, &none) == 0)
        library.freeinfo(none);
    return library;
}

}  // namespace

Result<const OfiLibrary*> OfiLibrary::load() {
    static Mutex mutex;
    static std::optional<Result<OfiLibrary>> loaded;  // guarded by mutex, then never changes
    const MutexLock lock(mutex);
    if (!loaded) loaded.emplace(load_now());
    if (!loaded->ok()) return loaded->status();
    return static_cast<const OfiLibrary*>(&**loaded);
}

}  // namespace orfa::fabric

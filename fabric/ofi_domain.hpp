// SPDX-License-Identifier: MIT
// The libfabric objects of one endpoint, from the choice of the provider to registered memory.
#pragma once

#include "common/status.hpp"
#include "fabric/ofi_library.hpp"

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace orfa::fabric {

// Closes a libfabric object when it goes.
struct FidCloser {
    template <typename Fid>
    void operator()(Fid* fid) const {
        (void)fid->fid.ops->close(&fid->fid);
    }
};
template <typename Fid>
using FidPtr = std::unique_ptr<Fid, FidCloser>;

struct OfiDomainOptions {
    std::string provider;            // empty: the best for TCP that this libfabric has
    std::string host;                // to listen on; numeric or a name; empty: all interfaces
    std::size_t receives = 64;       // receives that will be posted at once
    bool virtual_addresses = false;  // ask for FI_MR_VIRT_ADDR where the provider has the choice
    bool always_register_local = false;  // as if the provider asked for FI_MR_LOCAL (for tests)
};

// Memory that is registered; owned by its OfiDomain.
struct OfiRegion {
    FidPtr<fid_mr> mr;
    OfiRegion* previous = nullptr;
    OfiRegion* next = nullptr;
};

// Not thread-safe.
class OfiDomain {
  public:
    // ENODATA: no such provider here, or none that can do what is needed (logged); other errors as
    // libfabric reports them.
    static Result<std::unique_ptr<OfiDomain>> open(const OfiDomainOptions& options);
    // Closes the endpoint, whatever is under way, and then the rest.
    ~OfiDomain();
    OfiDomain(const OfiDomain&) = delete;
    OfiDomain& operator=(const OfiDomain&) = delete;

    // Forgets everything without closing: in the child of a fork, closing would end the parent's
    // connections.
    void leak();

    [[nodiscard]] fid_ep* ep() const { return ep_.get(); }
    [[nodiscard]] fid_cq* cq() const { return cq_.get(); }
    [[nodiscard]] int cq_fd() const { return cq_fd_; }
    // False: the completion queue has something, or its descriptor cannot be waited for now.
    [[nodiscard]] bool may_wait() const;

    [[nodiscard]] const std::string& provider() const { return provider_; }
    [[nodiscard]] std::uint64_t eager_bytes() const { return eager_bytes_; }
    [[nodiscard]] std::uint32_t address_format() const { return info_->addr_format; }
    [[nodiscard]] std::size_t iov_limit() const { return info_->tx_attr->iov_limit; }
    [[nodiscard]] std::size_t rma_iov_limit() const { return info_->tx_attr->rma_iov_limit; }
    [[nodiscard]] std::uint64_t mr_mode() const {
        return static_cast<std::uint64_t>(info_->domain_attr->mr_mode);
    }
    // True: memory needs no pinning, nor anything else that takes time, to be registered.
    [[nodiscard]] bool registering_is_free() const {
        return (mr_mode() & (FI_MR_LOCAL | FI_MR_ALLOCATED | FI_MR_PROV_KEY)) == 0;
    }
    // How many registrations the provider says it can have; 0: it does not say.
    [[nodiscard]] std::size_t max_registrations() const { return info_->domain_attr->mr_cnt; }
    [[nodiscard]] bool registers_local() const { return registers_local_; }
    // Flags that make the completion of a write mean: seen by the peer before any later message.
    [[nodiscard]] std::uint64_t write_flags() const { return write_flags_; }
    // True: removing a peer's address makes what is under way with it fail soon.
    [[nodiscard]] bool removal_aborts() const { return removal_aborts_; }
    // False: closing a connection on which a read is half done crashes. tcp of libfabric 1.17
    // reports such a read twice, the second time after having freed it.
    [[nodiscard]] bool may_abort_reads() const;
    [[nodiscard]] const char* explain(int err) const { return library_.strerror(err); }

    // The endpoint's name. An endpoint on all interfaces has none of its own: `local` is the
    // address under which this peer knows us.
    Result<std::vector<std::byte>> name(const sockaddr_storage& local) const;
    // EPROTO: `name` cannot be one of this provider.
    Result<fi_addr_t> insert(std::span<const std::byte> name);
    void remove(fi_addr_t address);

    // Memory for peers (FI_REMOTE_*), with a key nobody can guess where the provider lets us
    // choose, or for ourselves (FI_READ and such).
    Result<OfiRegion*> register_memory(std::span<std::byte> memory, std::uint64_t access);
    void release(OfiRegion* region);
    // What a peer gives as address of `byte`, in a region that begins at `base`.
    [[nodiscard]] std::uint64_t remote_address(const void* byte, std::uintptr_t base) const;

  private:
    struct InfoCloser {
        decltype(&::fi_freeinfo) freeinfo;
        void operator()(fi_info* info) const { freeinfo(info); }
    };
    using InfoPtr = std::unique_ptr<fi_info, InfoCloser>;

    OfiDomain(const OfiLibrary& library, InfoPtr info);
    static Result<InfoPtr> choose(const OfiLibrary& library, const OfiDomainOptions& options);
    static Result<InfoPtr> ask(const OfiLibrary& library, const OfiDomainOptions& options,
                               const std::string& provider, std::uint64_t order);
    Status open_objects(const OfiDomainOptions& options);
    void read_properties(const OfiDomainOptions& options);
    std::uint64_t next_key();

    const OfiLibrary& library_;
    InfoPtr info_;
    std::string provider_;
    std::uint64_t eager_bytes_ = 0;
    std::uint64_t write_flags_ = 0;
    bool registers_local_ = false;
    bool removal_aborts_ = false;
    int cq_fd_ = -1;

    // In the order of opening; closed the other way round.
    FidPtr<fid_fabric> fabric_;
    FidPtr<fid_domain> domain_;
    FidPtr<fid_av> av_;
    FidPtr<fid_cq> cq_;
    FidPtr<fid_ep> ep_;

    OfiRegion* regions_ = nullptr;  // all of them, linked
    std::array<std::uint64_t, 32> keys_{};
    std::size_t keys_left_ = 0;
};

}  // namespace orfa::fabric

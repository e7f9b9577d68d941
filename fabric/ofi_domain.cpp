// SPDX-License-Identifier: MIT
#include "fabric/ofi_domain.hpp"

#include "common/log.hpp"
#include "fabric/ofi_wire.hpp"

#include <rdma/fi_cm.h>
#include <rdma/fi_errno.h>

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace orfa::fabric {
namespace {

constexpr std::uint64_t kMrModes = FI_MR_LOCAL | FI_MR_ALLOCATED | FI_MR_PROV_KEY | FI_MR_ENDPOINT;
constexpr std::size_t kTransmits = 1024;  // sends and rma that may be under way at once

Status failed(const OfiLibrary& library, const char* what, int rc) {
    ORFA_LOG(fabric, error, "%s: %s", what, library.strerror(-rc));
    return Status::from_rc(rc);
}

bool is_wildcard(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET)
        return reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr == INADDR_ANY;
    if (address.ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
    return false;
}

void copy_host(sockaddr_storage& into, const sockaddr_storage& from) {
    if (into.ss_family == AF_INET)
        reinterpret_cast<sockaddr_in&>(into).sin_addr =
            reinterpret_cast<const sockaddr_in&>(from).sin_addr;
    else
        reinterpret_cast<sockaddr_in6&>(into).sin6_addr =
            reinterpret_cast<const sockaddr_in6&>(from).sin6_addr;
}

bool is_ip(std::uint32_t format) {
    return format == FI_SOCKADDR_IN || format == FI_SOCKADDR_IN6;
}

// Whether `name` is a whole socket address of the format, with a port.
bool plausible_ip(std::uint32_t format, std::span<const std::byte> name) {
    if (format == FI_SOCKADDR_IN) {
        sockaddr_in a;
        if (name.size() != sizeof a) return false;
        std::memcpy(&a, name.data(), sizeof a);
        return a.sin_family == AF_INET && a.sin_port != 0;
    }
    sockaddr_in6 a;
    if (name.size() != sizeof a) return false;
    std::memcpy(&a, name.data(), sizeof a);
    return a.sin6_family == AF_INET6 && a.sin6_port != 0;
}

}  // namespace

OfiDomain::OfiDomain(const OfiLibrary& library, InfoPtr info)
    : library_(library), info_(std::move(info)), provider_(info_->fabric_attr->prov_name) {
}

OfiDomain::~OfiDomain() {
    while (regions_ != nullptr)
        release(regions_);
}

Result<OfiDomain::InfoPtr> OfiDomain::ask(const OfiLibrary& library,
                                          const OfiDomainOptions& options,
                                          const std::string& provider, std::uint64_t order) {
    const InfoPtr hints(library.dupinfo(nullptr), InfoCloser{library.freeinfo});
    if (hints == nullptr) return Status::from_errno(ENOMEM);
    hints->caps = FI_MSG | FI_RMA;
    hints->mode = FI_CONTEXT | FI_CONTEXT2;
    hints->ep_attr->type = FI_EP_RDM;
    hints->domain_attr->mr_mode =
        static_cast<int>(kMrModes | (options.virtual_addresses ? FI_MR_VIRT_ADDR : 0));
    hints->domain_attr->threading = FI_THREAD_DOMAIN;
    hints->domain_attr->data_progress = FI_PROGRESS_MANUAL;
    hints->tx_attr->msg_order = order;
    hints->rx_attr->msg_order = order;
    hints->rx_attr->size = options.receives;
    hints->fabric_attr->prov_name = ::strdup(provider.c_str());  // freed with the hints

    fi_info* found = nullptr;
    int rc =
        library.getinfo(FI_VERSION(1, 17), options.host.empty() ? nullptr : options.host.c_str(),
                        nullptr, options.host.empty() ? 0 : FI_SOURCE, hints.get(), &found);
    if (rc == -FI_ENODATA && !options.virtual_addresses) {
        // Some need it.
        hints->domain_attr->mr_mode |= static_cast<int>(FI_MR_VIRT_ADDR);
        rc = library.getinfo(FI_VERSION(1, 17),
                             options.host.empty() ? nullptr : options.host.c_str(), nullptr,
                             options.host.empty() ? 0 : FI_SOURCE, hints.get(), &found);
    }
    if (rc != 0) return Status::from_rc(rc);
    return InfoPtr(found, InfoCloser{library.freeinfo});
}

Result<OfiDomain::InfoPtr> OfiDomain::choose(const OfiLibrary& library,
                                             const OfiDomainOptions& options) {
    std::string provider = options.provider;
    if (provider.empty()) provider = library.version < FI_VERSION(1, 18) ? "tcp;ofi_rxm" : "tcp";
    // Messages in order, and after the writes before them; where a provider cannot order writes,
    // their completion must mean delivery.
    Result<InfoPtr> info = ask(library, options, provider, FI_ORDER_SAS | FI_ORDER_SAW);
    if (!info.ok()) info = ask(library, options, provider, FI_ORDER_SAS);
    if (!info.ok()) {
        ORFA_LOG(fabric, error, "libfabric %u.%u has no provider \"%s\" for %s (%s)",
                 FI_MAJOR(library.version), FI_MINOR(library.version), provider.c_str(),
                 options.host.empty() ? "all interfaces" : options.host.c_str(),
                 library.strerror(info.status().err()));
        return info.status();
    }
    return info;
}

Result<std::unique_ptr<OfiDomain>> OfiDomain::open(const OfiDomainOptions& options) {
    Result<const OfiLibrary*> library = OfiLibrary::load();
    if (!library.ok()) return library.status();
    Result<InfoPtr> info = choose(**library, options);
    if (!info.ok()) return info.status();
    std::unique_ptr<OfiDomain> domain(new OfiDomain(**library, std::move(*info)));
    ORFA_TRY(domain->open_objects(options));
    domain->read_properties(options);
    return domain;
}

Status OfiDomain::open_objects(const OfiDomainOptions& options) {
    fid_fabric* fabric = nullptr;
    if (int rc = library_.fabric(info_->fabric_attr, &fabric, nullptr); rc != 0)
        return failed(library_, "fi_fabric", rc);
    fabric_.reset(fabric);
    fid_domain* domain = nullptr;
    if (int rc = fi_domain(fabric, info_.get(), &domain, nullptr); rc != 0)
        return failed(library_, "fi_domain", rc);
    domain_.reset(domain);

    fi_av_attr av_attr{};
    av_attr.type = FI_AV_TABLE;
    fid_av* av = nullptr;
    if (int rc = fi_av_open(domain, &av_attr, &av, nullptr); rc != 0)
        return failed(library_, "fi_av_open", rc);
    av_.reset(av);

    fi_cq_attr cq_attr{};
    cq_attr.size = options.receives + 2 * kTransmits;
    cq_attr.format = FI_CQ_FORMAT_MSG;
    cq_attr.wait_obj = FI_WAIT_FD;
    fid_cq* cq = nullptr;
    if (int rc = fi_cq_open(domain, &cq_attr, &cq, nullptr); rc != 0)
        return failed(library_, "fi_cq_open", rc);
    cq_.reset(cq);
    if (int rc = fi_control(&cq->fid, FI_GETWAIT, &cq_fd_); rc != 0)
        return failed(library_, "a descriptor to wait for completions", rc);

    fid_ep* ep = nullptr;
    if (int rc = fi_endpoint(domain, info_.get(), &ep, nullptr); rc != 0)
        return failed(library_, "fi_endpoint", rc);
    ep_.reset(ep);
    if (int rc = fi_ep_bind(ep, &cq->fid, FI_TRANSMIT | FI_RECV); rc != 0)
        return failed(library_, "fi_ep_bind", rc);
    if (int rc = fi_ep_bind(ep, &av->fid, 0); rc != 0) return failed(library_, "fi_ep_bind", rc);
    if (int rc = fi_enable(ep); rc != 0) return failed(library_, "fi_enable", rc);
    return {};
}

void OfiDomain::read_properties(const OfiDomainOptions& options) {
    const auto mr_mode = static_cast<std::uint64_t>(info_->domain_attr->mr_mode);
    registers_local_ = (mr_mode & FI_MR_LOCAL) != 0 || options.always_register_local;
    write_flags_ = (info_->tx_attr->msg_order & FI_ORDER_SAW) != 0 ? 0 : FI_DELIVERY_COMPLETE;
    if (provider_.find("ofi_rxm") != std::string::npos) {
        removal_aborts_ = true;
        std::size_t limit = 0;
        std::size_t length = sizeof limit;
        if (fi_getopt(&ep_->fid, FI_OPT_ENDPOINT, FI_OPT_BUFFERED_LIMIT, &limit, &length) == 0)
            eager_bytes_ = limit;
    }
    ORFA_LOG(fabric, info, "libfabric %u.%u, provider %s, mr_mode 0x%llx, %zu pieces an rma",
             FI_MAJOR(library_.version), FI_MINOR(library_.version), provider_.c_str(),
             static_cast<unsigned long long>(mr_mode), rma_iov_limit());
}

bool OfiDomain::may_abort_reads() const {
    return library_.version >= FI_VERSION(1, 18) || provider_.find("tcp") == std::string::npos;
}

void OfiDomain::leak() {
    (void)ep_.release();
    (void)cq_.release();
    (void)av_.release();
    (void)domain_.release();
    (void)fabric_.release();
    regions_ = nullptr;
}

bool OfiDomain::may_wait() const {
    fid* fids[] = {&cq_->fid};
    return fi_trywait(fabric_.get(), fids, 1) == FI_SUCCESS;
}

Result<std::vector<std::byte>> OfiDomain::name(const sockaddr_storage& local) const {
    std::vector<std::byte> bytes(256);
    std::size_t length = bytes.size();
    if (int rc = fi_getname(&ep_->fid, bytes.data(), &length); rc != 0)
        return failed(library_, "fi_getname", rc);
    bytes.resize(length);
    sockaddr_storage address{};
    if (is_ip(address_format()) && length <= sizeof address) {
        std::memcpy(&address, bytes.data(), length);
        if (is_wildcard(address) && address.ss_family == local.ss_family) {
            copy_host(address, local);
            std::memcpy(bytes.data(), &address, length);
        }
    }
    return bytes;
}

Result<fi_addr_t> OfiDomain::insert(std::span<const std::byte> name) {
    if (is_ip(address_format()) ? !plausible_ip(address_format(), name) : name.empty())
        return Status::from_errno(EPROTO);
    fi_addr_t address = FI_ADDR_UNSPEC;
    const int n = fi_av_insert(av_.get(), name.data(), 1, &address, 0, nullptr);
    if (n != 1) return Status::from_errno(n < 0 ? -n : EPROTO);
    return address;
}

void OfiDomain::remove(fi_addr_t address) {
    if (int rc = fi_av_remove(av_.get(), &address, 1, 0); rc != 0)
        ORFA_LOG(fabric, warn, "fi_av_remove: %s", library_.strerror(-rc));
}

std::uint64_t OfiDomain::next_key() {
    if (keys_left_ == 0) {
        fill_random(keys_.data(), sizeof keys_);
        keys_left_ = keys_.size();
    }
    const std::size_t bytes = info_->domain_attr->mr_key_size;
    const std::uint64_t key = keys_[--keys_left_];
    return bytes >= sizeof key ? key : key & ((std::uint64_t{1} << (8 * bytes)) - 1);
}

Result<OfiRegion*> OfiDomain::register_memory(std::span<std::byte> memory, std::uint64_t access) {
    fid_mr* mr = nullptr;
    int rc = 0;
    for (int tries = 0; tries < 8; ++tries) {
        rc = fi_mr_reg(domain_.get(), memory.data(), memory.size(), access, 0, next_key(), 0, &mr,
                       nullptr);
        if (rc != -FI_ENOKEY) break;  // the key is taken
    }
    if (rc != 0) return failed(library_, "fi_mr_reg", rc);
    auto region = std::make_unique<OfiRegion>();
    region->mr.reset(mr);
    if ((info_->domain_attr->mr_mode & FI_MR_ENDPOINT) != 0) {
        if (rc = fi_mr_bind(mr, &ep_->fid, 0); rc == 0) rc = fi_mr_enable(mr);
        if (rc != 0) return failed(library_, "fi_mr_enable", rc);
    }
    region->next = regions_;
    if (regions_ != nullptr) regions_->previous = region.get();
    regions_ = region.get();
    return region.release();
}

void OfiDomain::release(OfiRegion* region) {
    if (region->previous != nullptr)
        region->previous->next = region->next;
    else
        regions_ = region->next;
    if (region->next != nullptr) region->next->previous = region->previous;
    delete region;
}

std::uint64_t OfiDomain::remote_address(const void* byte, std::uintptr_t base) const {
    const auto address = reinterpret_cast<std::uint64_t>(byte);
    return (info_->domain_attr->mr_mode & FI_MR_VIRT_ADDR) != 0 ? address : address - base;
}

}  // namespace orfa::fabric

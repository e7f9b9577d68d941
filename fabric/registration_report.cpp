// SPDX-License-Identifier: MIT
#include "fabric/registration_report.hpp"

#include "common/units.hpp"
#include "fabric/libc_hooks.hpp"
#include "fabric/monitor_hooks.hpp"
#include "fabric/monitor_userfaultfd.hpp"
#include "fabric/ofi_domain.hpp"
#include "fabric/pinned_pages.hpp"
#include "fabric/registration_settings.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace orfa::fabric {
namespace {

using Findings = std::vector<Finding>;

// Holds nothing: for monitors that are only tried.
class NobodyListens final : public MemoryListener {
  public:
    void on_memory_changed(const AddressRange&) noexcept override {}
};

std::string mode_names(std::uint64_t mode) {
    struct Bit {
        std::uint64_t bit;
        const char* name;
    };
    constexpr Bit kBits[] = {{FI_MR_LOCAL, "local"},
                             {FI_MR_VIRT_ADDR, "virtual addresses"},
                             {FI_MR_ALLOCATED, "allocated"},
                             {FI_MR_PROV_KEY, "provider's keys"},
                             {FI_MR_ENDPOINT, "endpoint"}};
    std::string text;
    for (const Bit& bit : kBits) {
        if ((mode & bit.bit) == 0) continue;
        text += (text.empty() ? "" : ", ") + std::string(bit.name);
    }
    return text.empty() ? "nothing" : text;
}

void report_provider(Findings& findings, bool& registering_is_free) {
    OfiDomainOptions options;
    const char* wanted = std::getenv("ORFA_PROVIDER");
    if (wanted != nullptr) options.provider = wanted;
    auto domain = OfiDomain::open(options);
    if (!domain.ok()) {
        findings.push_back({"provider", wanted == nullptr ? "default" : wanted, false,
                            "libfabric does not open it here: only servers on this host can be "
                            "reached (ORFA_LOG=info says more)"});
        return;
    }
    OfiDomain& open = **domain;
    registering_is_free = open.registering_is_free();
    findings.push_back({"provider", open.provider(), true, ""});
    findings.push_back({"provider asks for", mode_names(open.mr_mode()), true,
                        registering_is_free
                            ? "registering costs nothing: no cache is needed, and none is used"
                            : "memory is pinned: it is registered once and kept"});
    constexpr std::size_t kBytes = 1 << 20;
    void* at = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return;
    const auto region = open.register_memory({static_cast<std::byte*>(at), kBytes},
                                             FI_REMOTE_READ | FI_REMOTE_WRITE);
    findings.push_back({"registering 1 MiB",
                        region.ok() ? "works" : std::strerror(region.status().err()), region.ok(),
                        region.ok() ? "" : "see the limit of locked memory, and the container"});
    if (region.ok()) open.release(*region);
    ::munmap(at, kBytes);
}

void report_settings(Findings& findings, bool registering_is_free) {
    auto settings = RegistrationSettings::from_environment();
    if (!settings.ok()) {
        findings.push_back({"settings", "wrong", false, "the log line above says which"});
        return;
    }
    using Cache = RegistrationSettings::Cache;
    const bool priced = settings->price.has_value();
    const bool costs = priced || !registering_is_free;
    const bool cached = settings->cache != Cache::kOff &&
                        settings->monitor != MonitorChoice::kNone &&
                        (costs || settings->cache == Cache::kOn);
    const std::size_t bytes =
        settings->cache_bytes != 0 ? settings->cache_bytes : default_cache_bytes();
    findings.push_back({"registration cache", cached ? "on, " + format_bytes(bytes) : "off",
                        cached || !costs,
                        cached  ? ""
                        : costs ? "each transfer registers its memory"
                                : "not needed"});
    if (priced)
        findings.push_back({"pretended price", std::getenv("ORFA_REGISTRATION_PRICE"), false,
                            "transfers are slowed on purpose (ORFA_REGISTRATION_PRICE)"});
}

void report_monitors(Findings& findings) {
    NobodyListens nobody;
    const auto hooks = HooksMonitor::create(nobody);
    findings.push_back({"memory monitor: hooks", hooks.ok() ? LibcHooks::way() : "no", hooks.ok(),
                        hooks.ok() ? "" : LibcHooks::reason()});
    const auto kernel = UserfaultfdMonitor::create(nobody);
    findings.push_back({"memory monitor: userfaultfd",
                        kernel.ok() ? "works" : std::strerror(kernel.status().err()), kernel.ok(),
                        kernel.ok() ? "" : "kernels before 5.11, and many containers, forbid it"});
}

std::string first_line_of(const char* path) {
    char line[256] = "";
    if (std::FILE* file = std::fopen(path, "re"); file != nullptr) {
        if (std::fgets(line, sizeof line, file) == nullptr) line[0] = '\0';
        (void)std::fclose(file);
    }
    line[std::strcspn(line, "\n")] = '\0';
    return line;
}

void report_limits(Findings& findings) {
    const std::size_t lockable = lockable_bytes();
    constexpr std::size_t kLittle = std::size_t{64} << 20;
    findings.push_back({"locked memory",
                        lockable == SIZE_MAX ? "unlimited" : format_bytes(lockable),
                        lockable >= kLittle,
                        lockable >= kLittle ? "" : "little for pinned memory: raise ulimit -l"});
    std::string container;
    if (::access("/.dockerenv", F_OK) == 0) container = "docker";
    if (::access("/run/.containerenv", F_OK) == 0) container = "podman";
    if (const char* name = std::getenv("container"); name != nullptr) container = name;
    findings.push_back(
        {"container", container.empty() ? "none seen" : container, container.empty(),
         container.empty() ? "" : "may hide the network card and limit locked memory"});
    const std::string yama = first_line_of("/proc/sys/kernel/yama/ptrace_scope");
    const bool open = yama.empty() || yama == "0";
    findings.push_back({"Yama", yama.empty() ? "not there" : "ptrace_scope " + yama, open,
                        open ? ""
                             : "servers on this host may not reach a client's memory unless "
                               "it lets them"});
    const auto pages = PinnedPages::open();
    findings.push_back({"stale registrations noticed", pages->sees_frames() ? "yes" : "no", true,
                        pages->sees_frames()
                            ? "with ORFA_REGISTRATION_PRICE"
                            : "with ORFA_REGISTRATION_PRICE; needs CAP_SYS_ADMIN"});
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out + '"';
}

}  // namespace

std::vector<Finding> report_registration() {
    Findings findings;
    bool registering_is_free = true;
    report_provider(findings, registering_is_free);
    report_settings(findings, registering_is_free);
    report_monitors(findings);
    report_limits(findings);
    return findings;
}

std::string to_json(const std::vector<Finding>& findings) {
    std::string json = "[";
    for (const Finding& finding : findings) {
        if (json.size() > 1) json += ',';
        json += "{\"check\":" + quoted(finding.check) + ",\"value\":" + quoted(finding.value) +
                ",\"good\":" + (finding.good ? "true" : "false") +
                ",\"note\":" + quoted(finding.note) + "}";
    }
    return json + "]";
}

}  // namespace orfa::fabric

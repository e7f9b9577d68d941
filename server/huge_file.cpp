// SPDX-License-Identifier: MIT
#include "server/huge_file.hpp"

#include "common/log.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace orfa::server {
namespace {

constexpr int kLongestMs = 5000;

// The word in brackets of a setting of the kernel, as in "always [madvise] never"; empty: none.
std::string chosen_word(const char* path) {
    std::ifstream file(path);
    std::string word;
    while (file >> word)
        if (word.size() > 2 && word.front() == '[') return word.substr(1, word.size() - 2);
    return {};
}

void write_file(const char* path, const char* text) {
    const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
    if (fd) (void)!::write(fd.get(), text, std::strlen(text));
}

// A file of a tmpfs that is mounted nowhere, with huge pages; -1: not allowed.
int open_on_new_tmpfs() {
    const UniqueFd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
    if (!context || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "huge", "always", 0) != 0 ||
        // Not the half of memory that is the default: the pool has its own limit.
        ::fsconfig(context.get(), FSCONFIG_SET_STRING, "size", "0", 0) != 0 ||
        ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return -1;
    const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID));
    if (!mount) return -1;
    return ::openat(mount.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

// A message of one byte that carries a descriptor.
struct FdMessage {
    FdMessage() {
        header.msg_iov = &data;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
    FdMessage(const FdMessage&) = delete;
    FdMessage& operator=(const FdMessage&) = delete;

    char byte = 0;
    iovec data{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
};

void send_fd(int socket, int fd) {
    FdMessage message;
    cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    (void)!::sendmsg(socket, &message.header, MSG_NOSIGNAL);
}

UniqueFd receive_fd(int socket) {
    pollfd ready{socket, POLLIN, 0};
    if (::poll(&ready, 1, kLongestMs) <= 0) return UniqueFd();
    FdMessage message;
    if (::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC) <= 0) return UniqueFd();
    const cmsghdr* rights = CMSG_FIRSTHDR(&message.header);
    if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return UniqueFd();
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return UniqueFd(fd);
}

// In a child process: as the user is, or, where that does not do, in name spaces of its own.
UniqueFd open_in_child() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return UniqueFd();
    UniqueFd here(ends[0]);
    UniqueFd there(ends[1]);
    const std::string uids = "0 " + std::to_string(::geteuid()) + " 1";
    const std::string gids = "0 " + std::to_string(::getegid()) + " 1";
    const pid_t child = ::fork();
    if (child == 0) {
        // Only system calls here: other threads of the parent may have held any lock.
        int fd = open_on_new_tmpfs();
        if (fd < 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) {
            write_file("/proc/self/setgroups", "deny");
            write_file("/proc/self/uid_map", uids.c_str());
            write_file("/proc/self/gid_map", gids.c_str());
            fd = open_on_new_tmpfs();
        }
        if (fd >= 0) send_fd(there.get(), fd);
        ::_exit(0);
    }
    there.reset();
    if (child < 0) return UniqueFd();
    UniqueFd file = receive_fd(here.get());
    if (!file) (void)::kill(child, SIGKILL);
    (void)::waitpid(child, nullptr, 0);
    return file;
}

}  // namespace

Result<UniqueFd> make_huge_file() {
    const std::string shared = chosen_word("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    const std::string own = chosen_word("/sys/kernel/mm/transparent_hugepage/enabled");
    const bool as_private =
        (!shared.empty() && shared != "never" && shared != "deny") || own.empty() || own == "never";
    UniqueFd file = as_private ? UniqueFd(::memfd_create("orfa-store", MFD_CLOEXEC)) : UniqueFd();
    if (!file && shared != "deny") file = open_in_child();
    if (!file) {
        ORFA_LOG(server, info,
                 "no huge pages in memory that clients could map: they send requests");
        return Status::from_errno(ENOTSUP);
    }
    return file;
}

}  // namespace orfa::server

// SPDX-License-Identifier: MIT
#include "tests/integration/processes.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <sstream>
#include <thread>

extern char** environ;

namespace orfa::testing {
namespace {

using Clock = std::chrono::steady_clock;

// In the child: it goes when the parent goes.
void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(98);
}

// What is known of libfabric and no fault of ours. Programs that are started have no suppressions
// compiled in, as tests have (tests/sanitizer_options.cpp).
Environment with_suppressions(Environment more) {
    if (kSlower == 1) return more;
    const auto add = [&more](const char* name, const std::string& file) {
        const char* before = std::getenv(name);
        more.emplace_back(name, std::string(before == nullptr ? "" : before) + ":suppressions='" +
                                    ORFA_TESTS_DIR "/" + file + "'");
    };
    add("LSAN_OPTIONS", "lsan.supp");
    add("TSAN_OPTIONS", "tsan.supp");
    return more;
}

std::vector<std::string> merged_environment(const Environment& more) {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        const bool replaced = std::any_of(more.begin(), more.end(), [&](const auto& pair) {
            return text.rfind(pair.first + "=", 0) == 0;
        });
        if (!replaced) all.push_back(text);
    }
    for (const auto& [name, value] : more)
        all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

}  // namespace

pid_t spawn(const std::vector<std::string>& arguments, const Environment& more, int output,
            int keep_fd) {
    std::vector<std::string> own_arguments = arguments;
    std::vector<std::string> own_environment = merged_environment(with_suppressions(more));
    const auto argv = pointers(own_arguments);
    const auto envp = pointers(own_environment);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid != 0) return pid;
    die_with(parent);
    if (output >= 0) {
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
    }
    if (keep_fd >= 0) fcntl(keep_fd, F_SETFD, 0);
    execvpe(argv[0], argv.data(), envp.data());
    _exit(127);
}

pid_t fork_child(const std::function<int()>& body) {
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid != 0) return pid;
    die_with(parent);
    int code = 99;
    try {
        code = body();
    } catch (const std::exception&) {
        code = 99;
    }
    _exit(code);
}

int wait_child(pid_t pid, int timeout_ms) {
    if (pid <= 0) return -1;
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms) * kSlower;
    auto pause = std::chrono::microseconds(100);
    while (true) {
        int status = 0;
        const pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 && errno != EINTR) return -1;
        if (Clock::now() > deadline) return -1;
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::microseconds(5000));
    }
}

void end_child(pid_t pid) {
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    wait_child(pid, 10000);
}

ProgramResult run_program(const std::vector<std::string>& arguments, const Environment& more,
                          int timeout_ms) {
    char name[] = "/tmp/orfa-test-output-XXXXXX";
    const UniqueFd output(mkostemp(name, O_CLOEXEC));
    if (!output) return {-1, "no temporary file"};
    unlink(name);
    const pid_t pid = spawn(arguments, more, output.get());
    const int code = wait_child(pid, timeout_ms);
    if (code < 0) end_child(pid);
    std::string text;
    char piece[4096];
    off_t at = 0;
    for (ssize_t n = 0; (n = pread(output.get(), piece, sizeof(piece), at)) > 0; at += n)
        text.append(piece, static_cast<std::size_t>(n));
    return {code, text};
}

struct Barrier::Shared {
    pthread_barrier_t barrier;
};

Barrier::Barrier(unsigned processes) {
    void* memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shared_ = static_cast<Shared*>(memory);
    pthread_barrierattr_t attributes;
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&shared_->barrier, &attributes, processes);
    pthread_barrierattr_destroy(&attributes);
}

// The barrier itself is not destroyed: a process that was killed in it would be waited for.
Barrier::~Barrier() {
    munmap(shared_, sizeof(Shared));
}

void Barrier::wait() {
    pthread_barrier_wait(&shared_->barrier);
}

int run_processes(unsigned count, int timeout_ms,
                  const std::function<int(unsigned rank, Barrier& barrier)>& body) {
    Barrier barrier(count);
    std::vector<pid_t> running;
    for (unsigned rank = 0; rank < count; ++rank)
        running.push_back(fork_child([&] { return body(rank, barrier); }));
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms) * kSlower;
    int failed = 0;
    while (!running.empty() && failed == 0) {
        for (auto it = running.begin(); it != running.end();) {
            const int code = wait_child(*it, 0);
            if (code > 0) failed = code;
            it = code >= 0 ? running.erase(it) : std::next(it);
        }
        if (Clock::now() > deadline) failed = -1;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (const pid_t pid : running)
        end_child(pid);
    return failed;
}

bool eventually(int timeout_ms, const std::function<bool()>& condition) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms) * kSlower;
    while (true) {
        if (condition()) return true;
        if (Clock::now() > deadline) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

std::size_t descriptor_count(pid_t pid) {
    std::error_code error;
    const std::filesystem::directory_iterator fds("/proc/" + std::to_string(pid) + "/fd", error);
    if (error) return 0;
    return static_cast<std::size_t>(std::distance(begin(fds), end(fds)));
}

std::size_t status_kib(pid_t pid, const std::string& field) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind(field + ":", 0) != 0) continue;
        std::istringstream words(line.substr(field.size() + 1));
        std::size_t kib = 0;
        words >> kib;
        return kib;
    }
    return 0;
}

}  // namespace orfa::testing

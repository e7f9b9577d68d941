// SPDX-License-Identifier: MIT
// Coroutines for request handlers: a handler reads like straight code and gives its shard back
// while it waits for a transfer or another server. One thread: a Task runs and ends on its shard.
#pragma once

#include "common/status.hpp"

#include <array>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <utility>

namespace orfa::server {

// Keeps freed coroutine frames for the next ones, so that a warm request allocates nothing.
// One per thread; frames are freed on the thread that made them.
class FramePool {
  public:
    static void* allocate(std::size_t size);
    static void release(void* frame, std::size_t size) noexcept;
};

// The result of a coroutine that starts when awaited. T: Status or Result<...>. The awaiting
// coroutine owns it. Exceptions (bad_alloc) of the body end in std::terminate.
template <typename T>
class [[nodiscard]] Task {
  public:
    struct promise_type {
        // NOLINTNEXTLINE(misc-new-delete-overloads): the delete with a size below is its match
        static void* operator new(std::size_t size) { return FramePool::allocate(size); }
        static void operator delete(void* frame, std::size_t size) noexcept {
            FramePool::release(frame, size);
        }
        Task get_return_object() {
            return Task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        struct FinalAwaiter {
            bool await_ready() noexcept { return false; }
            std::coroutine_handle<> await_suspend(
                std::coroutine_handle<promise_type> self) noexcept {
                return self.promise().continuation;
            }
            void await_resume() noexcept {}
        };
        FinalAwaiter final_suspend() noexcept { return {}; }
        template <typename U>
        void return_value(U&& value) {
            result.emplace(std::forward<U>(value));
        }
        [[noreturn]] void unhandled_exception() { std::terminate(); }

        std::optional<T> result;
        std::coroutine_handle<> continuation = std::noop_coroutine();
    };

    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&&) = delete;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    ~Task() {
        if (handle_) handle_.destroy();
    }

    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
        handle_.promise().continuation = awaiting;
        return handle_;
    }
    T await_resume() { return std::move(*handle_.promise().result); }

  private:
    explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    std::coroutine_handle<promise_type> handle_;
};

// A coroutine nobody waits for: it starts at once and frees itself at its end.
struct Detached {
    struct promise_type {
        // NOLINTNEXTLINE(misc-new-delete-overloads): the delete with a size below is its match
        static void* operator new(std::size_t size) { return FramePool::allocate(size); }
        static void operator delete(void* frame, std::size_t size) noexcept {
            FramePool::release(frame, size);
        }
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() { std::terminate(); }
    };
};

}  // namespace orfa::server

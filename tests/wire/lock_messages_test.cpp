// SPDX-License-Identifier: MIT
// The bytes of what is said about locks and counters: a change here is a change of the protocol.
#include "protocol/lock_messages.hpp"

#include "protocol/codec.hpp"
#include "tests/wire/golden.hpp"

#include <gtest/gtest.h>

#include <string>

namespace orfa::protocol {
namespace {

template <Wire T>
std::string hex_of(const T& message) {
    return hex(std::as_bytes(std::span(&message, 1)));
}

TEST(LockMessages, Numbers) {
    EXPECT_EQ(static_cast<int>(Op::kLock), 112);
    EXPECT_EQ(static_cast<int>(Op::kUnlock), 113);
    EXPECT_EQ(static_cast<int>(Op::kCounter), 114);
    EXPECT_EQ(static_cast<int>(LockMode::kShared), 1);
    EXPECT_EQ(static_cast<int>(LockMode::kExclusive), 2);
    EXPECT_EQ(static_cast<int>(kLockTry), 1);
    EXPECT_EQ(static_cast<int>(CounterAction::kAdd), 1);
    EXPECT_EQ(static_cast<int>(CounterAction::kSet), 2);
    EXPECT_EQ(static_cast<int>(CounterAction::kGet), 3);
    EXPECT_EQ(static_cast<int>(CounterAction::kDrop), 4);
}

TEST(LockMessages, Locks) {
    EXPECT_EQ(hex_of(LockRequest{kCapability, 9, {0x1000, 0x200}, LockMode::kExclusive, kLockTry}),
              kCapabilityBytes +
                  "0900000000000000"
                  "0010000000000000"
                  "0002000000000000"
                  "02000000"
                  "01000000");
    EXPECT_EQ(hex_of(LockReply{1, 20}), "0100000014000000");
    EXPECT_EQ(hex_of(UnlockRequest{kCapability, 0x1234}), kCapabilityBytes + "3412000000000000");
}

TEST(LockMessages, Counters) {
    EXPECT_EQ(hex_of(CounterRequest{kCapability, {0xa1, 0xb2}, -2, CounterAction::kSet, 0}),
              kCapabilityBytes +
                  "a100000000000000"
                  "b200000000000000"
                  "feffffffffffffff"
                  "02000000"
                  "00000000");
    EXPECT_EQ(hex_of(CounterReply{0x10203}), "0302010000000000");
}

}  // namespace
}  // namespace orfa::protocol

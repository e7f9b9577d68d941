// SPDX-License-Identifier: MIT
#include "common/status.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace orfa {
namespace {

TEST(Status, IsSuccessUnlessToldOtherwise) {
    EXPECT_TRUE(Status().ok());
    EXPECT_TRUE(Status::from_errno(0).ok());
    EXPECT_FALSE(Status::from_errno(EIO).ok());
    EXPECT_EQ(Status::from_errno(EIO).err(), EIO);
}

TEST(Status, TakesTheErrnoOutOfANegativeReturn) {
    EXPECT_EQ(Status::from_rc(-ENOSPC).err(), ENOSPC);
    EXPECT_TRUE(Status::from_rc(17).ok());
    EXPECT_TRUE(Status::from_rc(0).ok());
}

TEST(Result, HoldsAValueOrTheReasonThereIsNone) {
    Result<std::string> value = std::string("here");
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(*value, "here");
    EXPECT_EQ(value->size(), 4U);
    EXPECT_TRUE(value.status().ok());

    const Result<std::string> none = Status::from_errno(ENOENT);
    EXPECT_FALSE(none.ok());
    EXPECT_EQ(none.status().err(), ENOENT);
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
    Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
    ASSERT_TRUE(result.ok());
    const std::unique_ptr<int> taken = std::move(*result);
    EXPECT_EQ(*taken, 5);
}

Result<int> twice(const Status& first, int value) {
    ORFA_TRY(first);
    return 2 * value;
}

TEST(Try, PassesAFailureOnAndGoesOnAfterSuccess) {
    EXPECT_EQ(twice(Status::from_errno(EACCES), 1).status().err(), EACCES);
    auto result = twice(Status(), 21);
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(*result, 42);
}

}  // namespace
}  // namespace orfa

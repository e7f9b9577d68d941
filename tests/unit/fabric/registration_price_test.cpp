// SPDX-License-Identifier: MIT
#include "fabric/registration_price.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace orfa::fabric {
namespace {

TEST(RegistrationPrice, IsTwoNumbersOrThree) {
    auto two = parse_price("300:20000");
    ASSERT_TRUE(two.ok());
    EXPECT_EQ(two->registering_ns(4097), 600U);
    EXPECT_EQ(two->deregistering_ns(1 << 20), 20000U);
    auto three = parse_price("300:20000:96");
    ASSERT_TRUE(three.ok());
    EXPECT_EQ(three->deregistering_ns(1 << 20), 20000U + 256 * 96);
}

TEST(RegistrationPrice, DeregisteringVerbsMemoryCostsByThePage) {
    auto verbs = parse_price("verbs");
    ASSERT_TRUE(verbs.ok());
    EXPECT_GT(verbs->deregistering_ns(1 << 20), verbs->deregistering_ns(4096));
}

TEST(RegistrationPrice, AnythingElseIsEinval) {
    for (const char* text : {"", "300", "300:", ":5", "1:2:", "1:2:3:", "1:2:3:4", "a:b", "1:-2"})
        EXPECT_EQ(parse_price(text).status().err(), EINVAL) << text;
}

}  // namespace
}  // namespace orfa::fabric

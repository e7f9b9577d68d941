// SPDX-License-Identifier: MIT
// The bytes of the messages about names, as they are: a change here is a change of the protocol.
#include "protocol/name_messages.hpp"

#include "protocol/codec.hpp"
#include "protocol/peer_messages.hpp"
#include "tests/wire/golden.hpp"

#include <gtest/gtest.h>

#include <string>

namespace orfa::protocol {
namespace {

template <Wire T>
std::string hex_of(const T& message, std::initializer_list<std::string_view> texts = {}) {
    std::byte buffer[512];
    Writer writer(buffer);
    EXPECT_TRUE(writer.put(message));
    for (const auto text : texts)
        EXPECT_TRUE(writer.put_string(text));
    return hex(writer.written());
}

constexpr std::uint64_t kIno = make_ino(2, 0x345);
const std::string kInoBytes = "4503000000000200";
constexpr Layout kLayout{0x100000, 4, 1};
const std::string kLayoutBytes =
    "0000100000000000"
    "04000000"
    "01000000";
constexpr Attributes kAttributes{kIno, 0100644, 1, 1000,    100,     5, 4096,
                                 1,    2,       3, kLayout, kSpread, 0};
const std::string kAttributesBytes = kInoBytes +
                                     "a4810000"
                                     "01000000"
                                     "e8030000"
                                     "64000000"
                                     "0500000000000000"
                                     "0010000000000000"
                                     "0100000000000000"
                                     "0200000000000000"
                                     "0300000000000000" +
                                     kLayoutBytes +
                                     "01000000"
                                     "00000000";

TEST(NameMessages, Numbers) {
    EXPECT_EQ(kRootIno, 1U);
    EXPECT_EQ(kMaxName, 255U);
    EXPECT_EQ(static_cast<int>(Op::kWalk), 16);
    EXPECT_EQ(static_cast<int>(Op::kAppend), 35);
    EXPECT_EQ(static_cast<int>(Op::kPeerMakeDirectory), 96);
    EXPECT_EQ(static_cast<int>(Op::kPeerRenameTurn), 103);
}

TEST(NameMessages, Paths) {
    EXPECT_EQ(hex_of(WalkRequest{kRootIno, kFollowLast, 6}, {"a/b"}),
              "0100000000000000"
              "01000000"
              "06000000"
              "03000000"
              "612f62");
    EXPECT_EQ(hex_of(PathReply{PathState::kSymlink, 3, kIno}, {"x"}),
              "02000000"
              "03000000" +
                  kInoBytes +
                  "01000000"
                  "78");
    EXPECT_EQ(hex_of(OpenRequest{kRootIno, kOpenWrite | kOpenCreate, 0644, kLayout}, {"f"}),
              "0100000000000000"
              "06000000"
              "a4010000" +
                  kLayoutBytes +
                  "01000000"
                  "66");
    EXPECT_EQ(hex_of(OpenReply{kAttributes, kCapability, 1, 0}), kAttributesBytes +
                                                                     kCapabilityBytes +
                                                                     "01000000"
                                                                     "00000000");
    EXPECT_EQ(hex_of(MkdirRequest{kIno, 0755, 0}, {"d"}), kInoBytes +
                                                              "ed010000"
                                                              "00000000"
                                                              "01000000"
                                                              "64");
    EXPECT_EQ(hex_of(RemoveRequest{kIno}, {"d"}), kInoBytes +
                                                      "01000000"
                                                      "64");
    EXPECT_EQ(hex_of(SymlinkRequest{kIno}, {"l", "t"}), kInoBytes +
                                                            "01000000"
                                                            "6c"
                                                            "01000000"
                                                            "74");
}

TEST(NameMessages, Inodes) {
    EXPECT_EQ(hex_of(InodeRequest{kIno}), kInoBytes);
    EXPECT_EQ(hex_of(SetattrRequest{kIno, kSetMode | kSetMtime, 0600, 1, 2, 3, -1}),
              kInoBytes +
                  "11000000"
                  "80010000"
                  "01000000"
                  "02000000"
                  "0300000000000000"
                  "ffffffffffffffff");
    EXPECT_EQ(hex_of(SetattrReply{kAttributes, kCapability}), kAttributesBytes + kCapabilityBytes);
    EXPECT_EQ(hex_of(LinkRequest{kIno, kRootIno}, {"n"}), kInoBytes +
                                                              "0100000000000000"
                                                              "01000000"
                                                              "6e");
    EXPECT_EQ(hex_of(RenameRequest{kIno, kRootIno, kRenameNoReplace, 0}, {"a", "b"}),
              kInoBytes +
                  "0100000000000000"
                  "01000000"
                  "00000000"
                  "01000000"
                  "61"
                  "01000000"
                  "62");
    EXPECT_EQ(hex_of(MarkSpreadRequest{kCapability}), kCapabilityBytes);
    EXPECT_EQ(hex_of(AppendRequest{kCapability, 7, 8}), kCapabilityBytes +
                                                            "0700000000000000"
                                                            "0800000000000000");
    EXPECT_EQ(hex_of(AppendReply{9}), "0900000000000000");
    EXPECT_EQ(hex_of(StatfsReply{1, 2, 3, 255, 0}),
              "0100000000000000"
              "0200000000000000"
              "0300000000000000"
              "ff000000"
              "00000000");
}

TEST(NameMessages, ListsAndAttributes) {
    EXPECT_EQ(hex_of(ReaddirRequest{kIno, 5, 6, 0}, {"n"}), kInoBytes +
                                                                "0500000000000000"
                                                                "06000000"
                                                                "00000000"
                                                                "01000000"
                                                                "6e");
    EXPECT_EQ(hex_of(ReaddirReply{1, 1}),
              "01000000"
              "01000000");
    EXPECT_EQ(hex_of(ReaddirEntry{kIno, 5, 0040000, 0}, {"n"}), kInoBytes +
                                                                    "0500000000000000"
                                                                    "00400000"
                                                                    "00000000"
                                                                    "01000000"
                                                                    "6e");
    EXPECT_EQ(hex_of(GetxattrRequest{kIno, 1, 2}, {"user.a"}), kInoBytes +
                                                                   "01000000"
                                                                   "02000000"
                                                                   "06000000"
                                                                   "757365722e61");
    EXPECT_EQ(hex_of(XattrPiece{3, 0}, {"abc"}),
              "03000000"
              "00000000"
              "03000000"
              "616263");
    EXPECT_EQ(hex_of(SetxattrRequest{kIno, 1, 2, 3, 0}, {"n", "v"}), kInoBytes +
                                                                         "01000000"
                                                                         "02000000"
                                                                         "03000000"
                                                                         "00000000"
                                                                         "01000000"
                                                                         "6e"
                                                                         "01000000"
                                                                         "76");
    EXPECT_EQ(hex_of(RemovexattrRequest{kIno}, {"n"}), kInoBytes +
                                                           "01000000"
                                                           "6e");
}

TEST(PeerMessages, Steps) {
    constexpr PeerStep kStep{0x11, 0x10, 3, 2};
    const std::string step =
        "1100000000000000"
        "1000000000000000"
        "03000000"
        "02000000";
    EXPECT_EQ(hex_of(PeerMakeDirectory{kIno, kRootIno, 0755, 1000, 100, 0, kLayout}),
              kInoBytes +
                  "0100000000000000"
                  "ed010000"
                  "e8030000"
                  "64000000"
                  "00000000" +
                  kLayoutBytes);
    EXPECT_EQ(hex_of(PeerRemoveDirectory{kIno, DirectoryRemoval::kSeal, 0}), kInoBytes +
                                                                                 "02000000"
                                                                                 "00000000");
    EXPECT_EQ(hex_of(PeerAdjustLinks{kStep, kIno, kRootIno, -1, 0}), step + kInoBytes +
                                                                         "0100000000000000"
                                                                         "ffffffff"
                                                                         "00000000");
    EXPECT_EQ(hex_of(PeerInsertEntry{kStep, kRootIno, kIno, 0, 0100000, 0}, {"n"}),
              step + "0100000000000000" + kInoBytes +
                  "0000000000000000"
                  "00800000"
                  "00000000"
                  "01000000"
                  "6e");
    EXPECT_EQ(hex_of(PeerGetattr{kIno, kRootIno}, {""}), kInoBytes +
                                                             "0100000000000000"
                                                             "00000000");
    EXPECT_EQ(hex_of(PeerGetattrReply{kAttributes, kRootIno, kIno, 0100000, 0}),
              kAttributesBytes + "0100000000000000" + kInoBytes +
                  "00800000"
                  "00000000");
    EXPECT_EQ(hex_of(PeerRemoveObject{1, 0}),
              "01000000"
              "00000000");
    EXPECT_EQ(hex_of(PeerRenameTurn{1, 0}),
              "01000000"
              "00000000");
}

}  // namespace
}  // namespace orfa::protocol

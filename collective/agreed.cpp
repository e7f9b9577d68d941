// SPDX-License-Identifier: MIT
#include "collective/agreed.hpp"

namespace orfa::collective {
namespace {

constexpr unsigned kMostStays = 4;           // of Outcomes::kRemembered
constexpr std::uint64_t kReadsInPieces = 8;  // as many times larger ones are small

std::string name_of(Way way) {
    switch (way) {
        case Way::kTwophase:
            return "two-phase, ";
        case Way::kGeneric:
            return "ROMIO's two-phase, ";
        case Way::kServer:
            return "server-directed";
        case Way::kAuto:
        case Way::kIndependent:
            break;
    }
    return "independent";
}

}  // namespace

void Agreed::consider(const orfa_layout& layout, std::uint32_t ranks, bool writing, bool board,
                      bool windows) {
    domains = domains_of(layout, notes, ranks);
    facts = facts_of(notes, domains, ranks);
    facts.common_memory = windows;
    choice = choose(facts);
    const std::uint64_t times = !writing && facts.file_pieces > 1 ? kReadsInPieces : 1;
    const bool small = (facts.bytes + times - 1) / times <= notes.number(Notes::kRunAheadSize);
    ahead = board && choice.way == Way::kIndependent && facts.orderly && small &&
            notes.number(Notes::kRunAhead) > 0 && notes.number(Notes::kStays) <= kMostStays;
}

std::string Agreed::news(std::uint32_t ranks) {
    std::string words = name_of(choice.way);
    if (choice.way == Way::kTwophase || choice.way == Way::kGeneric) {
        words += std::to_string(domains.aggregators) + " of " + std::to_string(ranks) +
                 " ranks aggregate, " + std::to_string(domains.buffer_bytes() >> 10) + " KiB each";
    }
    words += std::string(": ") + choice.reason;
    if (words == said_ && (!ahead || said_ahead_)) return {};
    said_ = words;
    said_ahead_ = said_ahead_ || ahead;
    if (ahead) words += "; ranks run ahead of each other";
    return words;
}

}  // namespace orfa::collective

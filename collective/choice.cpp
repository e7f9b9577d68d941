// SPDX-License-Identifier: MIT
#include "collective/choice.hpp"

#include <algorithm>

namespace orfa::collective {
namespace {

// Microseconds, measured as docs/performance.md tells.
struct AccessPrices {
    double request;  // a request to a server
    double piece;    // a piece in a list that a server works through
    double byte;     // moved between a program and a server
};
struct ExchangePrices {
    double round;  // of exchange between ranks, with its messages
    double piece;  // dealt out, packed, sent, placed and merged
    double byte;   // packed, brought to another rank and placed
};

constexpr AccessPrices kSameHost = {15, 0.05, 0.0002};
constexpr AccessPrices kInPlace = {3, 0.002, 0.00015};
constexpr AccessPrices kNetwork = {60, 1.5, 0.0008};
constexpr ExchangePrices kCommonMemory = {40, 0.004, 0.0001};
constexpr ExchangePrices kMessages = {150, 0.006, 0.00025};
constexpr ExchangePrices kNetworkMessages = {200, 0.01, 0.0008};

// What two-phase must save to be preferred: the model is a model.
constexpr double kMargin = 0.8;

// The share of pieces that a merge leaves: those that have a hole behind them.
double left_after_merge(const Facts& facts) {
    if (facts.hull == 0) return 1;
    const double covered = static_cast<double>(facts.bytes) * facts.ranks;
    return std::clamp(1 - covered / static_cast<double>(facts.hull), 0.0, 1.0);
}

}  // namespace

Cost cost_of(const Facts& facts) {
    const AccessPrices& access = facts.network ? kNetwork : kSameHost;
    const AccessPrices& own = facts.in_place ? kInPlace : access;
    const ExchangePrices& exchange = facts.common_memory ? kCommonMemory
                                     : facts.network     ? kNetworkMessages
                                                         : kMessages;
    const double bytes = static_cast<double>(facts.bytes) * facts.ranks;
    const double pieces =
        static_cast<double>(std::max(facts.file_pieces, facts.memory_pieces)) * facts.ranks;
    const double in_file = static_cast<double>(facts.file_pieces) * facts.ranks;
    const double moved = bytes * access.byte;
    Cost cost;
    cost.independent = facts.ranks * own.request + pieces * own.piece + bytes * own.byte;
    cost.twophase = exchange.round + pieces * exchange.piece + bytes * exchange.byte +
                    facts.aggregators * access.request +
                    in_file * left_after_merge(facts) * access.piece + moved;
    return cost;
}

Choice choose(const Facts& facts) {
    if (!facts.orderly)
        return {Way::kIndependent, "a view goes backwards or overlaps itself, or atomic mode"};
    if (facts.wish == Way::kIndependent) return {Way::kIndependent, "as the hints say"};
    if (facts.wish == Way::kTwophase) return {Way::kTwophase, "as the hints say"};
    if (facts.wish == Way::kServer) return {Way::kServer, "as the hints say"};
    if (facts.wish == Way::kGeneric) return {Way::kGeneric, "as the hints say"};
    if (facts.ranks == 1) return {Way::kIndependent, "one rank"};
    const Cost cost = cost_of(facts);
    if (cost.twophase < kMargin * cost.independent)
        return {Way::kTwophase, "small pieces that make up large ranges together"};
    if (facts.in_place) return {Way::kIndependent, "in place, without the servers"};
    if (facts.file_pieces <= 1) return {Way::kIndependent, "each rank's bytes lie in one piece"};
    if (left_after_merge(facts) > 0.5) return {Way::kIndependent, "holes between the pieces"};
    return {Way::kIndependent, "large pieces"};
}

}  // namespace orfa::collective

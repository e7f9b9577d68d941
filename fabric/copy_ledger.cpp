// SPDX-License-Identifier: MIT
#include "fabric/copy_ledger.hpp"

namespace orfa::fabric {

bool CopyLedger::cheaper_once(std::size_t bytes) const {
    return static_cast<double>(bytes) <= static_cast<double>(break_even_.fixed_bytes) +
                                             break_even_.per_byte * static_cast<double>(bytes);
}

bool CopyLedger::copies(std::span<const std::byte> memory) {
    const auto page = reinterpret_cast<std::uintptr_t>(memory.data()) >> 12;
    Account& account = accounts_[page * 0x9e3779b97f4a7c15ULL >> 56];
    if (account.page != page) account = {page, 0};
    const double price = static_cast<double>(break_even_.fixed_bytes) +
                         break_even_.per_byte * static_cast<double>(memory.size());
    if (static_cast<double>(account.bytes + memory.size()) > price) {
        account.bytes = 0;
        return false;
    }
    account.bytes += memory.size();
    return true;
}

}  // namespace orfa::fabric

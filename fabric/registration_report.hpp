// SPDX-License-Identifier: MIT
// What can be said here about registering memory with a network, for people who ask why it does or
// does not work.
#pragma once

#include <string>
#include <vector>

namespace orfa::fabric {

struct Finding {
    std::string check;  // what was looked at
    std::string value;  // what was found
    bool good = true;   // false: something is worse than it could be
    std::string note;   // what that means; may be empty
};

// Opens the provider of the environment's choice, registers a little memory with it, and tries both
// memory monitors. Takes as long as loading libfabric does.
std::vector<Finding> report_registration();

// As a JSON array of objects with the members' names.
std::string to_json(const std::vector<Finding>& findings);

}  // namespace orfa::fabric

// SPDX-License-Identifier: MIT
#include "benchmarks/mpi/workload.hpp"

namespace orfa::benchmarks {
namespace {

// Made by whichever registration comes first.
std::vector<Workload>& list() {
    static std::vector<Workload> all;
    return all;
}

}  // namespace

const std::vector<Workload>& workloads() {
    std::vector<Workload>& all = list();
    const auto by_name = [](const Workload& a, const Workload& b) { return a.name < b.name; };
    std::sort(all.begin(), all.end(), by_name);
    return all;
}

Registration::Registration(Workload workload) {
    list().push_back(std::move(workload));
}

std::vector<Case> cases_of(const Workload& workload, const std::string& suite) {
    Variants variants = suite == "io500" ? workload.io500 : workload.quick;
    if (suite == "full")
        variants.insert(variants.end(), workload.full.begin(), workload.full.end());
    std::vector<Case> cases;
    for (const Json& variant : variants) {
        for (const Form form : workload.forms)
            cases.push_back({&workload, form, variant});
    }
    return cases;
}

}  // namespace orfa::benchmarks

// SPDX-License-Identifier: MIT
// What a workload is, and the list that each one adds itself to.
#pragma once

#include <string>
#include <vector>

#include "benchmarks/harness.hpp"

namespace orfa::benchmarks {

// How ranks call: each for itself, all together, or each with several calls under way.
enum class Form { kNone, kIndependent, kCollective, kNonblocking };

inline const char* name_of(Form form) {
    switch (form) {
        case Form::kIndependent:
            return "independent";
        case Form::kCollective:
            return "collective";
        case Form::kNonblocking:
            return "nonblocking";
        case Form::kNone:
            break;
    }
    return "none";
}

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

class Run;

// Parameters of the variants of a workload, objects like {{"transfer", 4096}}. Sizes are bytes.
using Variants = std::vector<Json>;

// One access pattern. `work` is called on all ranks for each variant in each form; it measures and
// verifies by means of Run.
struct Workload {
    std::string name;         // as its file is called, with '-' for '_'
    std::string question;     // what its figures answer: one sentence
    std::string origin;       // the paper or application that it comes from
    std::vector<Form> forms;  // kNone alone: none of them applies
    Variants quick = {};      // those of suite quick
    Variants full = {};       // those that suite full has beside
    Variants io500 = {};      // those of suite io500; mostly none
    void (*work)(Run&) = nullptr;
};

// All workloads of this program, by name.
const std::vector<Workload>& workloads();

// Adds a workload; a static object of its file.
struct Registration {
    explicit Registration(Workload workload);
};

// One thing to run: a workload's variant in a form.
struct Case {
    const Workload* workload = nullptr;
    Form form = Form::kNone;
    Json parameters;
};

// The cases of a workload in a suite (quick, full or io500), in the order in which they are run.
std::vector<Case> cases_of(const Workload& workload, const std::string& suite);

}  // namespace orfa::benchmarks

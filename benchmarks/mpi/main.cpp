// SPDX-License-Identifier: MIT
// orfa-bench-mpi: runs workloads on whatever MPI-IO driver the file name and the environment
// select. Stock MPI-IO calls only. Prints a line for each phase; the first rank speaks.
#include <malloc.h>

#include <charconv>
#include <CLI/CLI.hpp>
#include <limits>
#include <numeric>

#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

struct Options {
    std::string path;
    std::vector<std::string> selections;
    std::string suite = "quick";
    std::string bytes = "32M";
    std::vector<std::string> forms;
    std::vector<std::string> parameters;
    std::vector<std::string> hints;
    std::uint64_t seed = 1;
    unsigned repeat = 1;
    double seconds = 0;
    bool sync = false;
    bool json = false;
    bool list = false;
    bool show_hints = false;
    bool fresh_memory = false;
};

struct WrongUse : std::runtime_error {
    using std::runtime_error::runtime_error;
};

std::pair<std::string, std::string> key_and_value(const std::string& text) {
    const std::size_t split = text.find('=');
    if (split == std::string::npos || split == 0) throw WrongUse(text + ": not key=value");
    return {text.substr(0, split), text.substr(split + 1)};
}

// The cases of a workload that the options leave, with the parameters that they set.
std::vector<Case> chosen(const Workload& workload, const Options& options) {
    std::vector<Case> cases;
    for (Case& one : cases_of(workload, options.suite)) {
        const auto& forms = options.forms;
        if (!forms.empty() &&
            std::find(forms.begin(), forms.end(), name_of(one.form)) == forms.end())
            continue;
        for (const std::string& text : options.parameters) {
            const auto [key, value] = key_and_value(text);
            const auto size = parse_size(value);
            one.parameters[key] = size.ok() ? Json(*size) : Json(value);
        }
        const auto same = [&](const Case& other) {
            return other.form == one.form && other.parameters == one.parameters;
        };
        if (std::none_of(cases.begin(), cases.end(), same)) cases.push_back(one);
    }
    return cases;
}

void print_list(const Options& options) {
    for (const Workload& workload : workloads()) {
        Json cases = Json::array();
        for (const Case& one : chosen(workload, options))
            cases.push_back({{"form", name_of(one.form)}, {"parameters", one.parameters}});
        const Json line = {{"workload", workload.name},
                           {"question", workload.question},
                           {"origin", workload.origin},
                           {"cases", cases}};
        print_result(options.json, line,
                     workload.name + ": " + workload.question + "\n    " + workload.origin);
    }
}

// What MPI_File_get_info says of a new file.
void print_hints(const Settings& settings) {
    Json hints = Json::object();
    {
        const File file(MPI_COMM_WORLD, settings.path + ".hints",
                        MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, settings.info);
        MPI_Info info = MPI_INFO_NULL;
        int count = 0;
        check(MPI_File_get_info(file.get(), &info), "MPI_File_get_info");
        MPI_Info_get_nkeys(info, &count);
        for (int i = 0; i < count; ++i) {
            char key[MPI_MAX_INFO_KEY + 1] = "";
            char value[MPI_MAX_INFO_VAL + 1] = "";
            int found = 0;
            MPI_Info_get_nthkey(info, i, key);
            MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &found);
            if (found != 0) hints[key] = value;
        }
        MPI_Info_free(&info);
    }
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (rank == 0) print_result(true, {{"kind", "hints"}, {"hints", hints}}, "");
}

bool all_on_one_host() {
    MPI_Comm host = MPI_COMM_NULL;
    int here = 0;
    int all = 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &here);
    MPI_Comm_size(MPI_COMM_WORLD, &all);
    MPI_Comm_free(&host);
    return here == all;
}

const Workload& workload_of(const std::string& name) {
    for (const Workload& workload : workloads()) {
        if (workload.name == name) return workload;
    }
    throw WrongUse(name + ": no such workload (--list names them)");
}

// A case, and its number in its workload's list.
struct Selected {
    std::size_t number = 0;
    Case what;
};

// "0,2" as numbers below `end`; none when it is anything else.
std::vector<std::size_t> numbers_of(const std::string& text, std::size_t end) {
    std::vector<std::size_t> numbers;
    const char* at = text.data();
    const char* const last = text.data() + text.size();
    while (true) {
        std::size_t number = end;
        const auto [rest, error] = std::from_chars(at, last, number);
        if (error != std::errc() || number >= end) return {};
        numbers.push_back(number);
        if (rest == last) return numbers;
        if (*rest != ',') return {};
        at = rest + 1;
    }
}

// The cases that a text names: "workload" all of it, "workload:0,2" these.
void select(const std::string& text, const Options& options, std::vector<Selected>& selected) {
    const std::size_t colon = text.find(':');
    const std::vector<Case> cases = chosen(workload_of(text.substr(0, colon)), options);
    std::vector<std::size_t> numbers(cases.size());
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    if (colon != std::string::npos) {
        numbers = numbers_of(text.substr(colon + 1), cases.size());
        if (numbers.empty())
            throw WrongUse(text + ": no such cases (--list shows them; the first is 0)");
    }
    for (const std::size_t number : numbers)
        selected.push_back({number, cases[number]});
}

void run_case(Settings settings, const Options& options, const Selected& selected, unsigned pass) {
    settings.seed = (options.seed * 1000 + selected.number) * 1000 + pass;
    settings.pass = pass;
    print_begin(settings, selected.number, selected.what);
    Run run(settings, selected.what);
    try {
        selected.what.workload->work(run);
        run.finish();
    } catch (const NotHere& reason) {
        print_not_here(settings, selected.what, reason.what());
    }
}

// All cases once, and again: what disturbs the machine for a moment meets one pass of each case.
void run_passes(const Settings& settings, const Options& options,
                const std::vector<Selected>& cases) {
    const double begin = now();
    double last = begin;
    for (unsigned pass = 0;; ++pass) {
        const double time = now();
        // Only a pass that will fit.
        int more = pass < options.repeat || time + (time - last) < begin + options.seconds ? 1 : 0;
        MPI_Bcast(&more, 1, MPI_INT, 0, MPI_COMM_WORLD);
        if (more == 0) return;
        last = time;
        for (const Selected& one : cases)
            run_case(settings, options, one, pass);
    }
}

// The first open of a process may connect to servers: no case shall pay for that.
void connect(const Settings& settings) {
    const File file(MPI_COMM_WORLD, settings.path + ".first",
                    MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE, settings.info);
    const std::byte byte{};
    // Far enough apart to be on different servers.
    for (MPI_Offset at = 0; at < 64; ++at)
        check(MPI_File_write_at(file.get(), at << 20, &byte, 1, MPI_BYTE, MPI_STATUS_IGNORE),
              "writing");
}

void run_all(const Options& options) {
    Settings settings{.path = options.path,
                      .sync = options.sync,
                      .one_host = all_on_one_host(),
                      .json = options.json};
    const auto bytes = parse_size(options.bytes);
    if (!bytes.ok() || *bytes == 0) throw WrongUse("--bytes " + options.bytes + ": not a size");
    settings.bytes = *bytes;
    if (!options.fresh_memory) {
        mallopt(M_MMAP_MAX, 0);
        mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    }
    std::vector<Selected> cases;
    for (const std::string& text : options.selections)
        select(text, options, cases);
    MPI_Info_create(&settings.info);
    for (const std::string& hint : options.hints) {
        const auto [key, value] = key_and_value(hint);
        MPI_Info_set(settings.info, key.c_str(), value.c_str());
    }
    if (options.show_hints) print_hints(settings);
    if (!cases.empty()) {
        connect(settings);
        run_passes(settings, options, cases);
    }
    MPI_Info_free(&settings.info);
}

void add_options(CLI::App& app, Options& options) {
    app.name("orfa-bench-mpi");
    app.add_option("path", options.path,
                   "Beginning of the files' names; a prefix as orfa: or ufs: selects a driver");
    app.add_option("workloads", options.selections,
                   "What to run; --list names them. records:0,2 are the first and the third case");
    app.add_option("--suite", options.suite, "Whose variants are run")
        ->check(CLI::IsMember({"quick", "full", "io500"}))
        ->capture_default_str();
    app.add_option("--bytes", options.bytes, "Bytes per rank, where a variant says nothing else")
        ->capture_default_str();
    app.add_option("--form", options.forms, "Only these forms")
        ->delimiter(',')
        ->check(CLI::IsMember({"independent", "collective", "nonblocking", "none"}));
    app.add_option("--set", options.parameters, "key=value: a parameter, in all variants");
    app.add_option("--hint", options.hints, "key=value, given at every open");
    app.add_option("--seed", options.seed, "Another one, other content")->capture_default_str();
    app.add_option("--repeat", options.repeat, "Passes over all cases, at least")
        ->capture_default_str();
    app.add_option("--seconds", options.seconds, "Further passes, while one fits into this time");
    app.add_flag("--sync", options.sync, "Count MPI_File_sync to the time of a write");
    app.add_flag("--json", options.json, "Lines of JSON");
    app.add_flag("--list", options.list, "Show the workloads");
    app.add_flag("--fresh-memory", options.fresh_memory,
                 "Give memory back to the system after each case; without it, it stays, as with a "
                 "program that writes the same arrays again and again");
    app.add_flag("--show-hints", options.show_hints, "Show the hints in force");
}

// For CLI11's own messages: one rank speaks.
bool is_first() {
    int initialized = 0;
    int rank = 0;
    MPI_Initialized(&initialized);
    if (initialized != 0) MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return rank == 0;
}

int parse_and_run(int argc, char** argv) {
    Options options;
    CLI::App app("Access patterns of parallel programs on an MPI-IO driver, every byte verified.");
    add_options(app, options);
    try {
        app.parse(argc, argv);
        if (!options.list && options.path.empty()) throw CLI::RequiredError("path");
        if (options.list)
            print_list(options);
        else
            run_all(options);
    } catch (const CLI::ParseError& error) {
        return is_first() ? app.exit(error) : error.get_exit_code();
    } catch (const WrongUse& error) {
        if (is_first()) std::fprintf(stderr, "orfa-bench-mpi: %s\n", error.what());
        return 2;
    }
    return 0;
}

}  // namespace
}  // namespace orfa::benchmarks

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    const int code =
        orfa::benchmarks::guarded([&] { return orfa::benchmarks::parse_and_run(argc, argv); });
    MPI_Finalize();
    return code;
}

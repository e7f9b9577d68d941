// SPDX-License-Identifier: MIT
// orfa-bench-mpi: runs workloads on whatever MPI-IO driver the file name and the environment
// select. Stock MPI-IO calls only. Prints a line for each phase; the first rank speaks.
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <limits>

#include "benchmarks/mpi/run.hpp"

namespace orfa::benchmarks {
namespace {

struct Options {
    std::string path;
    std::vector<std::string> names;
    std::string suite = "quick";
    std::string bytes = "32M";
    std::vector<std::size_t> cases;
    std::vector<std::string> forms;
    std::vector<std::string> parameters;
    std::vector<std::string> hints;
    std::uint64_t seed = 1;
    unsigned repeat = 1;
    bool sync = false;
    bool json = false;
    bool list = false;
    bool show_hints = false;
    bool keep_memory = false;
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

void run_case(Settings settings, const Options& options, std::size_t index, const Case& what) {
    for (unsigned repetition = 0; repetition < options.repeat; ++repetition) {
        settings.seed = (options.seed * 1000 + index) * 1000 + repetition;
        print_begin(settings, index, what);
        Run run(settings, what);
        try {
            what.workload->work(run);
            run.finish();
        } catch (const NotHere& reason) {
            print_not_here(settings, what, reason.what());
        }
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
    if (options.keep_memory) {
        mallopt(M_MMAP_MAX, 0);
        mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    }
    MPI_Info_create(&settings.info);
    for (const std::string& hint : options.hints) {
        const auto [key, value] = key_and_value(hint);
        MPI_Info_set(settings.info, key.c_str(), value.c_str());
    }
    if (options.show_hints) print_hints(settings);
    if (!options.names.empty()) connect(settings);
    for (const std::string& name : options.names) {
        const std::vector<Case> cases = chosen(workload_of(name), options);
        for (std::size_t i = 0; i < cases.size(); ++i) {
            const auto& only = options.cases;
            if (only.empty() || std::find(only.begin(), only.end(), i) != only.end())
                run_case(settings, options, i, cases[i]);
        }
    }
    MPI_Info_free(&settings.info);
}

void add_options(CLI::App& app, Options& options) {
    app.name("orfa-bench-mpi");
    app.add_option("path", options.path,
                   "Beginning of the files' names; a prefix as orfa: or ufs: selects a driver");
    app.add_option("workloads", options.names, "What to run; --list names them");
    app.add_option("--suite", options.suite, "Whose variants are run")
        ->check(CLI::IsMember({"quick", "full", "io500"}))
        ->capture_default_str();
    app.add_option("--bytes", options.bytes, "Bytes per rank, where a variant says nothing else")
        ->capture_default_str();
    app.add_option("--case", options.cases, "Only these, by their number in the list")
        ->delimiter(',');
    app.add_option("--form", options.forms, "Only these forms")
        ->delimiter(',')
        ->check(CLI::IsMember({"independent", "collective", "nonblocking", "none"}));
    app.add_option("--set", options.parameters, "key=value: a parameter, in all variants");
    app.add_option("--hint", options.hints, "key=value, given at every open");
    app.add_option("--seed", options.seed, "Another one, other content")->capture_default_str();
    app.add_option("--repeat", options.repeat, "Repetitions")->capture_default_str();
    app.add_flag("--sync", options.sync, "Count MPI_File_sync to the time of a write");
    app.add_flag("--json", options.json, "Lines of JSON");
    app.add_flag("--list", options.list, "Show the workloads");
    app.add_flag("--keep-memory", options.keep_memory,
                 "Give no memory back to the system between repetitions, as a program does that "
                 "writes the same arrays again and again");
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

// SPDX-License-Identifier: MIT
// Files created, looked at and unlinked a second, by several processes at once, each in a folder of
// its own or all in one.
#include "client/orfa.h"

#include <fcntl.h>

#include <CLI/CLI.hpp>

#include "benchmarks/harness.hpp"
#include "benchmarks/processes.hpp"

namespace orfa::benchmarks {
namespace {

struct Options {
    std::string path = "/orfa-bench-metadata";
    unsigned files = 1000;
    unsigned processes = 2;
    unsigned repeat = 5;
    bool shared = false;
    bool json = false;
};

enum Lap : std::size_t { kCreate, kStat, kUnlink, kLaps };

void need(bool done, const char* what) {
    if (!done) give_up(what, orfa_error());
}

// One process: its session is its own, its files are named by `first` on.
void work(const Options& options, const std::string& folder, const std::string& prefix,
          Laps& laps) {
    orfa_session* session = orfa_connect(nullptr);
    need(session != nullptr, "connecting");
    need(orfa_mkdir(session, folder.c_str(), 0700) == 0 || errno == EEXIST, "mkdir");
    std::vector<std::string> names;
    names.reserve(options.files);
    for (unsigned i = 0; i < options.files; ++i) {
        names.push_back(folder);
        names.back().append("/").append(prefix).append(std::to_string(i));
    }
    laps.run(kCreate, [&] {
        for (const std::string& name : names) {
            orfa_file* file =
                orfa_open(session, name.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600, nullptr);
            need(file != nullptr, "create");
            need(orfa_close(file) == 0, "close");
        }
    });
    laps.run(kStat, [&] {
        for (const std::string& name : names) {
            struct stat info {};
            need(orfa_stat(session, name.c_str(), &info) == 0, "stat");
            need(S_ISREG(info.st_mode) && info.st_size == 0, "what stat found");
        }
    });
    laps.run(kUnlink, [&] {
        for (const std::string& name : names)
            need(orfa_unlink(session, name.c_str()) == 0, "unlink");
    });
    struct stat info {};
    need(orfa_stat(session, names.front().c_str(), &info) != 0 && errno == ENOENT,
         "unlinked file is still there");
    orfa_disconnect(session);
}

// Removes the folders; the first caller's files are gone already.
void clean_up(const std::vector<std::string>& folders) {
    const Body body = [&](Laps&) {
        orfa_session* session = orfa_connect(nullptr);
        need(session != nullptr, "connecting");
        for (const std::string& folder : folders)
            need(orfa_rmdir(session, folder.c_str()) == 0, "rmdir");
        orfa_disconnect(session);
    };
    seconds_of_laps({body}, 0);
}

void run(const Options& options) {
    std::vector<double> rates[kLaps];
    for (unsigned i = 0; i < options.repeat; ++i) {
        std::vector<Body> bodies;
        std::vector<std::string> folders;
        const std::string base = options.path + "-" + std::to_string(getpid());
        for (unsigned process = 0; process < options.processes; ++process) {
            std::string folder = base;
            if (!options.shared) folder.append("-").append(std::to_string(process));
            if (process == 0 || !options.shared) folders.push_back(folder);
            bodies.emplace_back([&options, folder, process](Laps& laps) {
                work(options, folder, text_of("p%u.", process), laps);
            });
        }
        const std::vector<double> seconds = seconds_of_laps(bodies, kLaps);
        clean_up(folders);
        const double files = static_cast<double>(options.files) * options.processes;
        for (std::size_t lap = 0; lap < kLaps; ++lap)
            rates[lap].push_back(files / seconds[lap]);
    }
    const Json figures = {{"creates_per_s", median(rates[kCreate])},
                          {"stats_per_s", median(rates[kStat])},
                          {"unlinks_per_s", median(rates[kUnlink])}};
    const Json result = {{"benchmark", "metadata"},
                         {"processes", options.processes},
                         {"files", options.files},
                         {"shared_folder", options.shared},
                         {"figures", figures},
                         {"creates", summary(rates[kCreate])},
                         {"stats", summary(rates[kStat])},
                         {"unlinks", summary(rates[kUnlink])}};
    print_result(
        options.json, result,
        text_of("%u processes, %u files each, %s: %.0f creates/s, %.0f stats/s, %.0f unlinks/s",
                options.processes, options.files, options.shared ? "one folder" : "own folders",
                median(rates[kCreate]), median(rates[kStat]), median(rates[kUnlink])));
}

int parse_and_run(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Names created, looked at and unlinked a second, on the cluster that ORFA_SERVERS lists.");
    app.name("orfa-bench-metadata");
    app.add_option("--path", options.path, "Beginning of the folders' path")->capture_default_str();
    app.add_option("--files", options.files, "Files of each process")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_option("--processes", options.processes, "Processes")
        ->capture_default_str()
        ->check(CLI::Range(1U, static_cast<unsigned>(kMostProcesses)));
    app.add_option("--repeat", options.repeat, "Repetitions")
        ->capture_default_str()
        ->check(CLI::PositiveNumber);
    app.add_flag("--shared", options.shared, "All in one folder");
    app.add_flag("--json", options.json, "One line of JSON");
    CLI11_PARSE(app, argc, argv);
    run(options);
    return 0;
}

}  // namespace
}  // namespace orfa::benchmarks

int main(int argc, char** argv) {
    return orfa::benchmarks::guarded([&] { return orfa::benchmarks::parse_and_run(argc, argv); });
}

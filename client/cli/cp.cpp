// SPDX-License-Identifier: MIT
// orfa cp, orfa cat
#include "client/cli/commands.hpp"
#include "client/cli/copy_tree.hpp"
#include "client/cli/layout_options.hpp"
#include "client/cli/output.hpp"
#include "client/cli/remote.hpp"
#include "common/units.hpp"

namespace orfa::cli {
namespace {

struct CpOptions {
    std::vector<std::string> arguments;  // sources, then the destination
    bool recursive = false;
    bool preserve = false;
    bool quiet = false;
    bool json = false;
    LayoutOptions layout;
};

// An argument: "-", orfa:/path or a local path.
struct Argument {
    std::string text;
    bool stream = false;
    bool remote = false;
    std::string path;
    bool slash = false;  // ended in one: means a directory
};

Argument parse_argument(const std::string& text) {
    Argument argument{text, text == "-", false, text, text.size() > 1 && text.back() == '/'};
    if (auto path = remote_path(text)) {
        argument.remote = true;
        argument.path = *path;
    } else {
        while (argument.path.size() > 1 && argument.path.back() == '/')
            argument.path.pop_back();
    }
    return argument;
}

class CpCommand {
  public:
    CpCommand(const CpOptions& options, const CopyOptions& copy_options, orfa_session* session)
        : progress_(!options.quiet && !options.json),
          copy_(copy_options, progress_),
          remote_(session) {}

    bool run(const std::vector<Argument>& sources, const Argument& target) {
        if (target.stream) return copy_.copy_to_output(place(sources[0]));
        if (sources[0].stream) return copy_.copy_from_input(place(target));
        const Place to = place(target);
        auto info = to.tree->info(to.path, true);
        const bool into = info.ok() && S_ISDIR(info->st_mode);
        if (!into && (sources.size() > 1 || (info.ok() && target.slash))) {
            note("{} is not a directory", printable(target.text));
            return false;
        }
        bool all = true;
        for (const auto& source : sources) {
            const std::string name = base_name(source.path);
            const bool has_name = !name.empty() && name != "." && name != "..";
            const std::string path = into && has_name ? join(to.path, name) : to.path;
            all = copy_.copy(place(source), {to.tree, path}) && all;
        }
        return all;
    }

    void summary() {
        progress_.clear();
        out_json({{"files", progress_.files()},
                  {"bytes", progress_.bytes()},
                  {"seconds", progress_.seconds()}});
    }

  private:
    Place place(const Argument& argument) {
        return {argument.remote ? static_cast<Tree*>(&remote_) : &local_, argument.path};
    }

    Progress progress_;
    TreeCopy copy_;
    LocalTree local_;
    RemoteTree remote_;
};

// What can't be meant; kExitOk if all is well.
int check(const std::vector<Argument>& sources, const Argument& target, const CpOptions& options) {
    bool any_stream = target.stream;
    bool any_local = !target.stream && !target.remote;
    for (const auto& source : sources) {
        any_stream = any_stream || source.stream;
        if (!source.remote && !target.remote) {
            return misuse("{} to {}: one of both must be orfa:/path", printable(source.text),
                          printable(target.text));
        }
    }
    if (any_stream && (sources.size() > 1 || options.recursive)) {
        return misuse("'-' is one file: it goes with no second source and no -r");
    }
    if (target.stream && options.json) return misuse("standard output can't hold --json as well");
    if (any_local && options.layout.given()) {
        return misuse("a layout is for files that are made in orfa:");
    }
    return kExitOk;
}

int run_cp(const CpOptions& options) {
    std::vector<Argument> sources;
    for (const auto& text : options.arguments)
        sources.push_back(parse_argument(text));
    const Argument target = sources.back();
    sources.pop_back();
    if (const int code = check(sources, target, options); code != kExitOk) return code;
    CopyOptions copy_options{options.recursive, options.preserve, current_umask(),
                             ORFA_LAYOUT_DEFAULT};
    if (!to_layout(options.layout, copy_options.layout)) return kExitUsage;
    const Session session = connect_session();
    if (!session) return kExitFailed;
    CpCommand command(options, copy_options, session.get());
    const bool all = command.run(sources, target);
    if (options.json) command.summary();
    return all ? kExitOk : kExitFailed;
}

int run_cat(const std::vector<std::string>& arguments) {
    const auto paths = only_remote_paths(arguments);
    if (!paths) return kExitUsage;
    const Session session = connect_session();
    if (!session) return kExitFailed;
    Progress progress(false);
    const CopyOptions options;
    TreeCopy copy(options, progress);
    RemoteTree tree(session.get());
    int exit_code = kExitOk;
    for (const auto& path : *paths) {
        if (!copy.copy_to_output({&tree, path})) exit_code = kExitFailed;
    }
    return exit_code;
}

}  // namespace

void add_cp(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<CpOptions>();
    CLI::App* command =
        app.add_subcommand("cp", "Copy files into, out of and within the file system");
    command
        ->add_option("PATH", options->arguments,
                     "What to copy ..., and where to: orfa:/path, a local path, or - for standard "
                     "input or output")
        ->required()
        ->expected(2, -1);
    command->add_flag("-r,--recursive", options->recursive,
                      "Directories with all that is in them; links stay links");
    command->add_flag("-p,--preserve", options->preserve, "Keep mode and times exactly");
    command->add_flag("-q,--quiet", options->quiet, "No progress line on a terminal");
    add_layout_options(*command, options->layout);
    command->add_flag("--json", options->json, "Print files, bytes and seconds as JSON");
    command->footer(
        "Copies what a file holds when the copy begins; files that are there are overwritten.\n\n"
        "  orfa cp input.dat orfa:/input.dat\n"
        "  orfa cp -r orfa:/results .\n"
        "  orfa cp --stripe-count 1 small.nc orfa:/data/\n"
        "  tar c folder | orfa cp - orfa:/folder.tar\n"
        "  orfa cp orfa:/out.h5 - | h5dump -H /dev/stdin\n"
        "  orfa cp orfa:/a orfa:/b");
    command->callback([options, &exit_code] { exit_code = run_cp(*options); });
}

void add_cat(CLI::App& app, int& exit_code) {
    auto paths = std::make_shared<std::vector<std::string>>();
    CLI::App* command = app.add_subcommand("cat", "Write files to standard output");
    command->add_option("PATH", *paths, "orfa:/path")->required();
    command->footer("  orfa cat orfa:/log.txt | tail");
    command->callback([paths, &exit_code] { exit_code = run_cat(*paths); });
}

}  // namespace orfa::cli

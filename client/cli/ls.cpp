// SPDX-License-Identifier: MIT
// orfa ls
#include "client/cli/commands.hpp"
#include "client/cli/describe.hpp"
#include "client/cli/output.hpp"
#include "client/cli/remote.hpp"
#include "common/units.hpp"

#include <algorithm>
#include <map>

namespace orfa::cli {
namespace {

using nlohmann::ordered_json;

struct LsOptions {
    std::vector<std::string> paths{"orfa:/"};
    bool long_format = false;
    bool all = false;
    bool folder_itself = false;
    bool human = false;
    bool json = false;
};

// One line of output to be.
struct Row {
    std::string path;  // where it is
    std::string name;  // what is printed
    struct stat info {};
    std::string target;  // of a link
};

class Listing {
  public:
    Listing(const LsOptions& options, orfa_session* session)
        : options_(options), session_(session) {}

    int run(const std::vector<std::string>& paths) {
        std::vector<Row> single;
        std::vector<std::string> folders;
        for (const auto& path : paths)
            sort_out(path, single, folders);
        print(single);
        for (const auto& path : folders) {
            if (paths.size() > 1 && !options_.json) {
                out("{}{}:\n", printed_ ? "\n" : "", shown(path));
            }
            list_folder(path);
        }
        if (options_.json) out_json(json_);
        return exit_code_;
    }

  private:
    [[nodiscard]] bool needs_info() const { return options_.long_format || options_.json; }

    // Folders are listed, all else is shown.
    void sort_out(const std::string& path, std::vector<Row>& single,
                  std::vector<std::string>& folders) {
        Row row{path, shown(path), {}, {}};
        if (orfa_lstat(session_, path.c_str(), &row.info) != 0) {
            exit_code_ = fail_remote();
            return;
        }
        struct stat behind {};
        const bool folder =
            S_ISDIR(row.info.st_mode) ||
            (S_ISLNK(row.info.st_mode) && !options_.long_format &&
             orfa_stat(session_, path.c_str(), &behind) == 0 && S_ISDIR(behind.st_mode));
        if (folder && !options_.folder_itself) {
            folders.push_back(path);
            return;
        }
        if (S_ISLNK(row.info.st_mode)) row.target = link_target(session_, path);
        single.push_back(std::move(row));
    }

    void list_folder(const std::string& path) {
        auto entries = read_folder(session_, path);
        if (!entries.ok()) {
            exit_code_ = fail_remote();
            return;
        }
        std::vector<Row> rows;
        for (auto& entry : *entries) {
            if (entry.name[0] == '.' && !options_.all) continue;
            Row row{join(path, entry.name), printable(entry.name), {}, {}};
            row.info.st_mode = entry.type;
            if (needs_info() && orfa_lstat(session_, row.path.c_str(), &row.info) != 0) {
                exit_code_ = fail_remote();
                continue;
            }
            if (needs_info() && S_ISLNK(row.info.st_mode)) {
                row.target = link_target(session_, row.path);
            }
            rows.push_back(std::move(row));
        }
        print(rows);
        printed_ = true;
    }

    void print(const std::vector<Row>& rows) {
        for (const auto& row : rows) {
            if (options_.json) {
                ordered_json object{{"path", "orfa:" + row.path}, {"name", base_name(row.path)}};
                object.update(attributes_json(row.info));
                if (S_ISLNK(row.info.st_mode)) object["target"] = row.target;
                json_.push_back(std::move(object));
            } else if (!options_.long_format) {
                out("{}\n", row.name);
            }
        }
        if (options_.long_format && !options_.json) print_long(rows);
        printed_ = printed_ || !rows.empty();
    }

    void print_long(const std::vector<Row>& rows) {
        struct Cells {
            std::string links, user, group, size;
        };
        std::vector<Cells> cells;
        std::string Cells::*const columns[] = {&Cells::links, &Cells::user, &Cells::group,
                                               &Cells::size};
        std::size_t widths[4] = {};
        for (const auto& row : rows) {
            const auto size = static_cast<std::uint64_t>(row.info.st_size);
            cells.push_back({std::to_string(row.info.st_nlink), user(row.info.st_uid),
                             group(row.info.st_gid),
                             options_.human ? format_bytes(size) : std::to_string(size)});
            for (std::size_t i = 0; i < 4; ++i) {
                widths[i] = std::max(widths[i], (cells.back().*columns[i]).size());
            }
        }
        for (std::size_t i = 0; i < rows.size(); ++i) {
            out("{} {:>{}} {:<{}} {:<{}} {:>{}} {} {}{}{}\n", mode_text(rows[i].info.st_mode),
                cells[i].links, widths[0], cells[i].user, widths[1], cells[i].group, widths[2],
                cells[i].size, widths[3], time_text(rows[i].info.st_mtim, false), rows[i].name,
                rows[i].target.empty() ? "" : " -> ", printable(rows[i].target));
        }
    }

    const std::string& user(uid_t uid) {
        const auto [place, fresh] = users_.try_emplace(uid);
        if (fresh) place->second = user_name(uid);
        return place->second;
    }
    const std::string& group(gid_t gid) {
        const auto [place, fresh] = groups_.try_emplace(gid);
        if (fresh) place->second = group_name(gid);
        return place->second;
    }

    const LsOptions& options_;
    orfa_session* session_;
    std::map<uid_t, std::string> users_;
    std::map<gid_t, std::string> groups_;
    ordered_json json_ = ordered_json::array();
    bool printed_ = false;
    int exit_code_ = kExitOk;
};

int run_ls(const LsOptions& options) {
    const auto paths = only_remote_paths(options.paths);
    if (!paths) return kExitUsage;
    const Session session = connect_session();
    if (!session) return kExitFailed;
    return Listing(options, session.get()).run(*paths);
}

}  // namespace

void add_ls(CLI::App& app, int& exit_code) {
    auto options = std::make_shared<LsOptions>();
    CLI::App* command = app.add_subcommand("ls", "List directories and files");
    command->add_option("PATH", options->paths, "orfa:/path (default: orfa:/)");
    command->add_flag("-l", options->long_format, "Mode, links, owner, size and time as well");
    command->add_flag("-a,--all", options->all, "Names that begin with a dot as well");
    command->add_flag("-d,--directory", options->folder_itself, "Directories themselves");
    command->add_flag("--human", options->human, "With -l: sizes in KiB, MiB, ...");
    command->add_flag("--json", options->json, "Print JSON: an array of all entries");
    command->footer("  orfa ls -l orfa:/results");
    command->callback([options, &exit_code] { exit_code = run_ls(*options); });
}

}  // namespace orfa::cli

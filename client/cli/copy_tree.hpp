// SPDX-License-Identifier: MIT
// Copies files and whole directories from one tree to another.
#pragma once

#include "client/cli/copy_data.hpp"
#include "client/cli/tree.hpp"

#include <string>

namespace orfa::cli {

struct CopyOptions {
    bool recursive = false;
    bool preserve = false;  // exact mode and times
    mode_t umask = 022;
    orfa_layout layout = ORFA_LAYOUT_DEFAULT;  // of new remote files
};

// One place in one tree.
struct Place {
    Tree* tree = nullptr;
    std::string path;
};

// Failures are printed where they happen; a directory's other entries are copied nevertheless.
class TreeCopy {
  public:
    TreeCopy(const CopyOptions& options, Progress& progress)
        : options_(options), progress_(progress), copier_(progress) {}

    // `from` becomes `to` (not something in it). False: not all of it was copied.
    bool copy(const Place& from, const Place& to);
    // Standard input or output instead of a local file.
    bool copy_from_input(const Place& to);
    bool copy_to_output(const Place& from);

  private:
    bool copy_entry(const Place& from, const Place& to, bool top);
    bool copy_file(const Place& from, const Place& to, const struct stat& info);
    bool copy_link(const Place& from, const Place& to);
    bool copy_folder(const Place& from, const Place& to, const struct stat& info);
    bool check_not_itself(const Place& from, const Place& to, const struct stat& info);
    File open_remote(const Place& place, int flags, mode_t mode);
    bool complain(const Place& place, Status status);
    bool report(const CopyResult& result, const Place& from, const Place& to);

    const CopyOptions& options_;
    Progress& progress_;
    Copier copier_;
};

}  // namespace orfa::cli

// SPDX-License-Identifier: Apache-2.0

// joust merge and joust report: a report on what trials have saved.

#include <joust/report/write.hpp>
#include <joust/store/file.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/trial/report_evidence.hpp>

#include "output.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace cli {

int run_snapshots(const snapshots_options& asked)
{
    namespace fs = std::filesystem;
    std::vector<std::string> files;
    for (const std::string& path : asked.paths) {
        if (!fs::is_directory(path)) {
            files.push_back(path);
            continue;
        }
        for (const fs::directory_entry& each : fs::directory_iterator{path}) {
            // Files that begin with a dot are being written.
            if (each.is_regular_file() && !each.path().filename().string().starts_with('.')) {
                files.push_back(each.path().string());
            }
        }
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        throw usage_error(asked.paths.front() + " has no snapshots");
    }
    joust::evidence all = joust::load<joust::evidence>(files.front());
    for (std::size_t i = 1; i < files.size(); ++i) {
        try {
            all.merge(joust::load<joust::evidence>(files[i]));
        } catch (const joust::configuration_error& wrong) {
            throw joust::parse_error(files[i] + ": " + wrong.what());
        }
    }
    if (!asked.save.empty()) {
        joust::save(asked.save, all);
    }
    joust::report out = joust::report_evidence(
        std::move(all), {.alpha = asked.alpha, .design = design_in(asked.design), .units = asked.units},
        metrics_in(asked.metrics));
    if (files.size() > 1) {
        out.notes.push_back("Merged from " + std::to_string(files.size()) + " snapshots.");
    }
    return put_reports({&out, 1}, asked.out);
}

}  // namespace cli

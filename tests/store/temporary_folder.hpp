// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <dirent.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace joust_test {

/// Name a folder that is not there yet, and remove it with its files at the end.
struct temporary_folder {
    std::string path;
    explicit temporary_folder(const std::string& name) : path(name + "." + std::to_string(::getpid()))
    {
        remove();
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { remove(); }

    /// Return the names of the files in the folder.
    [[nodiscard]] std::vector<std::string> names() const
    {
        std::vector<std::string> found;
        if (DIR* const folder = ::opendir(path.c_str()); folder != nullptr) {
            while (const dirent* const entry = ::readdir(folder)) {
                const std::string name = static_cast<const char*>(entry->d_name);
                if (name != "." && name != "..") {
                    found.push_back(name);
                }
            }
            ::closedir(folder);
        }
        return found;
    }

private:
    void remove() const
    {
        for (const std::string& name : names()) {
            std::remove((path + "/" + name).c_str());
        }
        ::rmdir(path.c_str());
    }
};

}  // namespace joust_test

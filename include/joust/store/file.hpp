// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/store/snapshot.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace joust {
inline namespace v0 {

namespace detail {

struct open_file {
    open_file(const std::string& path, const char* mode) : handle(std::fopen(path.c_str(), mode)) {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file()
    {
        if (handle != nullptr) {
            std::fclose(handle);
        }
    }
    std::FILE* handle;
};

[[noreturn]] inline void file_trouble(const std::string& path, const char* what)
{
    const int why = errno;
    throw std::runtime_error(printable(path) + ": " + what + ": " + std::strerror(why));
}

}  // namespace detail

/// Write a file. Readers see the old contents or the new ones, and never a part.
/// errors: std::runtime_error with path and reason
inline void write_file(const std::string& path, std::string_view bytes)
{
    const std::string part = path + ".part";
    {
        detail::open_file out{part, "wb"};
        if (out.handle == nullptr) {
            detail::file_trouble(part, "cannot be opened for writing");
        }
        if (std::fwrite(bytes.data(), 1, bytes.size(), out.handle) != bytes.size() ||
            std::fflush(out.handle) != 0) {
            detail::file_trouble(part, "cannot be written");
        }
    }
    if (std::rename(part.c_str(), path.c_str()) != 0) {
        detail::file_trouble(path, "cannot be replaced");
    }
}

namespace detail {

/// Read the beginning of a file without an allocation of this library's own. Returns the number of bytes read.
/// errors: std::runtime_error with path and reason
[[nodiscard]] inline std::size_t read_beginning(const std::string& path, char* to, std::size_t most)
{
    detail::open_file in{path, "rb"};
    if (in.handle == nullptr) {
        detail::file_trouble(path, "cannot be opened");
    }
    const std::size_t size = std::fread(to, 1, most, in.handle);
    if (std::ferror(in.handle) != 0) {
        detail::file_trouble(path, "cannot be read");
    }
    return size;
}

}  // namespace detail

/// Read a whole file.
/// errors: std::runtime_error with path and reason
[[nodiscard]] inline std::string read_file(const std::string& path)
{
    detail::open_file in{path, "rb"};
    if (in.handle == nullptr) {
        detail::file_trouble(path, "cannot be opened");
    }
    std::string bytes;
    char buffer[65'536];
    while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, in.handle)) {
        bytes.append(buffer, n);
    }
    if (std::ferror(in.handle) != 0) {
        detail::file_trouble(path, "cannot be read");
    }
    return bytes;
}

/// Save a value (the evidence of a trial) to a file.
///
/// Each replica writes a file of its own and overwrites it with its whole evidence, so that nothing counts twice. A
/// process that was restarted writes under a new name.
template <class Value>
void save(const std::string& path, const Value& value)
{
    write_file(path, to_snapshot(value));
}

/// Load a value from a file.
/// errors: std::runtime_error if the file cannot be read; parse_error that names the path if it is not a snapshot
template <class Value>
[[nodiscard]] Value load(const std::string& path)
{
    const std::string bytes = read_file(path);
    try {
        return from_snapshot<Value>(bytes);
    } catch (const parse_error& wrong) {
        throw parse_error(path + ": " + wrong.what());
    }
}

/// Load several files and merge them, in the order given.
/// errors: as load; configuration_error for an empty list, or if the values do not belong together
template <class Value>
[[nodiscard]] Value load_merged(std::span<const std::string> paths)
{
    if (paths.empty()) {
        throw configuration_error("paths", "empty", "at least one snapshot file");
    }
    Value merged = load<Value>(paths.front());
    for (const std::string& path : paths.subspan(1)) {
        merged.merge(load<Value>(path));
    }
    return merged;
}

/// Load the files of a braced list and merge them.
template <class Value>
[[nodiscard]] Value load_merged(std::initializer_list<std::string> paths)
{
    return load_merged<Value>(std::span<const std::string>{paths.begin(), paths.size()});
}

}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>
#include <joust/store/file.hpp>
#include <joust/store/snapshot.hpp>
#include <joust/store/store.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>) && __has_include(<dirent.h>) && !defined(_WIN32)
#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joust {
inline namespace v0 {

/// A file of a directory store that holds no row.
struct refused_file {
    /// The path of the file.
    std::string path;
    /// What is wrong with it.
    std::string why;

    friend bool operator==(const refused_file&, const refused_file&) = default;
};

namespace detail {

/// What a file of a directory store holds.
struct row_in_file {
    std::string key;
    std::uint64_t sequence = 0;
    std::string bytes;

    template <class Archive>
    void fields(Archive& archive)
    {
        archive(key, sequence, bytes);
    }
};

/// Append text for the name of a file or for a part of a key: everything but letters, digits, '.', '-' and '_' is written as %XX.
inline void append_escaped_name(std::string& out, std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_' || c == '.';
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 0xfU];
        }
    }
}

}  // namespace detail

/// Keep rows as files in a folder, which processes of one machine share: the store that needs no server.
///
/// Each row is a file of its own. It is written beside its place, reaches the disk, takes its place by a rename, and then the
/// folder reaches the disk. So a process that is killed at any instant leaves the old row or the new one. The row before stays beside it
/// (`.old`), and takes over where the file is found damaged: cut off, changed, or of another program. `refused()` names such files.
///
/// Conditional writes of several processes are put in order by a lock on the file `.lock`, which ends with its process.
///
/// When to use: one machine, or a folder on a file system with working flock and rename.
/// When not: replicas on several machines without such a file system; then use integration/redis.hpp or integration/postgres.hpp.
/// shape: `directory{"state"}`. The folder is made where it is missing, and its parent must be there.
/// errors: store_error, which names the path and the reason, where the disk is full, the folder is read-only, or another process keeps
/// the lock for two seconds
/// cost: a write waits for the disk, twice; a scan reads the files that have changed since the last scan
class directory {
public:
    /// Name the folder. It is opened by the first call.
    /// errors: configuration_error for an empty path
    explicit directory(std::string path) : path_(std::move(path))
    {
        if (path_.empty()) {
            throw configuration_error("directory", "an empty path", "the path of a folder");
        }
        if (path_.back() != '/') {
            path_ += '/';
        }
    }

    /// Return the path of the folder, with a slash at its end.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Return the files that the last scan found damaged. Where `<name>.old` was good, the row before was used.
    [[nodiscard]] const std::vector<refused_file>& refused() const noexcept { return refused_; }

    /// Write the row where no row of this key or one of a lower sequence is there. Returns whether it was written.
    /// errors: store_error
    bool put_if_newer(std::string_view key, std::uint64_t sequence, std::string_view bytes)
    {
        return write(key, bytes, [sequence](bool found, std::uint64_t there) {
            return found && there >= sequence ? no_write : write_as{true, sequence};
        });
    }

    /// Write the row where its sequence is `version`, or where no row is there and `version` is 0. It then has the sequence
    /// `version + 1`. Returns whether it was written.
    /// errors: store_error
    bool compare_and_set(std::string_view key, std::uint64_t version, std::string_view bytes)
    {
        return write(key, bytes, [version](bool found, std::uint64_t there) {
            return (found ? there : 0) != version ? no_write : write_as{true, version + 1};
        });
    }

    /// Return the rows whose key starts with the prefix, sorted by key.
    /// errors: store_error
    [[nodiscard]] std::vector<stored_row> scan(std::string_view prefix);

private:
    struct write_as {
        bool write;
        std::uint64_t sequence;
    };
    static constexpr write_as no_write{false, 0};
    static constexpr std::string_view row_suffix = ".row";
    static constexpr std::string_view old_suffix = ".row.old";

    /// What a file held when it was read last. A file that has taken its place has another number or another time.
    struct seen_file {
        std::uint64_t inode = 0;
        std::int64_t seconds = 0;
        std::int64_t nanoseconds = 0;
        std::int64_t size = 0;
        bool good = false;
        bool wanted = false;
        stored_row row{};
    };

    template <class Decide>
    bool write(std::string_view key, std::string_view bytes, Decide decide);

    [[nodiscard]] static std::string name_of(std::string_view key)
    {
        // A name has at most 255 bytes, so the end of a long key is in its hash only. The file holds the whole key.
        constexpr std::size_t most = 180;
        std::string name;
        detail::append_escaped_name(name, key);
        name.resize(name.size() < most ? name.size() : most);
        name += '-';
        detail::append_hex(name, xxh64(key));
        name += row_suffix;
        return name;
    }

    [[noreturn]] JOUST_COLD void trouble(const char* what) const
    {
        const int why = errno;
        throw store_error(path_, std::string{what} + ": " + std::strerror(why));
    }

    bool read_row(const std::string& name, stored_row& row);
    void make_folder();

    std::string path_;
    bool opened_ = false;
    std::vector<refused_file> refused_;
    std::map<std::string, seen_file, std::less<>> seen_;
};

#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>) && __has_include(<dirent.h>) && !defined(_WIN32)

namespace detail {

/// A lock of a folder that ends with its scope, and with its process.
class folder_lock {
public:
    explicit folder_lock(const std::string& folder)
        : file_(open_unfollowed(folder + ".lock", O_RDWR | O_CREAT, 0666))
    {
        if (!file_.good()) {
            const int why = errno;
            throw store_error(folder, std::string{"cannot be locked for writing: "} + std::strerror(why));
        }
        // A call of a store takes a limited time.
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{2};
        while (::flock(file_.number(), LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR) {
                const int why = errno;
                throw store_error(folder, std::string{"cannot be locked for writing: "} + std::strerror(why));
            }
            if (std::chrono::steady_clock::now() >= until) {
                throw store_error(
                    folder, "cannot be written, since another process has kept its lock for two seconds");
            }
            const ::timespec pause{0, 1'000'000};
            static_cast<void>(::nanosleep(&pause, nullptr));
        }
    }

private:
    descriptor file_;
};

/// A folder whose entries are read.
class open_folder {
public:
    explicit open_folder(const std::string& path) : handle_(::opendir(path.c_str())) {}
    open_folder(const open_folder&) = delete;
    open_folder& operator=(const open_folder&) = delete;
    ~open_folder()
    {
        if (handle_ != nullptr) {
            ::closedir(handle_);
        }
    }
    [[nodiscard]] bool good() const noexcept { return handle_ != nullptr; }
    /// Return the next name, or null at the end.
    [[nodiscard]] const char* next() noexcept
    {
        const ::dirent* const entry = ::readdir(handle_);
        return entry != nullptr ? static_cast<const char*>(entry->d_name) : nullptr;
    }

private:
    ::DIR* handle_;
};

}  // namespace detail

inline void directory::make_folder()
{
    struct stat now{};
    if (::stat(path_.c_str(), &now) != 0) {
        if (errno != ENOENT || (::mkdir(path_.c_str(), 0777) != 0 && errno != EEXIST)) {
            trouble("cannot be made");
        }
    } else if (!S_ISDIR(now.st_mode)) {
        errno = ENOTDIR;
        trouble("cannot be used");
    }
    if (opened_) {
        return;
    }
    // Under the lock no other process writes, so that what is half-written was left by processes that were killed.
    const detail::folder_lock lock{path_};
    detail::open_folder entries{path_};
    while (const char* const name = entries.good() ? entries.next() : nullptr) {
        const std::string_view text{name};
        if (text.starts_with(".joust-") && text.ends_with(".part")) {
            ::unlink((path_ + name).c_str());
        }
    }
    opened_ = true;
}

/// Read a row from a file, or from what was read before. Returns false where there is no good file of this name.
inline bool directory::read_row(const std::string& name, stored_row& row)
{
    const std::string path = path_ + name;
    struct stat now{};
    if (::stat(path.c_str(), &now) != 0) {
        if (errno == ENOENT) {
            return false;
        }
        trouble("cannot be read");
    }
    seen_file& seen = seen_[name];
    const seen_file fresh{.inode = static_cast<std::uint64_t>(now.st_ino),
                          .seconds = static_cast<std::int64_t>(now.st_mtim.tv_sec),
                          .nanoseconds = static_cast<std::int64_t>(now.st_mtim.tv_nsec),
                          .size = static_cast<std::int64_t>(now.st_size)};
    seen.wanted = true;
    if (seen.good && seen.inode == fresh.inode && seen.seconds == fresh.seconds &&
        seen.nanoseconds == fresh.nanoseconds && seen.size == fresh.size) {
        row = seen.row;
        return true;
    }
    seen = fresh;
    seen.wanted = true;
    try {
        auto held = from_snapshot<detail::row_in_file>(read_file(path));
        const std::string_view expected = name;
        if (!expected.starts_with(name_of(held.key))) {
            throw parse_error("it holds the row of another key");
        }
        seen.row = {std::move(held.key), held.sequence, std::move(held.bytes)};
    } catch (const parse_error& wrong) {
        refused_.push_back({path, wrong.what()});
        return false;
    } catch (const std::runtime_error& wrong) {
        if (errno == ENOENT) {
            return false;  // It was removed meanwhile.
        }
        std::string_view why = wrong.what();
        why.remove_prefix(why.starts_with(path + ": ") ? path.size() + 2 : 0);
        throw store_error(path, why);
    }
    seen.good = true;
    row = seen.row;
    return true;
}

template <class Decide>
bool directory::write(std::string_view key, std::string_view bytes, Decide decide)
{
    make_folder();
    const std::string name = name_of(key);
    const std::string path = path_ + name;
    const std::string old = path + ".old";
    const detail::folder_lock lock{path_};
    stored_row there;
    const bool whole = read_row(name, there);
    const bool found = whole || read_row(name + ".old", there);
    const write_as what = decide(found, there.sequence);
    if (!what.write) {
        return false;
    }
    const std::string file =
        to_snapshot(detail::row_in_file{std::string{key}, what.sequence, std::string{bytes}});
    try {
        // The row before stays, but never one that cannot be read.
        if (whole &&
            ((::unlink(old.c_str()) != 0 && errno != ENOENT) || ::link(path.c_str(), old.c_str()) != 0) &&
            errno != EPERM && errno != ENOTSUP && errno != EMLINK) {
            detail::file_trouble(path, "cannot be kept as the row before");
        }
        write_file(path, file);
    } catch (const std::runtime_error& wrong) {
        std::string_view why = wrong.what();
        why.remove_prefix(why.starts_with(path + ": ") ? path.size() + 2 : 0);
        throw store_error(path, why);
    }
    return true;
}

inline std::vector<stored_row> directory::scan(std::string_view prefix)
{
    make_folder();
    refused_.clear();
    std::string begin;
    detail::append_escaped_name(begin, prefix);
    detail::open_folder entries{path_};
    if (!entries.good()) {
        trouble("cannot be listed");
    }
    std::vector<std::string> names;
    errno = 0;
    while (const char* const entry = entries.next()) {
        const std::string_view name{entry};
        const std::size_t common = name.size() < begin.size() ? name.size() : begin.size();
        const bool may_start_so =
            name.substr(0, common) == std::string_view{begin}.substr(0, common) || begin.size() > 180;
        if (name.ends_with(row_suffix) && may_start_so) {
            names.emplace_back(name);
        } else if (name.ends_with(old_suffix) && may_start_so) {
            names.emplace_back(name.substr(0, name.size() - 4));
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (auto& [name, seen] : seen_) {
        seen.wanted = false;
    }
    std::vector<stored_row> rows;
    for (const std::string& name : names) {
        stored_row row;
        if ((read_row(name, row) || read_row(name + ".old", row)) && row.key.starts_with(prefix)) {
            rows.push_back(std::move(row));
        }
    }
    std::erase_if(seen_, [](const auto& each) { return !each.second.wanted; });
    std::sort(rows.begin(), rows.end(),
              [](const stored_row& a, const stored_row& b) { return a.key < b.key; });
    return rows;
}

#else

inline void directory::make_folder()
{
    throw store_error(path_, "a directory store needs POSIX files");
}
inline bool directory::read_row(const std::string&, stored_row&)
{
    return false;
}
template <class Decide>
bool directory::write(std::string_view, std::string_view, Decide)
{
    make_folder();
    return false;
}
inline std::vector<stored_row> directory::scan(std::string_view)
{
    make_folder();
    return {};
}

#endif

}  // namespace v0
}  // namespace joust

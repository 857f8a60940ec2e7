// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/core/hash.hpp>
#include <joust/core/hex.hpp>
#include <joust/store/snapshot.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>) && !defined(_WIN32)
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#endif

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

namespace detail {

#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>) && !defined(_WIN32)

/// A file descriptor that is closed at the end of its scope.
class descriptor {
public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() { static_cast<void>(close()); }

    [[nodiscard]] bool good() const noexcept { return number_ >= 0; }
    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] bool close() noexcept
    {
        const bool done = number_ < 0 || ::close(number_) == 0;
        number_ = -1;
        return done;
    }

private:
    int number_;
};

/// Open a file, and do not follow a link in its last place.
[[nodiscard]] inline int open_unfollowed(const std::string& path, int flags, ::mode_t mode = 0) noexcept
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): POSIX declares it so
    return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode);
}

/// Write all bytes. Returns how many were written before an error.
[[nodiscard]] inline std::size_t write_all(int file, std::string_view bytes) noexcept
{
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ::ssize_t n = ::write(file, bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        done += static_cast<std::size_t>(n);
    }
    return done;
}

[[nodiscard]] inline std::string folder_of(const std::string& path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
}

/// A new file beside a path that is about to be replaced. It is removed unless it takes the path's place.
class replacement {
public:
    /// errors: std::runtime_error with path and reason
    replacement(const std::string& path, ::mode_t mode) : file_(make(path, mode)) {}
    replacement(const replacement&) = delete;
    replacement& operator=(const replacement&) = delete;
    ~replacement()
    {
        if (!name_.empty()) {
            ::unlink(name_.c_str());
        }
    }

    [[nodiscard]] int number() const noexcept { return file_.number(); }

    /// Put the new file in the place of the path.
    /// errors: std::runtime_error with path and reason
    void take_place_of(const std::string& path)
    {
        if (::fsync(file_.number()) != 0 && errno != EINVAL && errno != ENOTSUP) {
            file_trouble(path, "cannot be written");
        }
        if (!file_.close()) {
            file_trouble(path, "cannot be written");
        }
        if (std::rename(name_.c_str(), path.c_str()) != 0) {
            file_trouble(path, "cannot be replaced");
        }
        name_.clear();
        // The name of the file is safe only when its folder is. The file itself is whole in any case.
        const descriptor folder{open_unfollowed(folder_of(path), O_RDONLY | O_DIRECTORY)};
        if (folder.good()) {
            static_cast<void>(::fsync(folder.number()));
        }
    }

private:
    [[nodiscard]] int make(const std::string& path, ::mode_t mode)
    {
        static std::atomic<std::uint64_t> counter{0};
        for (int tries = 0; tries < 100; ++tries) {
            const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
            const std::uint64_t unlike =
                mix64(static_cast<std::uint64_t>(now) ^ (static_cast<std::uint64_t>(::getpid()) << 32)) +
                counter.fetch_add(1, std::memory_order_relaxed);
            name_ = folder_of(path);
            name_ += name_ == "." ? "/.joust-" : ".joust-";
            append_hex(name_, unlike);
            name_ += ".part";
            const int made = open_unfollowed(name_, O_WRONLY | O_CREAT | O_EXCL, mode);
            if (made >= 0 || errno != EEXIST) {
                if (made < 0) {
                    name_.clear();
                    file_trouble(path, "cannot be written, since no file can be made beside it");
                }
                return made;
            }
        }
        name_.clear();
        file_trouble(path, "cannot be written, since no file can be made beside it");
    }

    std::string name_;
    descriptor file_;
};

/// Give a new file the permissions of the file that it replaces. Users who could not read the old file cannot read the new
/// one either.
inline void keep_permissions(int file, const struct stat& old, const std::string& path)
{
    ::mode_t mode = old.st_mode & 0777U;
    struct stat made{};
    if (::fstat(file, &made) != 0) {
        file_trouble(path, "cannot be written");
    }
    if ((made.st_uid != old.st_uid || made.st_gid != old.st_gid) &&
        ::fchown(file, old.st_uid, old.st_gid) != 0 && made.st_gid != old.st_gid) {
        mode &= ~::mode_t{070U};
    }
    if (::fchmod(file, mode) != 0) {
        file_trouble(path, "cannot be given the permissions of the old file");
    }
}

#endif

}  // namespace detail

/// Write a file. Readers see the old contents or the new ones, and never a part, also when several threads or processes write
/// the same path at once: the last of them stays.
///
/// The bytes go into a new file in the same folder, reach the disk, and then take the place of the old file and its
/// permissions. A symbolic link to a file in that place is replaced and not followed, and any other link is refused. If anything fails, the old file stays as it was,
/// and nothing else is left behind. A device or a pipe is written to directly.
/// errors: std::runtime_error with path and reason
inline void write_file(const std::string& path, std::string_view bytes)
{
#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>) && !defined(_WIN32)
    struct stat old{};
    const bool found = ::lstat(path.c_str(), &old) == 0;
    const bool exists = found && !S_ISLNK(old.st_mode);
    if (struct stat behind{};
        found && !exists && ::stat(path.c_str(), &behind) == 0 && !S_ISREG(behind.st_mode)) {
        // A link such as /dev/stdout must be neither replaced nor followed.
        errno = ELOOP;
        detail::file_trouble(path, "is a symbolic link to something that is no file");
    }
    if (exists && !S_ISREG(old.st_mode)) {
        // A pipe without a reader gives an error and does not wait for one.
        detail::descriptor device{detail::open_unfollowed(path, O_WRONLY | O_NONBLOCK)};
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): POSIX declares it so
        if (!device.good() || ::fcntl(device.number(), F_SETFL, 0) != 0 ||
            detail::write_all(device.number(), bytes) != bytes.size() || !device.close()) {
            detail::file_trouble(path, "cannot be written");
        }
        return;
    }
    detail::replacement fresh{path, exists ? ::mode_t{0600} : ::mode_t{0666}};
    if (exists) {
        detail::keep_permissions(fresh.number(), old, path);
    }
    if (detail::write_all(fresh.number(), bytes) != bytes.size()) {
        detail::file_trouble(path, "cannot be written");
    }
    fresh.take_place_of(path);
#else
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
#endif
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

namespace detail {

/// What is done with an incomplete line at the end of a file that is opened.
enum class incomplete_line : std::uint8_t { end, leave };

/// A file that whole lines are appended to, also by several processes. A new file is for its owner alone.
class line_file {
public:
    line_file() = default;
    line_file(const line_file&) = delete;
    line_file& operator=(const line_file&) = delete;
    ~line_file() { close(); }

#if __has_include(<unistd.h>) && __has_include(<sys/stat.h>) && !defined(_WIN32)
    [[nodiscard]] bool is_open() const noexcept { return file_ >= 0; }

    void swap(line_file& other) noexcept { std::swap(file_, other.file_); }

    /// Open the file. A line that a crash left incomplete is ended first, unless it is to stay.
    void open(const std::string& path, incomplete_line last_line = incomplete_line::end) noexcept
    {
        close();
        file_ = open_unfollowed(path, O_RDWR | O_CREAT | O_APPEND, 0600);
        if (file_ < 0 && errno == EACCES) {
            file_ = open_unfollowed(path, O_WRONLY | O_APPEND);  // A file that may be written and not read.
        }
        struct stat now{};
        char last = '\n';
        if (last_line == incomplete_line::end && file_ >= 0 && ::fstat(file_, &now) == 0 &&
            S_ISREG(now.st_mode) && now.st_size > 0 && ::pread(file_, &last, 1, now.st_size - 1) == 1 &&
            last != '\n') {
            static_cast<void>(write_all(file_, "\n"));
        }
    }

    void close() noexcept
    {
        if (file_ >= 0) {
            ::close(file_);
            file_ = -1;
        }
    }

    /// Append lines in one step, so that lines of other processes come before or after them. Returns how many bytes of whole
    /// lines were written. Where the disk is full, the line that was cut off is taken back.
    [[nodiscard]] std::size_t append(std::string_view lines) noexcept
    {
        const std::size_t done = file_ >= 0 ? write_all(file_, lines) : 0;
        if (done == lines.size()) {
            return done;
        }
        const std::size_t last = lines.substr(0, done).rfind('\n');
        const std::size_t whole = last == std::string_view::npos ? 0 : last + 1;
        struct stat now{};
        if (done > whole && ::fstat(file_, &now) == 0 && S_ISREG(now.st_mode) &&
            ::lseek(file_, 0, SEEK_CUR) == now.st_size) {
            static_cast<void>(::ftruncate(file_, now.st_size - static_cast<::off_t>(done - whole)) == 0);
        }
        return whole;
    }

    /// Keep other writers that ask for it out of the file. Returns false where one of them has it.
    [[nodiscard]] bool lock() const noexcept
    {
        int done = -1;
        do {
            done = file_ >= 0 ? ::flock(file_, LOCK_EX | LOCK_NB) : -1;
        } while (done != 0 && errno == EINTR);
        return done == 0 || errno != EWOULDBLOCK;  // A file system without locks refuses no writer.
    }

    /// Wait until the disk has all that was written. Returns false where it may not have it.
    bool sync() const noexcept
    {
        return file_ >= 0 && (::fdatasync(file_) == 0 || errno == EINVAL || errno == ENOTSUP);
    }

    /// Return whether the file is neither a device nor a pipe.
    [[nodiscard]] bool is_regular() const noexcept
    {
        struct stat now{};
        return file_ >= 0 && ::fstat(file_, &now) == 0 && S_ISREG(now.st_mode);
    }

    /// Cut the file to a number of bytes. Returns whether that was done.
    [[nodiscard]] bool cut(std::size_t bytes) const noexcept
    {
        return file_ >= 0 && ::ftruncate(file_, static_cast<::off_t>(bytes)) == 0;
    }

    /// Return whether the path still names the open file, and not one that took its place.
    [[nodiscard]] bool is_at(const std::string& path) const noexcept
    {
        struct stat here{};
        struct stat there{};
        return file_ >= 0 && ::fstat(file_, &here) == 0 && ::lstat(path.c_str(), &there) == 0 &&
               here.st_ino == there.st_ino && here.st_dev == there.st_dev;
    }

private:
    int file_ = -1;
#else
    [[nodiscard]] bool is_open() const noexcept { return file_ != nullptr; }

    void swap(line_file& other) noexcept { std::swap(file_, other.file_); }

    void open(const std::string& path, incomplete_line last_line = incomplete_line::end) noexcept
    {
        close();
        file_ = std::fopen(path.c_str(), "ab+");
        if (last_line == incomplete_line::end && file_ != nullptr && std::fseek(file_, -1, SEEK_END) == 0) {
            const int last = std::fgetc(file_);
            std::fseek(file_, 0, SEEK_END);
            if (last != '\n' && last != EOF) {
                std::fputc('\n', file_);
            }
        }
    }

    void close() noexcept
    {
        if (file_ != nullptr) {
            std::fclose(file_);
            file_ = nullptr;
        }
    }

    [[nodiscard]] std::size_t append(std::string_view lines) noexcept
    {
        const bool done = file_ != nullptr &&
                          std::fwrite(lines.data(), 1, lines.size(), file_) == lines.size() &&
                          std::fflush(file_) == 0;
        return done ? lines.size() : 0;
    }

    [[nodiscard]] bool lock() const noexcept { return true; }
    bool sync() const noexcept { return is_open(); }
    [[nodiscard]] bool is_regular() const noexcept { return is_open(); }
    [[nodiscard]] bool cut(std::size_t) const noexcept { return false; }

    [[nodiscard]] bool is_at(const std::string&) const noexcept { return is_open(); }

private:
    std::FILE* file_ = nullptr;
#endif
};

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

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>
#include <joust/store/file.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joust {
inline namespace v0 {

/// Read a file line by line in constant memory, also one that is larger than the memory. The path "-" is the standard input.
///
/// A line has at most 1 MiB and ends with a line feed, before which a carriage return may stand. A byte order mark at the
/// beginning is left out.
/// errors: std::runtime_error with path and reason where the file cannot be opened or read; parse_error that names the file and the
/// line for a line that is too long or holds a NUL character
/// cost: one copy of each byte, and 1 MiB of memory
class line_source {
public:
    /// Open a file.
    explicit line_source(std::string path) : path_(std::move(path)), buffer_(first_size + padding)
    {
        if (path_ == "-") {
            file_ = stdin;
        } else {
            file_ = std::fopen(path_.c_str(), "rb");
            if (file_ == nullptr) {
                detail::file_trouble(path_, "cannot be opened");
            }
        }
    }
    line_source(const line_source&) = delete;
    line_source& operator=(const line_source&) = delete;
    ~line_source()
    {
        if (file_ != nullptr && file_ != stdin) {
            std::fclose(file_);
        }
    }

    /// How many bytes behind a line may be read, whatever they are.
    static constexpr std::size_t padding = 64;

    /// Go to the next line. Returns false at the end of the file.
    bool next()
    {
        begin_ = end_;
        scanned_ = end_;
        line_ += lines_in_record_;
        lines_in_record_ = 0;
        if (!find_end()) {
            return false;
        }
        if (bytes_before_ + begin_ == 0 && text().starts_with("\xEF\xBB\xBF")) {
            begin_ += 3;
        }
        return true;
    }

    /// Let the line go on with the line after it, as a quoted field of CSV asks. Returns false at the end of the file.
    bool extend()
    {
        scanned_ = end_;
        return find_end();
    }

    /// Return the line without its end. It is valid until the next call.
    [[nodiscard]] std::string_view text() const noexcept
    {
        std::string_view line{buffer_.data() + begin_, end_ - begin_};
        if (line.ends_with('\n')) {
            line.remove_suffix(1);
        }
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        return line;
    }

    /// Return the number of the line. The first line is line 1.
    [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
    /// Return how many bytes have been read.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_before_ + end_; }
    /// Return the path.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Throw parse_error that names the file and the line.
    [[noreturn]] void refuse(std::string_view why) const
    {
        throw parse_error(path_ + " line " + std::to_string(line_) + ": " + std::string{why});
    }

private:
    static constexpr std::size_t first_size = std::size_t{1} << 18;
    static constexpr std::size_t most_line_bytes = std::size_t{1} << 20;

    /// Find the end of the line from `scanned_` on. Returns false where nothing is left.
    bool find_end()
    {
        for (;;) {
            const void* const found = scanned_ < filled_
                                          ? std::memchr(buffer_.data() + scanned_, '\n', filled_ - scanned_)
                                          : nullptr;
            if (found != nullptr) {
                const std::size_t after =
                    static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) + 1;
                return take(after);
            }
            scanned_ = filled_;
            if (filled_ - begin_ > most_line_bytes) {
                refuse("longer than 1 MiB");
            }
            if (!fill()) {
                return scanned_ > end_ && take(filled_);
            }
        }
    }

    bool take(std::size_t end)
    {
        if (end - begin_ > most_line_bytes + 1) {
            refuse("longer than 1 MiB");
        }
        if (std::memchr(buffer_.data() + end_, '\0', end - end_) != nullptr) {
            refuse("holds a NUL character");
        }
        ++lines_in_record_;
        end_ = end;
        return true;
    }

    /// Read more bytes, after moving the current line to the beginning of the buffer. Returns false at the end of the file.
    bool fill()
    {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, filled_ - begin_);
            bytes_before_ += begin_;
            end_ -= begin_;
            scanned_ -= begin_;
            filled_ -= begin_;
            begin_ = 0;
        }
        if (filled_ + padding >= buffer_.size()) {
            buffer_.resize(2 * buffer_.size());
        }
        const std::size_t more =
            std::fread(buffer_.data() + filled_, 1, buffer_.size() - padding - filled_, file_);
        if (more == 0 && std::ferror(file_) != 0) {
            detail::file_trouble(path_, "cannot be read");
        }
        filled_ += more;
        return more > 0;
    }

    std::string path_;
    std::FILE* file_ = nullptr;
    std::vector<char> buffer_;
    /// The line is [begin_, end_) of the buffer, which is filled up to filled_ and searched up to scanned_.
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t scanned_ = 0;
    std::size_t filled_ = 0;
    std::uint64_t bytes_before_ = 0;
    std::uint64_t line_ = 1;
    std::uint64_t lines_in_record_ = 0;
};

}  // namespace v0
}  // namespace joust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/store/store.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace joust_test {

/// The rows of a store in memory, with what goes wrong in it.
struct memory_rows {
    struct write {
        std::string key;
        std::uint64_t sequence = 0;
        std::string bytes;
    };

    std::mutex mutex;
    std::map<std::string, std::pair<std::uint64_t, std::string>> rows;
    /// Every unconditional write that was asked for.
    std::vector<write> writes;
};

/// A store in memory that several trials share. Each has its own connection, which can be cut.
class memory_store {
public:
    memory_store() : rows_(std::make_shared<memory_rows>()), down_(std::make_shared<bool>(false)) {}

    /// Return another connection to the same rows.
    [[nodiscard]] memory_store connection() const
    {
        memory_store other;
        other.rows_ = rows_;
        return other;
    }
    void cut(bool down = true) const { *down_ = down; }
    /// Let each call take so long.
    void slow(std::chrono::milliseconds time) const { *pause_ = time; }
    /// Return how many connections there are.
    [[nodiscard]] long users() const { return rows_.use_count(); }
    [[nodiscard]] memory_rows& inside() const { return *rows_; }

    [[nodiscard]] bool put_if_newer(std::string_view key, std::uint64_t sequence, std::string_view bytes)
    {
        reach();
        const std::scoped_lock lock{rows_->mutex};
        rows_->writes.push_back({std::string{key}, sequence, std::string{bytes}});
        const auto found = rows_->rows.find(std::string{key});
        if (found != rows_->rows.end() && found->second.first >= sequence) {
            return false;
        }
        rows_->rows[std::string{key}] = {sequence, std::string{bytes}};
        return true;
    }
    [[nodiscard]] bool compare_and_set(std::string_view key, std::uint64_t version, std::string_view bytes)
    {
        reach();
        const std::scoped_lock lock{rows_->mutex};
        const auto found = rows_->rows.find(std::string{key});
        if ((found != rows_->rows.end() ? found->second.first : 0) != version) {
            return false;
        }
        rows_->rows[std::string{key}] = {version + 1, std::string{bytes}};
        return true;
    }
    [[nodiscard]] std::vector<joust::stored_row> scan(std::string_view prefix)
    {
        reach();
        const std::scoped_lock lock{rows_->mutex};
        std::vector<joust::stored_row> found;
        for (const auto& [key, row] : rows_->rows) {
            if (key.starts_with(prefix)) {
                found.push_back({key, row.first, row.second});
            }
        }
        return found;
    }

private:
    void reach() const
    {
        if (pause_->count() > 0) {
            std::this_thread::sleep_for(*pause_);
        }
        if (*down_) {
            throw joust::store_error("memory", "the connection is cut");
        }
    }

    std::shared_ptr<memory_rows> rows_;
    std::shared_ptr<bool> down_;
    std::shared_ptr<std::chrono::milliseconds> pause_ = std::make_shared<std::chrono::milliseconds>(0);
};

}  // namespace joust_test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <joust/core/error.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <tuple>
#include <type_traits>
#include <utility>
#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace joust {
inline namespace v0 {

/// A model in another process did not answer: it crashed, took too long, threw, or is being started again.
class subprocess_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The options of a `subprocess`.
struct subprocess_limits {
    /// How long the model may take for one request. Then its process is killed and started again.
    std::chrono::milliseconds answer_within{1'000};
    /// How long the first restart waits. Each further one waits twice as long, until the model has answered.
    std::chrono::milliseconds first_pause{100};
    /// The longest time that a restart waits.
    std::chrono::milliseconds longest_pause{30'000};
    /// The largest request or answer in bytes.
    std::size_t message_bytes = 64 * 1024;
    /// The most memory that the model's process may map, in bytes. 0 for any.
    std::size_t memory_bytes = 0;
};

/// How values go through the pipe to a model in another process: by their bytes, where these are the value. Specialise it for types
/// of your own.
///
/// shape: `static std::string encode(const T&)` and `static T decode(std::string_view)`
template <class T>
struct wire {
    static_assert(
        std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
        "joust: a subprocess sends this type through a pipe, and its bytes are not its value: specialise joust::wire<T> with encode and decode");
    /// Return the bytes of a value.
    static std::string encode(const T& value)
    {
        return std::string(reinterpret_cast<const char*>(&value), sizeof value);
    }
    /// Return the value of the bytes.
    static T decode(const std::string& bytes)
    {
        if (bytes.size() != sizeof(T)) {
            throw subprocess_error("the bytes are not those of the value");
        }
        alignas(T) std::byte place[sizeof(T)];
        std::memcpy(place, bytes.data(), sizeof(T));
        return *std::launder(reinterpret_cast<T*>(place));
    }
};

/// A text is its bytes.
template <>
struct wire<std::string> {
    /// Return the text.
    static std::string encode(const std::string& value) { return value; }
    /// Return the text.
    static std::string decode(const std::string& bytes) { return bytes; }
};

namespace detail {

/// The process that runs a model, and the one that starts it anew. Both end when this object is gone, or when this process ends.
///
/// A keeper is forked at the start, while this process may still have only one thread; it forks a worker whenever the last one ended. So
/// no process is forked from one with threads when a model crashes. Requests and answers are whole messages of a
/// socket, each with a number, so that an answer that comes too late is told from the one that is awaited.
class worker_process {
public:
    /// Start the processes. `answer` makes the answer to a request in the worker, and may throw there.
    template <class Answer>
    worker_process(const subprocess_limits& limits, Answer&& answer)
        : limits_(limits), buffer_(limits.message_bytes + sizeof(head), '\0')
    {
        void* const shared = ::mmap(nullptr, sizeof(std::atomic<bool>), PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED) {
            throw subprocess_error("no memory for a subprocess");
        }
        answered_ = ::new (shared) std::atomic<bool>(false);
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
            (void)::munmap(answered_, sizeof *answered_);
            throw subprocess_error("no socket for a subprocess");
        }
        const int room =
            static_cast<int>(std::min<std::size_t>(2 * buffer_.size() + 4096, std::size_t{1} << 30));
        for (const int end : ends) {
            (void)::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
        }
        keeper_ = ::fork();
        if (keeper_ < 0) {
            (void)::close(ends[0]);
            (void)::close(ends[1]);
            (void)::munmap(answered_, sizeof *answered_);
            throw subprocess_error("no process for a subprocess");
        }
        if (keeper_ == 0) {
            (void)::close(ends[0]);
            keep(ends[1], answer);
        }
        (void)::close(ends[1]);
        socket_ = ends[0];
    }
    worker_process(const worker_process&) = delete;
    worker_process& operator=(const worker_process&) = delete;
    ~worker_process()
    {
        if (owner_ != ::getpid()) {
            (void)::close(socket_);
            return;
        }
        (void)::kill(keeper_, SIGKILL);
        if (worker_ > 0) {
            (void)::kill(worker_, SIGKILL);
        }
        (void)::close(socket_);
        while (::waitpid(keeper_, nullptr, 0) < 0 && errno == EINTR) {}
        (void)::munmap(answered_, sizeof *answered_);
    }

    /// Send a request, and wait for its answer. One thread at a time.
    std::string ask(const std::string& request)
    {
        const std::scoped_lock lock{mutex_};
        if (owner_ != ::getpid()) {
            throw subprocess_error("the model's process belongs to the parent of this one");
        }
        if (request.size() > limits_.message_bytes) {
            throw subprocess_error("the request is larger than message_bytes");
        }
        const auto now = std::chrono::steady_clock::now();
        const auto until = now + limits_.answer_within;
        while (receive(now)) {
            // What came since the last call says whether the worker still runs.
        }
        while (worker_ == 0) {
            // Only the first start is waited for: the pause before another one may be long.
            if (!receive(starts() == 0 ? until : now)) {
                throw subprocess_error("the model's process is being started");
            }
        }
        const head about{++number_, kind::request, 0};
        std::string message(sizeof about, '\0');
        std::memcpy(message.data(), &about, sizeof about);
        message += request;
        if (::send(socket_, message.data(), message.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(message.size())) {
            throw subprocess_error("the request could not be sent");
        }
        while (receive(until)) {
            if (got_.what == kind::ended) {
                throw subprocess_error("the model's process ended");
            }
            if (got_.number == number_ && got_.what == kind::answer) {
                return body_;
            }
            if (got_.number == number_ && got_.what == kind::threw) {
                throw subprocess_error("the model threw");
            }
        }
        if (worker_ > 0) {
            (void)::kill(worker_, SIGKILL);
            worker_ = 0;
        }
        throw subprocess_error("the model did not answer in time");
    }

    /// Return how often the model's process was started.
    [[nodiscard]] std::uint64_t starts() const noexcept { return starts_.load(std::memory_order_relaxed); }

private:
    enum class kind : std::uint32_t { request, ready, answer, threw, ended };
    struct head {
        std::uint64_t number;
        kind what;
        std::uint32_t reserved;
        std::int64_t worker = 0;
    };

    /// Receive one message. Returns false where none came in time.
    bool receive(std::chrono::steady_clock::time_point until)
    {
        for (;;) {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                until - std::chrono::steady_clock::now() + std::chrono::microseconds{999});
            pollfd ready{socket_, POLLIN, 0};
            const int seen =
                ::poll(&ready, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000)));
            if (seen < 0 && errno == EINTR) {
                continue;
            }
            if (seen <= 0) {
                return false;
            }
            const ssize_t size = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
            if (size < static_cast<ssize_t>(sizeof(head))) {
                return false;
            }
            std::memcpy(&got_, buffer_.data(), sizeof got_);
            body_.assign(buffer_.data() + sizeof got_, static_cast<std::size_t>(size) - sizeof got_);
            if (got_.what == kind::ready) {
                worker_ = static_cast<pid_t>(got_.worker);
                starts_.fetch_add(1, std::memory_order_relaxed);
            } else if (got_.what == kind::ended) {
                worker_ = 0;
            }
            return true;
        }
    }

    static bool reply(int socket, const head& about, const std::string& body)
    {
        std::string message(sizeof about, '\0');
        std::memcpy(message.data(), &about, sizeof about);
        message += body;
        return ::send(socket, message.data(), message.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(message.size());
    }

    /// Start a worker whenever the last one has ended, until the other end of the socket is closed.
    template <class Answer>
    [[noreturn]] void keep(int socket, Answer& answer)
    {
        auto pause = limits_.first_pause;
        for (;;) {
            const pid_t worker = ::fork();
            if (worker == 0) {
                work(socket, answer);
            }
            int how = 0;
            while (worker > 0 && ::waitpid(worker, &how, 0) < 0 && errno == EINTR) {}
            if (worker > 0 && WIFEXITED(how) && WEXITSTATUS(how) == closed) {
                ::_exit(0);
            }
            (void)reply(socket, {0, kind::ended, 0, worker}, {});
            if (answered_->exchange(false)) {
                pause = limits_.first_pause;
            }
            ::usleep(static_cast<useconds_t>(std::min<std::int64_t>(pause.count(), 86'400'000)) * 1'000U);
            pause = std::min(2 * pause, limits_.longest_pause);
        }
    }

    /// Answer requests until the other end of the socket is closed.
    template <class Answer>
    [[noreturn]] void work(int socket, Answer& answer)
    {
#if defined(__linux__)
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        for (const int fatal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM, SIGINT}) {
            (void)std::signal(fatal,
                              SIG_DFL);  // The handlers of the service are not for the model's crashes.
        }
        if (limits_.memory_bytes > 0) {
            const rlimit most{limits_.memory_bytes, limits_.memory_bytes};
            (void)::setrlimit(RLIMIT_AS, &most);
        }
        const auto own = static_cast<std::int64_t>(::getpid());
        while (::recv(socket, buffer_.data(), buffer_.size(), MSG_DONTWAIT) > 0) {
            // Requests that the last worker left have been given up.
        }
        (void)reply(socket, {0, kind::ready, 0, own}, {});
        for (;;) {
            const ssize_t size = ::recv(socket, buffer_.data(), buffer_.size(), 0);
            if (size < 0 && errno == EINTR) {
                continue;
            }
            if (size < static_cast<ssize_t>(sizeof(head))) {
                ::_exit(closed);
            }
            head about;
            std::memcpy(&about, buffer_.data(), sizeof about);
            about.worker = own;
            std::string body;
            try {
                body = answer(std::string(buffer_.data() + sizeof about,
                                          static_cast<std::size_t>(size) - sizeof about));
                about.what = body.size() <= limits_.message_bytes ? kind::answer : kind::threw;
            } catch (...) {
                about.what = kind::threw;
            }
            if (about.what == kind::answer) {
                answered_->store(true);
            }
            (void)reply(socket, about, about.what == kind::answer ? body : std::string{});
        }
    }

    static constexpr int closed = 86;

    subprocess_limits limits_;
    /// Whether the model has answered since its last start. The processes share it.
    std::atomic<bool>* answered_ = nullptr;
    std::string buffer_;
    std::string body_;
    head got_{};
    std::mutex mutex_;
    pid_t owner_ = ::getpid();
    pid_t keeper_ = -1;
    pid_t worker_ = 0;
    int socket_ = -1;
    std::uint64_t number_ = 0;
    std::atomic<std::uint64_t> starts_{0};
};

}  // namespace detail

/// A model that answers in another process, so that its crash, its leak or its endless loop is a failure of one request.
///
/// It is called like the model itself, `Result(Args...)`. Where the model's process crashes, does not answer in time or throws, the call throws
/// `subprocess_error`, which a shadow counts as a failure of the challenger. A process that ended is started again, after a pause that
/// doubles each time. Calls from several threads take turns.
/// When to use: challengers that are not trusted to leave the service alive. What runs inside the service can exhaust its memory or
/// end it, whatever a wrapper does.
/// When not: on systems without fork(), or for models whose threads have to be running before the first call: the process is a
/// copy of this one, made by the constructor.
/// shape: `model{"b", subprocess<float(Request)>{score_v2, {.answer_within = 50ms}}}`
/// assumes: the constructor runs before this process starts threads, since a fork copies only the thread that calls it, and
///     locks that other threads hold stay locked in the copy. The copy keeps the files open that are open then.
/// errors: configuration_error for limits that are none; subprocess_error from the constructor where the system gives no process
/// cost: 10 to 50 us for a call, beside what the model takes
template <class Signature>
class subprocess;

template <class Result, class... Args>
class subprocess<Result(Args...)> {
public:
    /// Start the process of a model.
    template <class Model>
    explicit subprocess(Model model, subprocess_limits limits = {})
        : process_(start(std::move(model), limits))
    {
    }

    /// Ask the model.
    /// errors: subprocess_error where it does not answer
    Result operator()(const Args&... arguments) const
    {
        std::string request;
        (append(request, wire<std::decay_t<Args>>::encode(arguments)), ...);
        return wire<Result>::decode(process_->ask(request));
    }

    /// Return how often the model's process was started, as far as calls have seen it.
    [[nodiscard]] std::uint64_t starts() const noexcept { return process_->starts(); }

private:
    static void append(std::string& out, const std::string& part)
    {
        const std::uint64_t size = part.size();
        out.append(reinterpret_cast<const char*>(&size), sizeof size);
        out += part;
    }
    static std::string next(const std::string& from, std::size_t& at)
    {
        std::uint64_t size = 0;
        if (from.size() - at < sizeof size) {
            throw subprocess_error("a request is too short");
        }
        std::memcpy(&size, from.data() + at, sizeof size);
        at += sizeof size;
        if (from.size() - at < size) {
            throw subprocess_error("a request is too short");
        }
        std::string part = from.substr(at, static_cast<std::size_t>(size));
        at += static_cast<std::size_t>(size);
        return part;
    }

    template <class Model>
    static std::shared_ptr<detail::worker_process> start(Model model, const subprocess_limits& limits)
    {
        require("subprocess_limits.answer_within", limits.answer_within);
        require("subprocess_limits.first_pause", limits.first_pause);
        require("subprocess_limits.longest_pause", limits.longest_pause);
        if (limits.message_bytes == 0 || limits.message_bytes > (std::size_t{1} << 26)) {
            throw configuration_error("subprocess_limits.message_bytes", std::to_string(limits.message_bytes),
                                      "1 to 67108864");
        }
        const auto answer = [&model](const std::string& request) {
            std::size_t at = 0;
            // The elements of a braced list are made in their order.
            std::tuple<std::decay_t<Args>...> arguments{
                wire<std::decay_t<Args>>::decode(next(request, at))...};
            return wire<Result>::encode(std::apply(model, std::move(arguments)));
        };
        return std::make_shared<detail::worker_process>(limits, answer);
    }
    static void require(const char* field, std::chrono::milliseconds value)
    {
        if (value.count() < 1 || value.count() > 86'400'000) {
            throw configuration_error(field, std::to_string(value.count()) + " ms", "1 ms to 1 day");
        }
    }

    std::shared_ptr<detail::worker_process> process_;
};

}  // namespace v0
}  // namespace joust

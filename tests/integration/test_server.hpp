// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace joust_test {

/// Run a command and return what it prints, without the end of the line. `code` is its exit code.
inline std::string output_of(const std::string& command, int& code)
{
    std::string text;
    FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        throw std::runtime_error("cannot run " + command);
    }
    char part[256];
    while (const std::size_t size = std::fread(part, 1, sizeof part, pipe)) {
        text.append(part, size);
    }
    const int how = ::pclose(pipe);
    code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

/// A server on loopback with its files in a folder of its own, which ends with the test.
class test_server {
public:
    /// Start it. A Prometheus needs a target to scrape.
    explicit test_server(std::string kind, std::string target = "")
        : kind_(std::move(kind)), folder_("server_" + kind_ + "." + std::to_string(::getpid())),
          target_(std::move(target))
    {
        start();
    }
    test_server(const test_server&) = delete;
    test_server& operator=(const test_server&) = delete;
    ~test_server()
    {
        run("stop " + folder_);
        if (std::system(("rm -rf " + folder_).c_str()) != 0) {
            std::puts("the folder of the server stays");
        }
    }

    /// Is it installed? Where it is not, CTest counts the test as skipped by the words that this prints.
    [[nodiscard]] bool installed() const
    {
        if (!installed_) {
            std::printf("joust: skipped, since %s is not installed\n", kind_.c_str());
        }
        return installed_;
    }
    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
    [[nodiscard]] long process() const
    {
        int code = 0;
        return std::atol(output_of("cat " + folder_ + "/pid", code).c_str());
    }

    void start()
    {
        int code = 0;
        const std::string said = output_of("JOUST_OWNER=" + std::to_string(::getpid()) + " " +
                                               JOUST_SOURCE_DIR "/scripts/server.sh start " + kind_ + " " +
                                               folder_ + " " + (port_ != 0 ? std::to_string(port_) : target_),
                                           code);
        installed_ = code != 77;
        if (installed_ && code != 0) {
            throw std::runtime_error(kind_ + " does not start");
        }
        port_ = std::atoi(said.c_str());
    }
    void stop() { run("stop " + folder_); }
    void kill() { run("kill " + folder_); }

private:
    static void run(const std::string& what)
    {
        int code = 0;
        output_of(JOUST_SOURCE_DIR "/scripts/server.sh " + what, code);
    }

    std::string kind_;
    std::string folder_;
    std::string target_;
    int port_ = 0;
    bool installed_ = false;
};

/// A port that takes connections and never answers.
class silent_port {
public:
    silent_port() : socket_(::socket(AF_INET, SOCK_STREAM, 0))
    {
        ::sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::socklen_t size = sizeof at;
        void* const address = &at;
        if (::bind(socket_, static_cast<::sockaddr*>(address), size) != 0 || ::listen(socket_, 8) != 0 ||
            ::getsockname(socket_, static_cast<::sockaddr*>(address), &size) != 0) {
            throw std::runtime_error("no port to listen at");
        }
        port_ = ntohs(at.sin_port);
    }
    silent_port(const silent_port&) = delete;
    silent_port& operator=(const silent_port&) = delete;
    ~silent_port() { ::close(socket_); }
    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] int socket() const noexcept { return socket_; }

private:
    int socket_;
    int port_ = 0;
};

/// Return what a server on loopback answers to a GET request, or what came of it.
inline std::string http_get(int port, const std::string& target)
{
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    ::sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<unsigned short>(port));
    void* const address = &at;
    const std::string request = "GET " + target + " HTTP/1.0\r\nHost: localhost\r\n\r\n";
    std::string answer;
    if (::connect(socket, static_cast<::sockaddr*>(address), sizeof at) == 0 &&
        ::write(socket, request.data(), request.size()) == static_cast<::ssize_t>(request.size())) {
        char part[4'096];
        for (::ssize_t size = 0; (size = ::read(socket, part, sizeof part)) > 0;) {
            answer.append(part, static_cast<std::size_t>(size));
        }
    }
    ::close(socket);
    return answer;
}

}  // namespace joust_test

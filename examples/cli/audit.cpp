// SPDX-License-Identifier: Apache-2.0

// joust verify and joust replay: is an audit log whole, and do its decisions and assignments come out again?

#include <joust/core/json.hpp>
#include <joust/report/html.hpp>
#include <joust/report/tables.hpp>
#include <joust/store/audit_log.hpp>
#include <joust/store/audit_replay.hpp>
#include <joust/store/file.hpp>
#include <joust/ticket/ticket.hpp>

#include "output.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cli {

namespace {

/// A text on the standard output has the same words in every form that has none of its own.
[[nodiscard]] std::string as_page(std::string_view form, const std::string& title, const std::string& text)
{
    std::string out;
    if (form == "markdown") {
        out = "### " + title + "\n\n```text\n" + text + "```\n";
    } else if (form == "html") {
        joust::detail::append_page_head(out, {.title = title});
        out += "</header>\n<pre>";
        joust::detail::append_html(out, text);
        out += "</pre>\n</main>\n</body>\n</html>\n";
    } else {
        out = text;
    }
    return out;
}

[[nodiscard]] std::string junit_case(const std::string& name, bool good, const std::string& why)
{
    std::string out =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"joust\" tests=\"1\" failures=\"";
    out += good ? "0" : "1";
    out += "\">\n<testsuite name=\"audit\" tests=\"1\">\n<testcase name=\"";
    joust::detail::append_html(out, name);
    out += "\">";
    if (!good) {
        out += "<failure message=\"";
        joust::detail::append_html(out, why);
        out += "\"/>";
    }
    return out + "</testcase>\n</testsuite>\n</testsuites>\n";
}

[[nodiscard]] joust::audit_check check_of(const audit_options& asked)
{
    joust::audit_check check;
    if (!asked.key_file.empty()) {
        check.key = joust::read_file(asked.key_file);
        while (!check.key.empty() && (check.key.back() == '\n' || check.key.back() == '\r')) {
            check.key.pop_back();
        }
    }
    if (!asked.head.empty()) {
        check.head = joust::audit_head::from_string(asked.head);
    }
    return check;
}

}  // namespace

int run_verify(const audit_options& asked)
{
    const joust::audit_finding found = joust::verify(joust::read_file(asked.file), check_of(asked));
    put(
        [&](std::string_view form) {
            std::string text;
            found.write(text, form == "json" ? joust::style::json : joust::style::line);
            if (form == "json") {
                return text + "\n";
            }
            text = asked.file + ": " + text;
            if (form == "junit") {
                return junit_case("the audit log is whole", found.ok(), text);
            }
            text += "\nhead " + found.head.to_string() + "\n";
            return as_page(form, found.ok() ? "Audit log: whole" : "Audit log: damaged", text);
        },
        asked.out);
    return found.ok() ? 0 : 1;
}

int run_replay(const audit_options& asked)
{
    std::vector<joust::replay_request> requests;
    if (!asked.tickets.empty()) {
        const std::string text = joust::read_file(asked.tickets);
        std::size_t line = 0;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            std::string_view one = std::string_view{text}.substr(at, end - at);
            at = end + 1;
            ++line;
            if (one.ends_with('\r')) {
                one.remove_suffix(1);
            }
            joust::ticket read;
            if (one.empty()) {
                continue;
            }
            if (joust::ticket::parse(one, read) != joust::ticket_error{} || !read.names_arm()) {
                throw joust::parse_error(asked.tickets + " line " + std::to_string(line) +
                                         ": not the ticket of an arm");
            }
            requests.push_back(joust::request_of(read));
        }
    }
    joust::audit_replay again;
    try {
        again = joust::replay(joust::read_file(asked.file), requests,
                              {.trial = asked.trial, .check = check_of(asked)});
    } catch (const joust::parse_error& wrong) {
        throw joust::parse_error(asked.file + ": " + wrong.what());
    }
    std::size_t decided = 0;
    std::string trouble;
    for (const joust::replayed_transition& each : again.transitions) {
        decided += each.by_hand ? 0U : 1U;
        if (!each.agrees) {
            trouble += "line " + std::to_string(each.line) + ": " + std::string{to_string(each.kind)} +
                       " does not follow from its evidence\n";
        }
    }
    for (std::size_t i = 0; i < again.assignments.size(); ++i) {
        const joust::replayed_assignment& each = again.assignments[i];
        if (!each.known || !each.agrees) {
            trouble += "ticket " + std::to_string(i + 1) +
                       (each.known ? ": the plan of line " + std::to_string(each.line) + " gives arm " +
                                         std::to_string(each.arm) + "\n"
                                   : ": no plan of the log served it\n");
        }
    }
    const std::string sum =
        std::to_string(again.transitions.size()) + " transitions, " + std::to_string(decided) +
        " of them decided by evidence, and " + std::to_string(again.assignments.size()) +
        " assignments: " + (again.agrees() ? "all come out again\n" : "not all come out again\n");
    put(
        [&](std::string_view form) {
            if (form == "json") {
                std::string text;
                joust::json_writer json{text};
                json.begin_object().member("agrees", again.agrees());
                json.key("transitions").begin_array();
                for (const joust::replayed_transition& each : again.transitions) {
                    json.begin_object().member("line", each.line).member("kind", to_string(each.kind));
                    json.member("by_hand", each.by_hand).member("agrees", each.agrees).end_object();
                }
                json.end_array().key("assignments").begin_array();
                for (const joust::replayed_assignment& each : again.assignments) {
                    json.begin_object().member("known", each.known).member("line", each.line);
                    json.member("arm", each.arm).member("propensity", each.propensity);
                    json.member("agrees", each.agrees).end_object();
                }
                json.end_array().end_object();
                return text + "\n";
            }
            if (form == "junit") {
                return junit_case("the audit log comes out again", again.agrees(), sum + trouble);
            }
            return as_page(form, "Replay of " + asked.file, sum + trouble);
        },
        asked.out);
    return again.agrees() ? 0 : 1;
}

}  // namespace cli

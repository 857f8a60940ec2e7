// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the command line tells about itself: completion for shells and a manual page, made from the options themselves.

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace cli {

/// Return every option of a command as words: "--format --out".
[[nodiscard]] inline std::string words_of(const CLI::App& app)
{
    std::string words;
    for (const CLI::Option* const option : app.get_options()) {
        for (const std::string& name : option->get_lnames()) {
            words += (words.empty() ? "--" : " --") + name;
        }
    }
    for (const CLI::App* const command : app.get_subcommands({})) {
        words += (words.empty() ? "" : " ") + command->get_name();
    }
    return words;
}

/// Return a script that completes commands, options, the values of those options that have a list, and files.
[[nodiscard]] inline std::string completion_of(const CLI::App& app, std::string_view shell)
{
    std::string out = shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" : "";
    out +=
        "_joust()\n{\n    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words\n"
        "    case $before in\n"
        "    --format) words='text json markdown junit html' ;;\n"
        "    --design) words='always-valid fixed-horizon hybrid bayesian' ;;\n"
        "    --colour | --color) words='auto always never' ;;\n"
        "    --inconclusive) words='fail pass' ;;\n"
        "    --time-unit) words='s ms us ns' ;;\n"
        "    esac\n"
        "    if [[ -z $words ]]; then\n        case ${COMP_WORDS[1]} in\n";
    for (const CLI::App* const command : app.get_subcommands({})) {
        std::string words = words_of(*command);
        for (const CLI::App* const inner : command->get_subcommands({})) {
            words += ' ' + words_of(*inner);
        }
        out += "        " + command->get_name() + ") words='" + words + "' ;;\n";
    }
    out += "        esac\n        ((COMP_CWORD == 1)) && words='" + words_of(app) +
           "'\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "    if [[ $word != -* && ${#COMPREPLY[@]} == 0 ]]; then\n"
           "        COMPREPLY=($(compgen -f -- \"$word\"))\n    fi\n}\n"
           "complete -o filenames -F _joust joust\n";
    return out;
}

/// Escape a text for troff.
[[nodiscard]] inline std::string troff(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
            out += "\\&";
            out += c;
        } else {
            out += c;
        }
    }
    return out;
}

inline void append_options(std::string& out, const CLI::App& app)
{
    for (const CLI::Option* const option : app.get_options()) {
        std::string name =
            option->get_positional() ? option->get_name(true, false) : option->get_name(false, true);
        for (std::size_t at = 0; (at = name.find(',', at)) != std::string::npos; at += 2) {
            name.replace(at, 1, ", ");
        }
        const std::string type =
            option->get_type_size() == 0 || option->get_positional() ? "" : " " + option->get_type_name();
        out +=
            ".TP\n.B " +
            troff(name +
                  (type.find(':') == std::string::npos && type.find('{') == std::string::npos ? type : "")) +
            '\n' + troff(option->get_description()) + '\n';
    }
}

/// Return the manual page.
[[nodiscard]] inline std::string manual_of(const CLI::App& app)
{
    std::string out =
        ".TH JOUST 1\n.SH NAME\njoust \\- test machine learning models\n.SH SYNOPSIS\n.B joust\n.I command\n"
        "[options]\n.SH DESCRIPTION\n" +
        troff(app.get_description()) + "\n.SH COMMANDS\n";
    for (const CLI::App* const command : app.get_subcommands({})) {
        const auto inner = command->get_subcommands({});
        out += ".SS joust " + command->get_name() + '\n' + troff(command->get_description()) + ".\n";
        if (inner.empty()) {
            append_options(out, *command);
        }
        for (const CLI::App* const each : inner) {
            out += ".SS joust " + command->get_name() + ' ' + each->get_name() + '\n' +
                   troff(each->get_description()) + ".\n";
            append_options(out, *each);
        }
    }
    out +=
        ".SH EXIT STATUS\n0 pass, or nothing to decide; 1 regress, roll back, or a damaged log; 2 wrong usage or data; 3 inconclusive.\n"
        ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nIf it is set, no colour is written.\n.TP\n.B GITHUB_STEP_SUMMARY\n"
        "The file to which a result is appended as Markdown.\n";
    return out;
}

}  // namespace cli

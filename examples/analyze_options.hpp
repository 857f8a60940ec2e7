// SPDX-License-Identifier: Apache-2.0
#pragma once

// The command line of analyze_csv, in a file of its own so that it can be tested.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

inline constexpr std::string_view analyze_help =
    R"(analyze_csv: compare the arms of an experiment that has been run already.

  analyze_csv FILE --arm COLUMN --metric COLUMN [more options]

The first line of FILE, a CSV file, names the columns. Every other line is one observation. Every arm is compared
with the champion; estimates are challenger minus champion. A metric whose values are all 0 or 1 is compared as
a proportion (two-proportion z test), and any other metric as a mean (Welch's t test).

  --arm COLUMN       the column that says which arm the observation belongs to
  --metric COLUMN    a column of numbers; repeat it for more metrics; the first one is the primary metric
  --champion NAME    the arm that the others are compared with (default: the first name in sorted order)
  --cluster COLUMN   observations with the same value in this column resemble each other (schools, users, shops);
                     the intervals that decide allow for that, and the naive intervals are shown too
  --unit COLUMN      what was randomised (a user id); the report warns if a unit has rows in several arms, and the
                     units are the clusters if --cluster is not given
  --alpha NUMBER     the error rate of each interval and of the decision, default 0.05
  --better up|down   the direction in which the metrics improve; the report then gives a verdict on the primary
                     metric. Without it the report describes the differences only
  --json FILE        write the report as JSON
  --markdown FILE    write the report as Markdown
  --html FILE        write the report as a page of HTML
  --help             print this text

A field that is empty, NA or null is missing: the observation is not used for that metric, and is counted.
The lines of log.notes.txt, if that file exists beside log.csv, are added to the notes of the report.

Try it on the experiments in examples/data (see NOTICE.md there):
  analyze_csv examples/data/resume_ab_min.csv --arm arm --metric call
  analyze_csv examples/data/star_k.csv --arm stark --metric mathk --metric readk \
      --cluster schoolidk --better up
)";

/// Say in one line why a command line is wrong.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What the command line of analyze_csv asked for.
struct analyze_options {
    std::string file, arm, champion, cluster, unit, json, markdown, html;
    std::vector<std::string> metrics;
    double alpha = 0.05;
    /// 1 for up, -1 for down, 0 if it is not given.
    int better = 0;
    bool help = false;
};

/// Read the words after the program's name. errors: usage_error
inline analyze_options parse_analyze_options(const std::vector<std::string>& words)
{
    analyze_options given;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const auto value = [&]() -> const std::string& {
            if (i + 1 >= words.size()) {
                throw usage_error(word + " needs a value");
            }
            return words[++i];
        };
        const auto once = [&](std::string& field) {
            if (!field.empty()) {
                throw usage_error(word + " is given twice");
            }
            field = value();
            if (field.empty()) {
                throw usage_error(word + " is given an empty value");
            }
        };
        if (word == "--help" || word == "-h") {
            given.help = true;
            return given;
        }
        if (word == "--arm") {
            once(given.arm);
        } else if (word == "--metric") {
            const std::string& metric = value();
            if (std::find(given.metrics.begin(), given.metrics.end(), metric) != given.metrics.end()) {
                throw usage_error("--metric " + metric + " is given twice");
            }
            given.metrics.push_back(metric);
        } else if (word == "--champion") {
            once(given.champion);
        } else if (word == "--cluster") {
            once(given.cluster);
        } else if (word == "--unit") {
            once(given.unit);
        } else if (word == "--json") {
            once(given.json);
        } else if (word == "--markdown") {
            once(given.markdown);
        } else if (word == "--html") {
            once(given.html);
        } else if (word == "--alpha") {
            const std::string& text = value();
            char* end = nullptr;
            given.alpha = std::strtod(text.c_str(), &end);
            if (text.empty() || *end != '\0' || !(given.alpha > 0.0 && given.alpha < 0.5)) {
                throw usage_error("--alpha is " + text + "; allowed: a number above 0 and below 0.5");
            }
        } else if (word == "--better") {
            const std::string& text = value();
            if (text != "up" && text != "down") {
                throw usage_error("--better is " + text + "; allowed: up, down");
            }
            given.better = text == "up" ? 1 : -1;
        } else if (!word.empty() && word.front() == '-') {
            throw usage_error("unknown option " + word);
        } else if (given.file.empty()) {
            given.file = word;
        } else {
            throw usage_error("two files are given, " + given.file + " and " + word);
        }
    }
    if (given.file.empty()) {
        throw usage_error("no file is given");
    }
    if (given.arm.empty()) {
        throw usage_error("--arm is missing: the column that says which arm an observation belongs to");
    }
    if (given.metrics.empty()) {
        throw usage_error("--metric is missing: a column of numbers to compare");
    }
    return given;
}

}  // namespace examples

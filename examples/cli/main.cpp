// SPDX-License-Identifier: Apache-2.0

// The command line of joust: options are read here, and the commands are in files of their own.

#include <joust/version.hpp>

#include "commands.hpp"
#include "output.hpp"
#include "shell.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace {

const std::string exit_codes =
    "Exit codes: 0 pass, or nothing to decide; 1 regress, roll back, or a damaged log; 2 wrong usage or data; 3 inconclusive.";

void add_output(CLI::App& app, cli::output_options& out, bool decides = true)
{
    app.add_option("--format", out.format,
                   "The form on the standard output: text, json, markdown, junit or html")
        ->check(CLI::IsMember({"text", "json", "markdown", "junit", "html"}))
        ->group("Output");
    app.add_option("--out", out.files,
                   "Write this file too; .txt, .json, .md, .xml and .html say the form. It may be repeated")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Output");
    app.add_option("--colour,--color", out.colour, "auto, always or never; auto honours NO_COLOR")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->group("Output");
    app.add_flag("--quiet", out.quiet, "Show no progress on the standard error")->group("Output");
    if (decides) {
        app.add_option("--inconclusive", out.inconclusive,
                       "fail: exit code 3 for an inconclusive verdict; pass: 0")
            ->check(CLI::IsMember({"fail", "pass"}))
            ->group("Output");
    }
    app.footer(exit_codes);
}

CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<std::string>& into,
                      const std::string& what, const std::string& type)
{
    return app.add_option(name, into, what)
        ->type_name(type)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_metrics(CLI::App& app, cli::metric_options& metrics)
{
    add_list(app, "--metric", metrics.metrics,
             "A metric whose values add up; the first one decides. NAME:down says that less is better",
             "NAME");
    add_list(app, "--conversion", metrics.conversions, "A metric that counts once for each unit, as 1",
             "NAME");
    add_list(app, "--guardrail", metrics.guardrails,
             "A limit: errors=+0.01 (an increase), revenue=-2% (of the level)", "NAME=LIMIT");
}

void add_judging(CLI::App& app, std::string& design, double& alpha, double& units)
{
    app.add_option(
           "--design", design,
           "always-valid (look whenever you like), fixed-horizon (one look at the end), hybrid or bayesian")
        ->check(CLI::IsMember({"always-valid", "fixed-horizon", "hybrid", "bayesian"}));
    app.add_option("--alpha", alpha, "The error rate of each interval and of the verdict")
        ->check(CLI::Range(1e-9, 0.4999));
    app.add_option("--units", units, "The planned number of exposures, for which intervals are tuned")
        ->check(CLI::PositiveNumber);
}

using action = std::function<int()>;

void add_gate(CLI::App& all, action& run)
{
    const auto asked = std::make_shared<cli::gate_options>();
    CLI::App& app = *all.add_subcommand(
        "gate", "May a challenger replace the champion? Judge benchmarks or recorded results");
    app.add_option(
           "--champion", asked->champion,
           "Files of the champion: JSON of Google Benchmark, hyperfine or nanobench, or JSON lines or CSV of id, arm, metric and value. Of benchmarks each file is a run")
        ->type_name("FILE")
        ->required();
    app.add_option("--challenger", asked->challenger, "Files of the challenger")
        ->type_name("FILE")
        ->required();
    add_list(
        app, "--margin", asked->margins,
        "How much worse is allowed: time=2% of the level, accuracy=0.01, or 2% for every metric. Default 5% for times",
        "NAME=MARGIN");
    add_list(app, "--metric", asked->only, "Judge this metric only; it may be repeated", "NAME");
    add_list(app, "--higher-is-better", asked->higher_is_better,
             "More of this metric is better; the default for results", "NAME");
    add_list(app, "--lower-is-better", asked->lower_is_better,
             "Less of this metric is better; the default for times", "NAME");
    app.add_option("--champion-arm", asked->champion_arm,
                   "The arm to take from the champion's files, where they have several");
    app.add_option("--challenger-arm", asked->challenger_arm, "The arm to take from the challenger's files");
    app.add_option("--time", asked->time, "Which time of Google Benchmark: real or cpu")
        ->check(CLI::IsMember({"real", "cpu"}));
    app.add_option("--alpha", asked->alpha, "The error rate")->check(CLI::Range(1e-9, 0.4999));
    add_output(app, asked->out);
    app.callback([asked, &run] { run = [asked] { return cli::run_gate(*asked); }; });
}

void add_analyze(CLI::App& all, action& run)
{
    const auto asked = std::make_shared<cli::analyze_options>();
    CLI::App& app = *all.add_subcommand(
        "analyze", "Report on the log of an experiment: exposures, and outcomes that another service wrote");
    app.add_option(
           "exposures", asked->exposures,
           "CSV with a header, or JSON lines: a row for each exposure. With no outcomes, its rows have the values too, or are the events of an event_log")
        ->required()
        ->type_name("EXPOSURES");
    app.add_option("outcomes", asked->outcomes,
                   "CSV or JSON lines of key, metric, value and time, or of key and a column for each metric")
        ->type_name("OUTCOMES");
    add_metrics(app, asked->metrics);
    add_list(
        app, "--matures-after", asked->matures_after,
        "Count what comes within this time after the exposure, and exposures that are as old: retained=7d",
        "NAME=TIME");
    app.add_option("--until", asked->until, "When the log ends; by default the last time in it");
    app.add_option("--key", asked->key, "The column that joins both files: a ticket, a request or a unit");
    app.add_option("--outcome-key", asked->outcome_key, "Its name in the file of outcomes, where it differs");
    app.add_option("--arm", asked->arm, "The column of the arm (arm)");
    app.add_option("--propensity", asked->propensity,
                   "The column of the probability of that arm (propensity); needed where shares changed");
    app.add_option("--time", asked->time, "The column of the time of exposure (time, timestamp, seconds)");
    app.add_option("--outcome-time", asked->outcome_time, "The column of the time of the outcome");
    app.add_option("--time-unit", asked->time_unit,
                   "What numbers in it count: s, ms, us or ns; texts are ISO 8601")
        ->check(CLI::IsMember({"s", "ms", "us", "ns"}));
    app.add_option("--cluster", asked->cluster,
                   "The column of what resembles each other: users, schools, shops (the key)");
    app.add_option("--covariate", asked->covariate,
                   "The column of a number from before the exposure, which takes out variance (CUPED)");
    app.add_option("--champion", asked->champion,
                   "The arm that the others are compared with (the first name in sorted order)");
    app.add_option("--name", asked->name, "The name of the trial in the report (the file)");
    app.add_option("--shares", asked->shares,
                   "The planned shares, the champion first, where they never changed: 0.9,0.1");
    add_judging(app, asked->design, asked->alpha, asked->units);
    app.add_flag("--sorted", asked->sorted,
                 "Both files are sorted by the key (LC_ALL=C sort): join them in constant memory");
    app.add_option(
        "--memory", asked->memory,
        "The memory for exposures that wait for outcomes; files are read again where it is too little");
    app.add_option("--save", asked->save,
                   "Write the evidence as a snapshot, which joust merge takes with those of other days")
        ->type_name("FILE");
    add_output(app, asked->out);
    app.callback([asked, &run] { run = [asked] { return cli::run_analyze(*asked); }; });
}

void add_plan(CLI::App& all, action& run)
{
    CLI::App& app =
        *all.add_subcommand("plan", "What to expect of an experiment or a canary before its launch");
    app.require_subcommand(1);

    const auto design = std::make_shared<cli::plan_design_options>();
    CLI::App& experiment =
        *app.add_subcommand("experiment", "Duration, risk and power of the designs of an A/B test");
    experiment.add_option("--units-per-day", design->units_per_day, "New units a day, in both arms together")
        ->required();
    experiment.add_option("--effect", design->effect, "The difference that is worth finding")->required();
    experiment.add_option("--baseline", design->baseline, "The champion's proportion");
    experiment.add_option("--sd", design->sd, "The standard deviation of one unit's value, for a mean");
    experiment.add_option("--share", design->share, "The challenger's share");
    experiment.add_option("--alpha", design->alpha, "The error rate, over all looks");
    experiment.add_option("--power", design->power, "The probability of finding the effect");
    experiment.add_option("--deadline", design->deadline_days, "Days until it has to end");
    experiment.add_option("--looks", design->looks, "Looks of the group-sequential design");
    experiment
        .add_option("--looking", design->looking, "When results will be looked at: once, planned or anytime")
        ->check(CLI::IsMember({"once", "planned", "anytime"}));
    add_output(experiment, design->out, false);
    experiment.callback([design, &run] { run = [design] { return cli::run_plan_design(*design); }; });

    const auto canary = std::make_shared<cli::plan_canary_options>();
    CLI::App& rollout = *app.add_subcommand("canary", "How long a rollout takes, and when harm is caught");
    rollout
        .add_option("--requests-per-second", canary->requests_per_second, "Requests of both models together")
        ->required();
    rollout.add_option("--units", canary->units,
                       "How many different units there are; by default each request is one");
    rollout.add_option("--stages", canary->stages, "The challenger's shares (0.01,0.05,0.25,0.5,1)");
    rollout.add_option("--failures", canary->failures, "The champion's rate of failures");
    rollout.add_option("--exclude-failures", canary->exclude_failures,
                       "The harm to exclude: an increase, a ratio, or both (0.5%,1.5x)");
    rollout.add_option("--latency", canary->latency,
                       "The champion's latency in milliseconds, to guard it too");
    rollout.add_option("--quantile", canary->quantile, "Which quantile of it");
    rollout.add_option("--latency-allowed", canary->latency_allowed, "What is allowed of it (1.1x)");
    rollout.add_option("--exclude-latency", canary->exclude_latency, "The harm to exclude (1.2x)");
    rollout.add_option("--alpha", canary->alpha, "The rate of rolling back an equal challenger");
    rollout.add_option("--beta", canary->beta, "The rate of shipping exactly the harm to exclude");
    rollout.add_option("--rollouts", canary->rollouts, "How many rollouts of each kind are simulated");
    rollout.add_option("--seed", canary->seed, "The seed of the simulation");
    add_output(rollout, canary->out, false);
    rollout.callback([canary, &run] { run = [canary] { return cli::run_plan_canary(*canary); }; });
}

void add_snapshots(CLI::App& all, action& run)
{
    for (const bool merges : {true, false}) {
        const auto asked = std::make_shared<cli::snapshots_options>();
        CLI::App& app = *(
            merges ? all.add_subcommand("merge", "Merge the snapshots of replicas, and report on all of them")
                   : all.add_subcommand("report", "Report on a snapshot of a trial"));
        app.add_option(merges ? "paths" : "file", asked->paths,
                       merges ? "Folders of snapshots, or snapshots" : "The snapshot")
            ->required()
            ->type_name(merges ? "DIR" : "FILE")
            ->check(CLI::ExistingPath);
        add_metrics(app, asked->metrics);
        add_judging(app, asked->design, asked->alpha, asked->units);
        if (merges) {
            app.add_option("--save", asked->save, "Write the merged snapshot")->type_name("FILE");
        }
        add_output(app, asked->out);
        app.callback([asked, &run] { run = [asked] { return cli::run_snapshots(*asked); }; });
    }
}

void add_audit(CLI::App& all, action& run)
{
    for (const bool verifies : {true, false}) {
        const auto asked = std::make_shared<cli::audit_options>();
        CLI::App& app = *(
            verifies
                ? all.add_subcommand(
                      "verify", "Is an audit log whole? Lines that were changed, left out or added are named")
                : all.add_subcommand("replay", "Repeat the decisions and assignments of an audit log"));
        app.add_option("log", asked->file, "The audit log")->required()->type_name("FILE");
        app.add_option("--key-file", asked->key_file, "The file of the log's secret")->type_name("FILE");
        app.add_option("--head", asked->head, "A head that was kept elsewhere: NUMBER:DIGEST");
        if (!verifies) {
            app.add_option("--trial", asked->trial, "The trial, where the log has several");
            app.add_option("--tickets", asked->tickets,
                           "Tickets whose arms are computed again, one on each line")
                ->type_name("FILE");
        }
        add_output(app, asked->out, false);
        app.callback([asked, verifies, &run] {
            run = [asked, verifies] { return verifies ? cli::run_verify(*asked) : cli::run_replay(*asked); };
        });
    }
}

void add_assign(CLI::App& all, action& run)
{
    const auto asked = std::make_shared<cli::assign_options>();
    CLI::App& app = *all.add_subcommand("assign", "The arm of a unit, and why it has it");
    app.add_option("--salt", asked->salt, "The salt of the trial")->required();
    add_list(app, "--unit", asked->units, "The unit; it may be repeated", "UNIT")->required();
    app.add_option("--shares", asked->shares, "The shares, the champion first (0.5,0.5)");
    app.add_option("--arms", asked->arms, "The names of the models, the champion first");
    add_output(app, asked->out, false);
    app.callback([asked, &run] { run = [asked] { return cli::run_assign(*asked); }; });
}

/// One line, also where a message has several.
void complain(const std::string& text)
{
    std::string line = text;
    for (char& c : line) {
        c = c == '\n' || c == '\r' ? ' ' : c;
    }
    std::fprintf(stderr, "joust: %s\n", line.c_str());
}

}  // namespace

int main(int argc, char** argv)
{
    CLI::App app{
        "joust tests machine learning models: gates in CI, logs of experiments, plans, snapshots and audit logs.",
        "joust"};
    app.get_formatter()->column_width(36);
    app.require_subcommand(1);
    app.footer("joust COMMAND --help tells about a command.\n" + exit_codes);
    app.set_version_flag("--version", std::to_string(JOUST_VERSION_MAJOR) + "." +
                                          std::to_string(JOUST_VERSION_MINOR) + "." +
                                          std::to_string(JOUST_VERSION_PATCH));
    action run;
    add_gate(app, run);
    add_analyze(app, run);
    add_plan(app, run);
    add_snapshots(app, run);
    add_audit(app, run);
    add_assign(app, run);
    std::string shell = "bash";
    CLI::App& completion =
        *app.add_subcommand("completion", "Print a script that lets a shell complete commands and options");
    completion.add_option("shell", shell, "bash or zsh")->check(CLI::IsMember({"bash", "zsh"}));
    completion.callback([&] {
        run = [&] {
            std::fputs(cli::completion_of(app, shell).c_str(), stdout);
            return 0;
        };
    });
    app.add_subcommand("man", "Print the manual page")->callback([&] {
        run = [&] {
            std::fputs(cli::manual_of(app).c_str(), stdout);
            return 0;
        };
    });

    try {
        app.parse(argc, argv);
        return run();
    } catch (const CLI::CallForHelp&) {
        const CLI::App* shown = &app;
        while (!shown->get_subcommands().empty()) {
            shown = shown->get_subcommands().front();
        }
        std::fputs(shown->help().c_str(), stdout);
        return 0;
    } catch (const CLI::CallForVersion& version) {
        std::printf("joust %s\n", version.what());
        return 0;
    } catch (const CLI::Error& wrong) {
        complain(std::string{wrong.what()} + " (see --help)");
    } catch (const cli::usage_error& wrong) {
        complain(std::string{wrong.what()} + " (see --help)");
    } catch (const std::bad_alloc&) {
        complain("not enough memory");
    } catch (const std::exception& wrong) {
        complain(wrong.what());
    }
    cli::end_progress();
    return 2;
}

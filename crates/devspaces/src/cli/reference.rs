//! The page of the documentation that lists every setting and every metric, as they are in the code.
use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};
use devspaces_kit::metrics;

use super::Cli;

const HEAD: &str = "\
# Settings and metrics

Made from the code by `cargo xtask docs`; a test fails when it is out of date. How to use them is in
[operations.md](operations.md).

Every command is listed with its flags. A flag that has an environment variable can be given as either; the flag wins.
Secrets are only taken from files, or from the environment where no file can be given.
";

/// The page, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut command = Cli::command();
    command.build();
    section(&mut page, &command, "devspaces", true);
    page += "\n## Metrics\n\n\
        On the port of `--metrics-listen`, at `/metrics`, as OpenMetrics text.\n\n\
        | metric | kind | labels | what it tells |\n|---|---|---|---|\n";
    for metric in metrics::ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind) = (metric.name, metric.kind.name());
        let _ = writeln!(page, "| `{name}` | {kind} | {} | {} |", labels.join(", "), metric.help);
    }
    page
}

/// A command's own flags, then those of its commands. Flags of all commands are listed once, with the first.
fn section(page: &mut String, command: &Command, name: &str, first: bool) {
    let listed = |arg: &&Arg| {
        !arg.is_hide_set()
            && (first || !arg.is_global_set())
            && !matches!(arg.get_id().as_str(), "help" | "version")
    };
    let args: Vec<&Arg> = command.get_arguments().filter(listed).collect();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    if !args.is_empty() || !command.has_subcommands() {
        let _ = write!(page, "\n## `{name}`\n\n{about}.\n");
    }
    if !args.is_empty() {
        *page += "\n| flag | environment | default | meaning |\n|---|---|---|---|\n";
        for arg in args {
            row(page, arg);
        }
    }
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        section(page, inner, &format!("{name} {}", inner.get_name()), false);
    }
}

fn row(page: &mut String, arg: &Arg) {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let value = arg.get_value_names().and_then(<[_]>::first).map(ToString::to_string).unwrap_or_default();
    let flag = match arg.get_long() {
        Some(long) if arg.get_action().takes_values() => format!("--{long} {value}"),
        Some(long) => format!("--{long}"),
        None => value,
    };
    let env = arg.get_env().map(|env| env.to_string_lossy().into_owned()).unwrap_or_default();
    let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = if default.is_empty() && arg.is_required_set() {
        "(required)".to_owned()
    } else {
        code(&default.join(" "))
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
    let _ = writeln!(page, "| {} | {} | {default} | {help} |", code(&flag), code(&env));
}

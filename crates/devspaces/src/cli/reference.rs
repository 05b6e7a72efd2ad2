//! The page of the documentation that lists every setting and every metric, as they are in the code.
use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use super::Cli;
use crate::metrics;

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
    for metric in metrics() {
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use devspaces_kit::metrics::{Kind, Metric};

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in metrics() {
            let Metric { name, kind, labels, help } = &metric;
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let ours = name.starts_with("devspaces_") || name.starts_with("process_");
            assert!(ours && plain(name), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(labels.iter().all(|label| plain(label)), "{name}");
            assert!(!help.is_empty() && !help.ends_with('.'), "the encoder adds a full stop: {name}");
            // A check by text takes "# HELP devspaces_ready 1 …" for "devspaces_ready 1".
            assert!(help.starts_with(|first: char| first.is_ascii_uppercase()), "{name}");
        }
        let names: HashSet<_> = metrics().iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), metrics().len());
    }
}

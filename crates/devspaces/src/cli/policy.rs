use std::process::ExitCode;

use clap::Args;
use devspaces_authz::{Permission, grants, markdown};
use serde_json::{Value, json};

use super::{Failure, out::print};

/// Print the permission table.
#[derive(Debug, Args)]
pub(super) struct Policy {
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// A table for people
    Markdown,
    /// For programs
    Json,
}

impl Policy {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.format {
            Format::Markdown => print(markdown())?,
            Format::Json => print(format_args!("{:#}\n", json()))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn json() -> Value {
    let describe = |permission: &Permission| {
        let granted_by: Vec<Value> = grants(*permission)
            .map(|grant| {
                json!({
                    "role": grant.role.title(),
                    "plane": grant.role.plane().name(),
                    "condition": grant.condition.map(devspaces_authz::Condition::phrase),
                })
            })
            .collect();
        json!({
            "permission": permission.name(),
            "granted_by": granted_by,
            "preconditions": permission.preconditions(),
        })
    };
    Permission::ALL.iter().map(describe).collect()
}

use std::process::Command;

use crate::{
    Outcome,
    run::{cargo, find, products, root, say, step},
};

/// Tries faults on the composed suite, which it starts, unless it is up already (`--running`); or on one whose databases are
/// a cluster (`--failover`). Not a part of `ci`: it needs root, and a Docker engine or Patroni.
pub(crate) fn run(args: &[&str]) -> Outcome {
    step("build", &mut cargo(["build", "--workspace", "--bins"]))?;
    let program = products()?.join("faults");
    let mut faults = match args {
        ["--running", rest @ ..] => {
            let mut faults = Command::new(program);
            faults.args(rest);
            faults
        }
        ["--failover", rest @ ..] => {
            let mut script = Command::new(root().join("deploy/ci/failover.sh"));
            script.arg(products()?.join("devspaces")).arg(program).args(rest);
            script
        }
        args => {
            let mut script = Command::new(root().join("deploy/ci/faults.sh"));
            script.arg(program).args(args);
            script
        }
    };
    step("faults", faults.current_dir(root()))
}

/// Tries the faults of a cluster, where what they need is installed.
pub(crate) fn run_failover_unless_missing() -> Outcome {
    let missing = ["patroni", "etcd", "haproxy"].into_iter().find(|program| find(program).is_none());
    if let Some(missing) = missing {
        say(format!("FAILOVERS OF THE DATABASE ARE NOT TRIED: {missing} is not installed"));
        return Ok(());
    }
    run(&["--failover"])
}

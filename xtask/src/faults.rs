use std::process::Command;

use crate::{
    Outcome,
    run::{cargo, products, root, step},
};

/// Tries faults on the composed suite, which it starts, unless it is up already (`--running`). Not a part of `ci`: it
/// needs a Docker engine and root.
pub(crate) fn run(args: &[&str]) -> Outcome {
    step("build", &mut cargo(["build", "--package", "devspaces-tests", "--bin", "faults"]))?;
    let program = products()?.join("faults");
    let mut faults = match args {
        ["--running", rest @ ..] => {
            let mut faults = Command::new(program);
            faults.args(rest);
            faults
        }
        args => {
            let mut script = Command::new(root().join("deploy/ci/faults.sh"));
            script.arg(program).args(args);
            script
        }
    };
    step("faults", faults.current_dir(root()))
}

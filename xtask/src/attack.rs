use std::process::Command;

use crate::{
    Outcome,
    run::{cargo, products, root, step, target},
};

/// Attacks a suite that is started for it. Whole attacks are on what runs in production; `--quick` is on what the tests
/// have built.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let quick = args.contains(&"--quick");
    let mut build =
        cargo(["build", "--package", "devspaces-tests", "--bin", "attack", "--package", "devspaces"]);
    let products = if quick {
        products()?
    } else {
        build.arg("--release");
        target()?.join("release")
    };
    step("build", &mut build)?;
    let mut attack = Command::new(products.join("attack"));
    attack.args(args).env("DEVSPACES_BIN", products.join("devspaces"));
    step("attack", attack.current_dir(root()))
}

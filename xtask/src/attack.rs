use std::process::Command;

use crate::{
    Outcome,
    run::{cargo, products, root, step, target},
    test,
};

/// Attacks a suite that is started for it. Whole attacks are on what runs in production; `--quick` is on what the tests
/// have built.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let products = if args.contains(&"--quick") {
        test::build()?;
        products()?
    } else {
        let mut build = cargo(["build", "--release", "--package", "devspaces-tests", "--bin", "attack"]);
        step("build", build.args(["--package", "devspaces", "--bin", "devspaces"]))?;
        target()?.join("release")
    };
    let mut attack = Command::new(products.join("attack"));
    attack.args(args).env("DEVSPACES_BIN", products.join("devspaces"));
    step("attack", attack.current_dir(root()))
}

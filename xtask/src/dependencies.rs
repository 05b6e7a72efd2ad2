//! Which crate may depend on which: one way only, no service on another, and none on what it does not use.
use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use crate::{
    Outcome,
    files::{read, rust_files},
    run::{cargo, output, root, say},
};

/// What a service may depend on.
const SERVICE: &[&str] =
    &["devspaces-authz", "devspaces-gate", "devspaces-kit", "devspaces-ledger", "devspaces-proto"];

/// For each crate of the workspace, those of the workspace that it may depend on, in its tests as well. A crate that
/// is not listed may not be in the workspace.
const ALLOWED: &[(&str, &[&str])] = &[
    ("devspaces-proto", &[]),
    // What verifies invoices shares nothing with what makes them (R-B16).
    ("devspaces-proof", &[]),
    ("devspaces-authz", &[]),
    ("devspaces-kit", &["devspaces-proto"]),
    ("devspaces-ledger", &["devspaces-kit", "devspaces-proto"]),
    ("devspaces-gate", &["devspaces-authz", "devspaces-kit", "devspaces-ledger", "devspaces-proto"]),
    (
        "devspaces-events",
        &["devspaces-authz", "devspaces-gate", "devspaces-kit", "devspaces-ledger", "devspaces-proto"],
    ),
    ("devspaces-space", SERVICE),
    ("devspaces-membership", SERVICE),
    ("devspaces-billing", SERVICE),
    ("devspaces-marketplace", SERVICE),
    ("devspaces", SUITE),
    ("devspaces-tests", SUITE),
    ("devspaces-benches", BENCHED),
    ("xtask", &["devspaces-authz"]),
];

/// Everything that the binary is made of, and the library that it is a shell around.
const SUITE: &[&str] = &[
    "devspaces",
    "devspaces-authz",
    "devspaces-billing",
    "devspaces-events",
    "devspaces-gate",
    "devspaces-kit",
    "devspaces-ledger",
    "devspaces-marketplace",
    "devspaces-membership",
    "devspaces-proof",
    "devspaces-proto",
    "devspaces-space",
];

/// What benchmarks need of the suite, which they start with the harness of the tests.
const BENCHED: &[&str] = &[
    "devspaces",
    "devspaces-authz",
    "devspaces-gate",
    "devspaces-kit",
    "devspaces-ledger",
    "devspaces-proto",
    "devspaces-tests",
];

/// The policy, which depends on nothing at all outside its tests.
const POLICY: &str = "devspaces-authz";

/// The policy language that the policy is tested against, and that nothing is built with.
const ORACLE: &str = "cedar-policy";

/// What verifies invoices, which has decimals of its own: not those that invoices are made with.
const VERIFIER: &str = "devspaces-proof";
const DECIMALS: &str = "rust_decimal";

/// What only code names that is generated when a crate is built.
const GENERATED: (&str, &str) = ("devspaces-proto", "tonic-prost");

/// The names of each workspace crate's direct dependencies.
type Edges = BTreeMap<String, Vec<String>>;

/// Fails if a crate depends on something that it must not.
pub(crate) fn check() -> Outcome {
    let mut wrong = String::new();
    let (built, tested) = (edges("normal,build")?, edges("dev")?);
    for (name, dependencies) in &built {
        complain(
            &mut wrong,
            name,
            dependencies.iter().filter(|dependency| !may_build_with(name, dependency)),
        );
    }
    for (name, dependencies) in &tested {
        complain(&mut wrong, name, dependencies.iter().filter(|dependency| !may_test_with(name, dependency)));
    }
    for name in built.keys().filter(|name| allowed(name).is_none()) {
        let _ = write!(wrong, "; {name} has no dependency rule yet");
    }
    for (name, dependencies) in built.iter().chain(&tested) {
        let source = source(name)?;
        for unused in
            dependencies.iter().filter(|it| !names(&source, it) && (name.as_str(), it.as_str()) != GENERATED)
        {
            let _ = write!(wrong, "; {name} does not use {unused}");
        }
    }
    if wrong.is_empty() {
        say(format!("dependency rules hold for {} crates", built.len()));
        return Ok(());
    }
    Err(format!("dependency rules (xtask/src/dependencies.rs){wrong}"))
}

/// All of a crate's source, its tests and its build script with it.
fn source(name: &str) -> Outcome<String> {
    let short = name.strip_prefix("devspaces-").unwrap_or(name);
    let folder = [root().join("crates").join(short), root().join(short)].into_iter().find(|it| it.is_dir());
    let folder: PathBuf = folder.ok_or_else(|| format!("{name} is in no folder of its name"))?;
    rust_files(&folder)?.iter().map(|path| read(path)).collect()
}

/// Whether a source names a crate: as a word, since each is named in a path or by an attribute.
fn names(source: &str, dependency: &str) -> bool {
    let name = dependency.replace('-', "_");
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    source.match_indices(&name).any(|(start, _)| {
        !source[..start].ends_with(is_part) && !source[start + name.len()..].starts_with(is_part)
    })
}

fn complain<'a>(wrong: &mut String, name: &str, dependencies: impl Iterator<Item = &'a String>) {
    for dependency in dependencies {
        let _ = write!(wrong, "; {name} must not depend on {dependency}");
    }
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ALLOWED.iter().find(|(listed, _)| *listed == name).map(|(_, allowed)| *allowed)
}

/// Whether a crate may have this dependency in what is shipped.
fn may_build_with(name: &str, dependency: &str) -> bool {
    dependency != ORACLE && name != POLICY && may_test_with(name, dependency)
}

/// Whether a crate may have this dependency in its tests.
fn may_test_with(name: &str, dependency: &str) -> bool {
    let ours = ALLOWED.iter().any(|(listed, _)| *listed == dependency);
    match dependency {
        ORACLE => name == POLICY,
        DECIMALS if name == VERIFIER => false,
        _ => !ours || allowed(name).is_none_or(|allowed| allowed.contains(&dependency)),
    }
}

fn edges(kinds: &str) -> Outcome<Edges> {
    let tree = ["tree", "--workspace", "--locked", "--target", "all", "--no-dedupe", "--depth", "1"];
    let format = ["--prefix", "depth", "--format", "{p}", "--edges", kinds];
    Ok(parse(&output(cargo(tree).args(format))?))
}

/// Reads lines of a depth, a name and more: "0devspaces-gate v0.1.0 (…)", "1tokio v1.54.0".
fn parse(tree: &str) -> Edges {
    let mut edges = Edges::new();
    let mut current = String::new();
    for line in tree.lines() {
        let name = |rest: &str| rest.split(' ').next().unwrap_or_default().to_owned();
        if let Some(rest) = line.strip_prefix('0') {
            current = name(rest);
            edges.entry(current.clone()).or_default();
        } else if let Some(rest) = line.strip_prefix('1') {
            edges.entry(current.clone()).or_default().push(name(rest));
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_service_depends_on_another() {
        for service in
            ["devspaces-space", "devspaces-membership", "devspaces-billing", "devspaces-marketplace"]
        {
            assert!(may_build_with("devspaces", service));
            for other in ["devspaces-space", "devspaces-membership", "devspaces-billing", "devspaces-gate"] {
                assert!(!may_test_with(other, service), "{other} on {service}");
            }
        }
    }

    #[test]
    fn the_policy_is_built_with_nothing_and_its_oracle_is_for_its_tests_alone() {
        assert!(!may_build_with("devspaces-authz", "serde") && may_test_with("devspaces-authz", "csv"));
        assert!(may_test_with("devspaces-authz", "cedar-policy"));
        assert!(
            !may_test_with("devspaces-gate", "cedar-policy") && !may_build_with("devspaces", "cedar-policy")
        );
    }

    // R-B16
    #[test]
    fn what_verifies_invoices_depends_on_nothing_of_ours_and_on_no_decimals_of_others() {
        for other in ["devspaces-billing", "devspaces-kit", "devspaces-proto", "rust_decimal"] {
            assert!(!may_build_with("devspaces-proof", other), "{other}");
            assert!(!may_test_with("devspaces-proof", other), "{other}");
        }
    }

    #[test]
    fn dependencies_run_one_way() {
        assert!(
            may_build_with("devspaces-gate", "devspaces-kit")
                && !may_build_with("devspaces-kit", "devspaces-gate")
        );
        assert!(
            !may_build_with("devspaces-kit", "devspaces-authz") && may_build_with("devspaces-kit", "tokio")
        );
    }

    #[test]
    fn a_crate_is_used_if_it_is_named_as_a_word() {
        assert!(names("use prost_types::Any;", "prost-types") && !names("use prost_types::Any;", "prost"));
        assert!(names("#[tokio::main]", "tokio") && !names("tokio_util::sync", "tokio"));
    }

    #[test]
    fn a_tree_is_read() {
        let edges = parse("0a v0.1.0 (/a)\n1b v1.0.0\n1c v2.0.0 (proc-macro)\n\n0d v0.1.0 (/d)\n");
        assert_eq!(edges["a"], ["b", "c"]);
        assert!(edges["d"].is_empty());
    }
}

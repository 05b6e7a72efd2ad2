//! The chart for Kubernetes, as far as it can be tried without a cluster.
use std::{fs, process::Command};

use crate::{
    Outcome,
    python::Venv,
    run::{find, output, root, say, step, target},
};

/// Each version of Kubernetes that the chart is held against, oldest and newest.
const VERSIONS: [&str; 2] = ["1.25.0", "1.37.0"];

/// Settings of installations that differ in what the templates make.
const SETTINGS: [&[&str]; 3] = [
    &[],
    &["tls.enabled=false", "replicas=1", "plaintext={database}", "settings.DEVSPACES_LOG=info"],
    &[
        "tls.issuer.name=internal",
        "podMonitor.enabled=true",
        "secrets.issuers=issuers",
        "secrets.databaseAuthority=db",
    ],
];

/// Lints the chart, and holds what it makes against the schemas of Kubernetes.
pub(crate) fn check() -> Outcome {
    let Some(helm) = find("helm") else {
        say("THE CHART IS NOT TRIED: helm is not installed");
        return Ok(());
    };
    let venv = Venv::open()?;
    venv.require("xtask/requirements-chart.txt")?;
    let chart = root().join("deploy/chart");
    step("lint of the chart", Command::new(&helm).args(["lint", "--strict"]).arg(&chart))?;
    for settings in SETTINGS {
        let mut template = Command::new(&helm);
        template.args(["template", "devspaces"]).arg(&chart);
        for setting in settings {
            template.args(["--set", setting]);
        }
        let made = output(&mut template)?;
        let file = target()?.join("chart.yaml");
        fs::write(&file, made).map_err(|error| format!("{}: {error}", file.display()))?;
        for version in VERSIONS {
            let mut validate = Command::new(venv.program("kubernetes-validate"));
            validate.args(["--strict", "--kubernetes-version", version]).arg(&file);
            step(&format!("the chart with {settings:?} for Kubernetes {version}"), &mut validate)?;
        }
    }
    Ok(())
}

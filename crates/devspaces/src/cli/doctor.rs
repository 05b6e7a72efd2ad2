//! Whether a service would run, with the settings that it is to run with.
use std::{fmt::Display, process::ExitCode};

use clap::Args;
use devspaces_gate::introduce;
use devspaces_kit::{
    clock::SystemClock,
    connections::Connections,
    identity::{Renewal, ServiceSigner},
};
use tonic::transport::Uri;

use super::{
    Failure,
    out::print_line,
    serve::{Serve, Trust},
};
use crate::{Service, suite::authenticator};

/// Check what `serve` needs, with the flags of `serve`: keys, issuers, databases, peers and clocks. Prints a line for each;
/// exit code 1 if anything is wrong. It changes nothing, and can be run beside the service.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    serve: Serve,
}

/// What is found, told as it is found.
#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    /// Tells what came of looking at something: a word on it, or what is wrong.
    fn tell(&mut self, what: impl Display, found: Result<String, impl Display>) -> Result<(), Failure> {
        match found {
            Ok(good) => print_line(format_args!("ok     {what}: {good}")),
            Err(wrong) => {
                self.wrong += 1;
                print_line(format_args!("wrong  {what}: {wrong}"))
            }
        }
    }

    /// Tells of what works, and may not be as it is meant.
    fn warn(what: impl Display, why: impl Display) -> Result<(), Failure> {
        print_line(format_args!("warn   {what}: {why}"))
    }
}

impl Doctor {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let mut findings = Findings::default();
        match self.serve.trust() {
            Err(error) => findings.tell("settings", Err::<String, _>(error))?,
            Ok(trust) => {
                self.check_keys(&trust, &mut findings)?;
                for renewal in &trust.renewals {
                    check_issuer(renewal, &mut findings).await?;
                }
                self.check_peers(&trust, &mut findings).await?;
            }
        }
        self.check_databases(&mut findings).await?;
        if findings.wrong == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        Err(format!("{} of these would keep the service from working", findings.wrong).into())
    }

    fn check_keys(&self, trust: &Trust, findings: &mut Findings) -> Result<(), Failure> {
        let hosted = self.serve.databases().services.iter().copied();
        let fits = authenticator(SystemClock::shared(), &trust.issuers, &trust.suite_keys, hosted);
        findings.tell("settings", fits.map(|_| "they fit together".to_owned()))?;
        for service in trust.keys.keys() {
            let known = "its public half is in --suite-jwks under its name".to_owned();
            findings.tell(format_args!("key of {service}"), Ok::<_, Failure>(known))?;
        }
        let known = trust.suite_keys.known().unwrap_or_default();
        for service in Service::ALL.into_iter().filter(|service| !known.names(service.name())) {
            Findings::warn(
                format_args!("key of {service}"),
                "--suite-jwks has none: the calls of that service will be refused",
            )?;
        }
        Ok(())
    }

    async fn check_databases(&self, findings: &mut Findings) -> Result<(), Failure> {
        for service in &self.serve.databases().services {
            let looked = self.serve.databases().of(*service).beside(async |_, _| Ok(())).await;
            let good = |_| "it answers, and has the schema of this version".to_owned();
            findings.tell(format_args!("database of {service}"), looked.map(good))?;
        }
        Ok(())
    }

    /// Calls each address of each peer, as each service of this process.
    async fn check_peers(&self, trust: &Trust, findings: &mut Findings) -> Result<(), Failure> {
        let (peers, tls) = match self.serve.connections() {
            Err(error) => return findings.tell("connections", Err::<String, _>(error)),
            Ok(connections) => (connections.peers, connections.to_peers),
        };
        findings
            .tell("connections", Ok::<_, Failure>("none is plain text where that is refused".to_owned()))?;
        let own = &self.serve.databases().services;
        for peer in Service::ALL.into_iter().filter(|peer| !own.contains(peer)) {
            let Some(addresses) = peers.get(&peer) else {
                let missing = format!("--peer {peer}=http://… is missing");
                findings.tell(format_args!("peer {peer}"), Err::<String, _>(missing))?;
                continue;
            };
            for address in addresses {
                for (service, (key, _)) in &trust.keys {
                    let signer = ServiceSigner::new(service.name(), key.clone(), SystemClock::shared());
                    let connections = Connections::new([address.clone()], &tls);
                    check_peer((peer, address), &connections, &signer, findings).await?;
                }
            }
        }
        Ok(())
    }
}

async fn check_peer(
    (peer, address): (Service, &Uri),
    connections: &Connections,
    signer: &ServiceSigner,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let met = introduce(peer, connections, signer, &SystemClock).await;
    let good = |()| "it takes the key, and its clock agrees".to_owned();
    findings.tell(format_args!("peer {peer} at {address}, called by {}", signer.name()), met.map(good))
}

async fn check_issuer(renewal: &Renewal, findings: &mut Findings) -> Result<(), Failure> {
    let what = format!("keys of {}", renewal.name());
    match renewal.look().await {
        Ok(keys) if keys.is_empty() => {
            findings.tell(what, Err::<String, _>(format!("none can be used: {}", keys.left_aside())))
        }
        Ok(keys) => {
            findings.tell(&what, Ok::<_, Failure>(keys.used()))?;
            let aside = keys.left_aside();
            if aside.is_empty() { Ok(()) } else { Findings::warn(what, format_args!("left aside: {aside}")) }
        }
        Err(error) => findings.tell(what, Err::<String, _>(error)),
    }
}

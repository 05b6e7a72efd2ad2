//! The suite on a cluster of PostgreSQL servers, on machines that are namespaces: see `deploy/ci/failover.sh`.
use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use devspaces::Service;
use devspaces_tests::process::binary;
use serde_json::Value;
use tokio::{process::Command, time::sleep};

use crate::{
    Outcome,
    failover::Failover,
    stack::{Stack, output},
    trial::Times,
};

/// The machines of the two servers.
pub(crate) const SERVERS: [Machine; 2] = [Machine("one"), Machine("two")];
/// The machine of etcd, which says who the primary is.
pub(crate) const ARBITER: Machine = Machine("arbiter");
/// The machines of the services' replicas: of those that connect to the servers, and of those that go by a balancer.
pub(crate) const REPLICAS: [Machine; 2] = [Machine("near"), Machine("far")];
/// The port of the first service.
const PORT: u16 = 7001;
/// How long a cluster may take until it has a primary with a synchronous standby again.
const WHOLE: Duration = Duration::from_mins(2);

/// A machine, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Machine(&'static str);

impl Machine {
    /// As the script has it.
    fn address(self) -> Ipv4Addr {
        let last = match self.0 {
            "one" => 1,
            "two" => 2,
            "arbiter" => 3,
            "near" => 11,
            _ => 12,
        };
        Ipv4Addr::new(10, 77, 0, last)
    }
}

/// What the script has started.
pub(crate) struct Cluster {
    pub(crate) folder: PathBuf,
}

impl Cluster {
    /// The process whose network is a machine's.
    fn holder(&self, machine: Machine) -> Outcome<String> {
        let file = self.folder.join(format!("{}.machine", machine.0));
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(text.trim().to_owned())
    }

    /// The processes on a machine, but for the one that holds it; of this name, if one is given.
    fn processes(&self, machine: Machine, name: Option<&str>) -> Outcome<Vec<String>> {
        let holder = self.holder(machine)?;
        let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
        let here = network(&holder).ok_or_else(|| format!("the machine {} is gone", machine.0))?;
        let all = fs::read_dir("/proc").map_err(|error| error.to_string())?;
        let all = all.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let named = |process: &String| {
            let called = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            name.is_none_or(|name| called.trim() == name)
        };
        let on = |process: &String| *process != holder && network(process).as_ref() == Some(&here);
        Ok(all.filter(|name| name.parse::<u32>().is_ok()).filter(on).filter(named).collect())
    }

    /// Sends a signal to what runs on a machine, or to that of it which has this name.
    pub(crate) async fn signal(&self, signal: &str, machine: Machine, name: Option<&str>) -> Outcome {
        let processes = self.processes(machine, name)?;
        if processes.is_empty() {
            return Err(format!("nothing runs on {} to be sent {signal}", machine.0));
        }
        // Some may have ended just now, by the end of others.
        let arguments =
            [&["-s", signal][..], &processes.iter().map(String::as_str).collect::<Vec<_>>()].concat();
        let _ = output("kill", &arguments).await;
        Ok(())
    }

    /// Starts what the script has started on a machine.
    pub(crate) fn start(&self, machine: Machine, program: &str) -> Outcome {
        let path = self.folder.join(format!("{}.{program}", machine.0));
        let started = Command::new(&path).stdin(Stdio::null()).spawn();
        started.map(drop).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// From now on no packet goes between these and the others.
    pub(crate) async fn cut(&self, these: &[Machine], others: &[Machine]) -> Outcome {
        for machine in these {
            for address in others.iter().map(|machine| machine.address().to_string()) {
                for (chain, side) in [("INPUT", "-s"), ("OUTPUT", "-d")] {
                    self.filter(*machine, &["-A", chain, side, &address, "-j", "DROP"]).await?;
                }
            }
        }
        Ok(())
    }

    /// All packets of these go again.
    pub(crate) async fn join(&self, these: &[Machine]) -> Outcome {
        for machine in these {
            self.filter(*machine, &["-F"]).await?;
        }
        Ok(())
    }

    async fn filter(&self, machine: Machine, rule: &[&str]) -> Outcome {
        let inside = ["-t", &self.holder(machine)?, "-n", "iptables", "-w"];
        output("nsenter", &[&inside[..], rule].concat()).await.map(drop)
    }

    async fn patronictl(&self, args: &[&str]) -> Outcome<String> {
        let settings = self.folder.join("one.yaml").display().to_string();
        output("patronictl", &[&["-c", &settings][..], args].concat()).await
    }

    /// The machines of the primary and of its synchronous standby, once there are both.
    pub(crate) async fn servers(&self) -> Outcome<(Machine, Machine)> {
        let mut listed = String::new();
        for _ in 0..WHOLE.as_secs() {
            listed = self.patronictl(&["list", "-f", "json"]).await.unwrap_or_else(|error| error);
            let members: Vec<Value> = serde_json::from_str(&listed).unwrap_or_default();
            let member = |role: &str| {
                let of_role = members.iter().find(|member| member["Role"] == role)?;
                SERVERS.into_iter().find(|server| of_role["Member"] == server.0)
            };
            if let (Some(primary), Some(standby)) = (member("Leader"), member("Sync Standby")) {
                return Ok((primary, standby));
            }
            sleep(Duration::from_secs(1)).await;
        }
        Err(format!("there is no primary with a synchronous standby: {listed}"))
    }

    /// Has the standby take the primary's place, in order.
    pub(crate) async fn switch_over(&self, primary: Machine, standby: Machine) -> Outcome {
        let command = ["switchover", "--master", primary.0, "--candidate", standby.0, "--force"];
        self.patronictl(&command).await.map(drop)
    }

    fn url(who: &str, service: &str) -> String {
        let [one, two] = SERVERS.map(Machine::address);
        format!("postgres://{who}@{one}:5432,{two}:5432/{service}?target_session_attrs=read-write")
    }
}

impl Stack for Cluster {
    type Fault = Failover;

    async fn addresses(&self) -> Outcome<BTreeMap<Service, Vec<SocketAddr>>> {
        let ports = Service::ALL.into_iter().zip(PORT..);
        let replicas =
            |port| REPLICAS.map(|machine| SocketAddr::new(IpAddr::V4(machine.address()), port)).into();
        Ok(ports.map(|(service, port)| (service, replicas(port))).collect())
    }

    async fn query(&self, service: Service, sql: &str) -> Outcome<String> {
        output("psql", &[&Self::url("postgres", service.name()), "-XAtqc", sql]).await
    }

    async fn verify_journals(&self) -> Outcome {
        let services = Service::ALL.map(Service::name).join(",");
        let url = Self::url("suite", "{service}");
        let command = ["journal", "verify", "--services", &services, "--database-url", &url];
        output(&binary().display().to_string(), &command).await.map(drop)
    }

    async fn size(&self) -> Outcome<String> {
        let of = async |program, argument| output(program, &[argument]).await;
        let patroni = of("patroni", "--version").await?;
        let postgres = self.query(Service::Space, "SHOW server_version").await?;
        Ok(format!("{} CPUs, {patroni}, PostgreSQL {postgres}", of("nproc", "--all").await?))
    }

    async fn happen(&self, fault: &Failover, times: Times) -> Outcome {
        fault.happen(self, times).await
    }
}

//! The composed suite as its containers: found by their labels, stopped, killed, frozen and cut off from each other.
use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf};

use devspaces::{Service, certificates::AUTHORITY};

use crate::{
    Outcome,
    fault::Composed,
    stack::{Stack, output},
    trial::Times,
};

/// The port of each service, in its container.
const PORT: u16 = 7000;
/// What compose calls the databases' container.
const POSTGRES: &str = "postgres";
/// How long a container has for an end in order before it is killed: as in the compose file.
const GRACE: &str = "30";

/// A container of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A service's.
    Of(Service),
    /// The one with all databases.
    Postgres,
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Of(service) => service.name(),
            Self::Postgres => POSTGRES,
        })
    }
}

/// What happens to the packets between two containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packets {
    Dropped,
    Carried,
}

/// The containers of one compose project.
pub(crate) struct Compose {
    /// The project's name.
    pub(crate) project: String,
    /// The folder that `make-secrets.sh` filled.
    pub(crate) secrets: PathBuf,
}

async fn docker(args: &[&str]) -> Outcome<String> {
    output("docker", args).await
}

impl Compose {
    async fn id(&self, container: Container) -> Outcome<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={container}");
        let found = docker(&["ps", "-aq", "--filter", &project, "--filter", &service]).await?;
        match found.lines().collect::<Vec<_>>()[..] {
            [id] => Ok(id.to_owned()),
            [] => Err(format!("the project {} has no container of {container}", self.project)),
            _ => Err(format!("the project {} has several containers of {container}", self.project)),
        }
    }

    async fn inspect(&self, container: Container, format: &str) -> Outcome<String> {
        docker(&["inspect", "--format", format, &self.id(container).await?]).await
    }

    /// `kill -9`.
    pub(crate) async fn kill(&self, container: Container) -> Outcome {
        docker(&["kill", "--signal", "KILL", &self.id(container).await?]).await.map(drop)
    }

    /// Asks it to end, waits until it has, and says whether it ended in order.
    pub(crate) async fn stop(&self, container: Container) -> Outcome {
        docker(&["stop", "--time", GRACE, &self.id(container).await?]).await?;
        match self.inspect(container, "{{.State.ExitCode}}").await?.as_str() {
            "0" => Ok(()),
            code => Err(format!("{container} did not end in order: its exit code is {code}")),
        }
    }

    pub(crate) async fn start(&self, container: Container) -> Outcome {
        docker(&["start", &self.id(container).await?]).await.map(drop)
    }

    /// Freezes it: its connections stay, and nothing comes from them.
    pub(crate) async fn pause(&self, container: Container) -> Outcome {
        docker(&["pause", &self.id(container).await?]).await.map(drop)
    }

    pub(crate) async fn resume(&self, container: Container) -> Outcome {
        docker(&["unpause", &self.id(container).await?]).await.map(drop)
    }

    /// What becomes of every packet between two containers, in both directions and on every network that they share.
    /// Whoever sends one is told nothing.
    pub(crate) async fn between(&self, near: Container, far: Container, packets: Packets) -> Outcome {
        let process = self.inspect(near, "{{.State.Pid}}").await?;
        let inside = ["-t", process.as_str(), "-n", "iptables", "-w"];
        let addresses = match packets {
            Packets::Dropped => {
                self.inspect(far, "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}").await?
            }
            Packets::Carried => String::new(),
        };
        for (chain, side) in [("INPUT", "-s"), ("OUTPUT", "-d")] {
            // The far one may have another address by now: every rule goes. There are none but these.
            output("nsenter", &[&inside[..], &["-F", chain]].concat()).await?;
            for address in addresses.split_whitespace() {
                output("nsenter", &[&inside[..], &["-A", chain, side, address, "-j", "DROP"]].concat())
                    .await?;
            }
        }
        Ok(())
    }
}

impl Stack for Compose {
    type Fault = Composed;

    async fn addresses(&self) -> Outcome<BTreeMap<Service, Vec<SocketAddr>>> {
        let format =
            format!("{{{{(index .NetworkSettings.Networks \"{}_suite\").IPAddress}}}}", self.project);
        let mut addresses = BTreeMap::new();
        for service in Service::ALL {
            let address = self.inspect(Container::Of(service), &format).await?;
            let address = address.parse().map_err(|_| format!("{service} has no address: '{address}'"))?;
            addresses.insert(service, vec![SocketAddr::new(address, PORT)]);
        }
        Ok(addresses)
    }

    fn authority(&self) -> Option<PathBuf> {
        Some(self.secrets.join("certificates").join(AUTHORITY))
    }

    async fn query(&self, service: Service, sql: &str) -> Outcome<String> {
        let postgres = self.id(Container::Postgres).await?;
        docker(&["exec", &postgres, "psql", "-U", "postgres", "-d", service.name(), "-Atqc", sql]).await
    }

    async fn verify_journals(&self) -> Outcome {
        let image = self.inspect(Container::Of(Service::Space), "{{.Image}}").await?;
        let network = format!("{}_database", self.project);
        let urls = format!("{}:/run/secrets:ro", self.secrets.join("urls").display());
        let services = Service::ALL.map(Service::name).join(",");
        let environment = "DEVSPACES_DATABASE_URL_FILE=/run/secrets/{service}.url";
        let container =
            ["run", "--rm", "--network", &network, "--volume", &urls, "--env", environment, &image];
        let command = ["journal", "verify", "--services", &services];
        docker(&[&container[..], &command[..]].concat()).await.map(drop)
    }

    async fn size(&self) -> Outcome<String> {
        let text = docker(&["info", "--format", "{{.NCPU}} {{.MemTotal}} {{.ServerVersion}}"]).await?;
        let mut words = text.split(' ');
        let mut next = || words.next().unwrap_or("?");
        let (cpus, bytes, version) = (next(), next().parse::<u64>().unwrap_or_default(), next());
        Ok(format!("{cpus} CPUs, {} GiB of memory, Docker {version}", bytes >> 30))
    }

    async fn happen(&self, fault: &Composed, times: Times) -> Outcome {
        fault.happen(self, times.cut, times.down).await
    }
}

//! What is done to a suite on a cluster of PostgreSQL servers.
use std::fmt;

use devspaces::Service;
use tokio::time::sleep;

use crate::{
    Outcome,
    cluster::{ARBITER, Cluster, Machine, REPLICAS},
    stack::Fault,
    trial::Times,
};

const PATRONI: &str = "patroni";
const POSTGRES: &str = "postgres";
const DEVSPACES: &str = "devspaces";

/// A fault of a cluster. Each begins when there is a primary with a synchronous standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failover {
    /// Nothing at all, to compare with.
    None,
    /// A replica of every service is killed, and started again.
    ReplicasKilled(Machine),
    /// The standby is killed with its Patroni: commits are not confirmed until the primary goes on alone.
    StandbyKilled,
    /// PostgreSQL alone is killed at the primary: Patroni starts it again.
    PostgresKilled,
    /// The primary is killed with its Patroni.
    PrimaryKilled,
    /// The standby takes the primary's place in order.
    SwitchedOver,
    /// The primary is cut off from etcd and the standby; the services reach all three.
    PrimaryCut,
    /// The primary is cut off with a replica of every service, from all else but the clients.
    PrimaryCutWithReplicas,
    /// The same, and its Patroni is frozen: it does not fence the primary, which takes itself for one to the end.
    PrimaryCutUnfenced,
    /// The primary's machine is frozen, all of it.
    PrimaryFrozen,
    /// etcd is killed: nobody may be the primary without it.
    ArbiterKilled,
}

impl fmt::Display for Failover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::ReplicasKilled(machine) if *machine == REPLICAS[0] => "the replicas with two hosts killed",
            Self::ReplicasKilled(_) => "the replicas behind HAProxy killed",
            Self::StandbyKilled => "standby killed",
            Self::PostgresKilled => "primary's PostgreSQL killed",
            Self::PrimaryKilled => "primary killed",
            Self::SwitchedOver => "switched over",
            Self::PrimaryCut => "primary cut off",
            Self::PrimaryCutWithReplicas => "primary cut off with replicas",
            Self::PrimaryCutUnfenced => "primary cut off with replicas, its Patroni frozen",
            Self::PrimaryFrozen => "primary's machine frozen",
            Self::ArbiterKilled => "etcd killed",
        })
    }
}

impl Failover {
    /// Every fault, in turn.
    pub(crate) fn all() -> Vec<Self> {
        let mut faults = vec![Self::None];
        faults.extend(REPLICAS.map(Self::ReplicasKilled));
        faults.extend([Self::StandbyKilled, Self::PostgresKilled, Self::PrimaryKilled, Self::SwitchedOver]);
        faults.extend([Self::PrimaryCut, Self::PrimaryCutWithReplicas, Self::PrimaryCutUnfenced]);
        faults.extend([Self::PrimaryFrozen, Self::ArbiterKilled]);
        faults
    }

    /// One of each kind.
    pub(crate) fn few() -> Vec<Self> {
        vec![
            Self::ReplicasKilled(REPLICAS[0]),
            Self::PrimaryKilled,
            Self::SwitchedOver,
            Self::PrimaryCutUnfenced,
        ]
    }

    /// Brings the fault about, waits until somebody else is the primary if that is what comes of it, and mends it.
    pub(crate) async fn happen(self, cluster: &Cluster, times: Times) -> Outcome {
        let (primary, standby) = cluster.servers().await?;
        self.begin(cluster, primary, standby).await?;
        sleep(match self {
            Self::None | Self::SwitchedOver | Self::PostgresKilled | Self::ReplicasKilled(_) => times.down,
            _ => times.cut,
        })
        .await;
        self.end(cluster, primary, standby).await?;
        cluster.servers().await.map(drop)
    }

    /// The machines that are cut off from the others.
    fn apart(self, primary: Machine) -> Vec<Machine> {
        match self {
            Self::PrimaryCut => vec![primary],
            Self::PrimaryCutWithReplicas | Self::PrimaryCutUnfenced => vec![primary, REPLICAS[0]],
            _ => Vec::new(),
        }
    }

    async fn begin(self, cluster: &Cluster, primary: Machine, standby: Machine) -> Outcome {
        match self {
            Self::None => Ok(()),
            Self::ReplicasKilled(machine) => cluster.signal("KILL", machine, Some(DEVSPACES)).await,
            Self::StandbyKilled => cluster.signal("KILL", standby, None).await,
            Self::PostgresKilled => cluster.signal("KILL", primary, Some(POSTGRES)).await,
            Self::PrimaryKilled => cluster.signal("KILL", primary, None).await,
            Self::SwitchedOver => cluster.switch_over(primary, standby).await,
            Self::PrimaryCut => cluster.cut(&self.apart(primary), &[standby, ARBITER]).await,
            Self::PrimaryCutWithReplicas => {
                cluster.cut(&self.apart(primary), &[standby, ARBITER, REPLICAS[1]]).await
            }
            Self::PrimaryCutUnfenced => {
                cluster.signal("STOP", primary, Some(PATRONI)).await?;
                cluster.cut(&self.apart(primary), &[standby, ARBITER, REPLICAS[1]]).await
            }
            Self::PrimaryFrozen => cluster.signal("STOP", primary, None).await,
            Self::ArbiterKilled => cluster.signal("KILL", ARBITER, None).await,
        }
    }

    async fn end(self, cluster: &Cluster, primary: Machine, standby: Machine) -> Outcome {
        match self {
            Self::None | Self::PostgresKilled | Self::SwitchedOver => Ok(()),
            Self::ReplicasKilled(machine) => {
                Service::ALL.into_iter().try_for_each(|service| cluster.start(machine, service.name()))
            }
            Self::StandbyKilled => cluster.start(standby, PATRONI),
            Self::PrimaryKilled => cluster.start(primary, PATRONI),
            Self::PrimaryCut | Self::PrimaryCutWithReplicas => cluster.join(&self.apart(primary)).await,
            Self::PrimaryCutUnfenced => {
                cluster.join(&self.apart(primary)).await?;
                cluster.signal("CONT", primary, Some(PATRONI)).await
            }
            Self::PrimaryFrozen => cluster.signal("CONT", primary, None).await,
            Self::ArbiterKilled => cluster.start(ARBITER, "etcd"),
        }
    }
}

impl Fault for Failover {
    fn breaks_calls(&self) -> bool {
        matches!(self, Self::ReplicasKilled(_))
    }

    // No machine gets another's address.
    fn goes(&self) -> Vec<Service> {
        Vec::new()
    }
}

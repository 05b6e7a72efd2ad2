//! What is done to the composed suite.
use std::{fmt, time::Duration};

use devspaces::Service;
use tokio::time::sleep;

use crate::{
    Outcome,
    compose::{Compose, Container, Packets},
    stack::Fault,
};

use Container::{Of, Postgres};
use Service::{Billing, Marketplace, Membership, Space};

/// A fault. Each is mended after a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Composed {
    /// Nothing at all, to compare with.
    None,
    /// SIGKILL, and a start.
    Killed(Vec<Container>),
    /// SIGTERM to a service, or SIGINT to PostgreSQL (`fast`), an end in order, and a start.
    Restarted(Container),
    /// Packets between two containers are dropped in both directions, silently.
    Cut(Container, Container),
    /// A process is frozen.
    Frozen(Container),
    /// PostgreSQL's machine is gone without a word, as in a power cut, and another takes its place: nobody tells those
    /// who wait for its answers.
    Vanished,
}

impl fmt::Display for Composed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Killed(containers) => {
                let names: Vec<_> = containers.iter().map(ToString::to_string).collect();
                write!(f, "{} killed", names.join(" and "))
            }
            Self::Restarted(container) => write!(f, "{container} restarted"),
            Self::Cut(near, far) => write!(f, "{near} cut from {far}"),
            Self::Frozen(container) => write!(f, "{container} frozen"),
            Self::Vanished => f.write_str("postgres vanished"),
        }
    }
}

impl Composed {
    /// Every fault, in turn.
    pub(crate) fn all() -> Vec<Self> {
        let mut faults = vec![Self::None];
        faults.extend(Service::ALL.map(|service| Self::Killed(vec![Of(service)])));
        faults.push(Self::Killed(vec![Of(Space), Of(Membership)]));
        faults.extend(Service::ALL.map(|service| Self::Restarted(Of(service))));
        faults.extend([Self::Restarted(Postgres), Self::Killed(vec![Postgres])]);
        let pairs = [
            (Of(Space), Of(Membership)),
            (Of(Space), Of(Marketplace)),
            (Of(Billing), Of(Membership)),
            (Of(Space), Postgres),
            (Of(Membership), Postgres),
        ];
        faults.extend(pairs.map(|(near, far)| Self::Cut(near, far)));
        faults.extend([Of(Space), Of(Membership), Postgres].map(Self::Frozen));
        faults.push(Self::Vanished);
        faults
    }

    /// One of each kind.
    pub(crate) fn few() -> Vec<Self> {
        vec![
            Self::Killed(vec![Of(Space), Of(Billing)]),
            Self::Restarted(Of(Marketplace)),
            Self::Killed(vec![Postgres]),
            Self::Cut(Of(Space), Of(Membership)),
            Self::Cut(Of(Membership), Postgres),
            Self::Frozen(Of(Membership)),
        ]
    }

    /// Whether it lasts as long as one chooses. What is killed is started again soon.
    fn lasts(&self) -> bool {
        matches!(self, Self::Cut(..) | Self::Frozen(_) | Self::Vanished)
    }

    /// Brings the fault about, waits, and mends it.
    pub(crate) async fn happen(&self, stack: &Compose, cut: Duration, down: Duration) -> Outcome {
        self.begin(stack).await?;
        sleep(if self.lasts() { cut } else { down }).await;
        self.end(stack).await
    }

    async fn begin(&self, stack: &Compose) -> Outcome {
        match self {
            Self::None => Ok(()),
            Self::Killed(containers) => {
                for container in containers {
                    stack.kill(*container).await?;
                }
                Ok(())
            }
            Self::Restarted(container) => stack.stop(*container).await,
            Self::Cut(near, far) => stack.between(*near, *far, Packets::Dropped).await,
            Self::Frozen(container) => stack.pause(*container).await,
            Self::Vanished => {
                for service in Service::ALL {
                    stack.between(Of(service), Postgres, Packets::Dropped).await?;
                }
                stack.kill(Postgres).await?;
                stack.start(Postgres).await
            }
        }
    }

    async fn end(&self, stack: &Compose) -> Outcome {
        match self {
            Self::None => Ok(()),
            Self::Killed(containers) => {
                for container in containers {
                    stack.start(*container).await?;
                }
                Ok(())
            }
            Self::Restarted(container) => stack.start(*container).await,
            Self::Cut(near, far) => stack.between(*near, *far, Packets::Carried).await,
            Self::Frozen(container) => stack.resume(*container).await,
            Self::Vanished => {
                for service in Service::ALL {
                    stack.between(Of(service), Postgres, Packets::Carried).await?;
                }
                Ok(())
            }
        }
    }
}

impl Fault for Composed {
    fn breaks_calls(&self) -> bool {
        !matches!(self, Self::None | Self::Restarted(_))
    }

    fn goes(&self) -> Vec<Service> {
        let containers = match self {
            Self::Killed(containers) => containers.as_slice(),
            Self::Restarted(container) => std::slice::from_ref(container),
            _ => &[],
        };
        let service = |container: &Container| match container {
            Of(service) => Some(*service),
            Postgres => None,
        };
        containers.iter().filter_map(service).collect()
    }
}

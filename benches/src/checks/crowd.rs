//! Many subjects, each on a space of its own, who ask one after another as fast as they are answered. h2load asks one
//! question only, so these are clients of this process, and the echo is asked by the same.
use std::{sync::Arc, time::Duration};

use devspaces_kit::name::Principal;
use devspaces_proto::authz::v1::CheckPermissionRequest;
use devspaces_tests::Persona;
use tonic::transport::{Channel, Endpoint};

use super::{
    call::check,
    rounds::{ROUNDS, Sample},
    suites::Suite,
    target::Target,
};
use crate::load::{LASTS, throughput};

/// How many ask.
pub(super) const SUBJECTS: usize = 128;
/// How many connections they share.
pub(super) const CONNECTIONS: usize = 16;

type Asking = (Persona, CheckPermissionRequest);

/// Those who ask one server.
pub(super) struct Crowd {
    target: Target,
    subjects: Arc<Vec<Asking>>,
}

impl Crowd {
    /// The subjects of a suite.
    pub(super) async fn of(suite: &Suite) -> Self {
        let connections = connections(&suite.target.address).await;
        let mut subjects = Vec::new();
        for number in 0..SUBJECTS {
            let principal = Principal::user(&format!("u{number}"));
            let space = suite.persona(&principal).creates_space("Team").await;
            let person = suite.connected(&principal, &connections[number % CONNECTIONS]);
            subjects.push((person, check("", "space.get", &space)));
        }
        Self { target: suite.target.clone(), subjects: Arc::new(subjects) }
    }

    /// The same subjects with the same questions, who ask the echo.
    pub(super) async fn at_echo(echo: &Target, like: &Self) -> Self {
        let connections = connections(&echo.address).await;
        let subjects = like.subjects.iter().enumerate().map(|(number, (person, request))| {
            let principal = Principal::user(person.id());
            let token = person.authorization().strip_prefix("Bearer ");
            let connection = &connections[number % CONNECTIONS];
            (Persona::at_one_port(&principal, token, connection), request.clone())
        });
        Self { target: echo.clone(), subjects: Arc::new(subjects.collect()) }
    }

    async fn measured(&self) -> Sample {
        let subjects = self.subjects.clone();
        let (processor, database) = self.target.used();
        let calls_per_second = throughput(SUBJECTS, move |number| {
            let (person, request) = &subjects[number];
            let (mut client, request) = (person.authz(), request.clone());
            async move {
                assert!(client.check_permission(request).await.expect("an answer").into_inner().allowed);
            }
        })
        .await;
        let (processor_after, database_after) = self.target.used();
        let calls = calls_per_second * LASTS.as_secs_f64();
        let each =
            |before: Duration, after: Duration| after.saturating_sub(before).as_secs_f64() * 1e6 / calls;
        Sample {
            calls_per_second,
            processor: each(processor, processor_after),
            database: database.zip(database_after).map(|(before, after)| each(before, after)),
            alone: None,
            changes: None,
        }
    }
}

async fn connections(address: &str) -> Vec<Channel> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let endpoint = Endpoint::from_shared(address.to_owned()).expect("an address");
        connections.push(endpoint.connect().await.expect("a connection"));
    }
    connections
}

/// Has the crowds ask in turn; gives the samples of each.
pub(super) async fn measure(crowds: &[Crowd]) -> Vec<Vec<Sample>> {
    let mut samples: Vec<Vec<Sample>> = crowds.iter().map(|_| Vec::new()).collect();
    for crowd in crowds {
        crowd.measured().await;
    }
    for _ in 0..ROUNDS {
        for (crowd, samples) in crowds.iter().zip(&mut samples) {
            samples.push(crowd.measured().await);
        }
    }
    samples
}

//! `devspaces.journal.v1`: the journals of the services that live in this process. Every service hosts it.
use devspaces_authz::{Owner, Permission};
use devspaces_kit::{
    db::{self, Pool},
    edge::answer,
    identity::Caller,
    journal::{self, Problem, Report},
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::journal::v1::{
    Finding, Verification, VerifyScopeRequest, VerifyScopeResponse, finding,
    journal_service_server::JournalService,
};
use tonic::{Request, Response, Status};

use crate::Gate;

/// Answers for the journals in these databases.
#[derive(Clone)]
pub struct JournalServer {
    gate: Gate,
    journals: Vec<(Owner, Pool)>,
}

impl JournalServer {
    /// Answers for these services, each with its database, to whom this gate lets pass.
    #[must_use]
    pub fn new(gate: Gate, journals: impl IntoIterator<Item = (Owner, Pool)>) -> Self {
        let mut journals: Vec<_> = journals.into_iter().collect();
        journals.sort_by_key(|(owner, _)| owner.name());
        Self { gate, journals }
    }

    /// R-J2
    async fn verify_scope(
        &self,
        caller: Caller,
        request: VerifyScopeRequest,
    ) -> Result<VerifyScopeResponse, Fault> {
        let mut fields = Fields::new();
        let space = fields.parse::<SpaceName>("scope", &request.scope);
        let space = fields.finish_with(space)?;
        self.gate.require(&caller, Permission::JournalConsoleGet, space).await?;
        let mut verifications = Vec::with_capacity(self.journals.len());
        for (owner, pool) in &self.journals {
            let report = verify(pool, space).await?;
            let findings = report
                .findings
                .iter()
                .map(|finding| Finding { sequence: finding.sequence, problem: wire(finding.problem).into() });
            verifications.push(Verification {
                service: owner.name().to_owned(),
                entries: i64::try_from(report.entries).unwrap_or(i64::MAX),
                findings: findings.collect(),
            });
        }
        Ok(VerifyScopeResponse { verifications })
    }
}

async fn verify(pool: &Pool, space: SpaceName) -> Result<Report, db::Error> {
    journal::verify_scope(&mut pool.read().await?, space.into()).await
}

fn wire(problem: Problem) -> finding::Problem {
    match problem {
        Problem::Changed => finding::Problem::Changed,
        Problem::Missing => finding::Problem::Missing,
        Problem::CutOff => finding::Problem::CutOff,
        Problem::Rewritten => finding::Problem::Rewritten,
        Problem::Unknown => finding::Problem::Unknown,
    }
}

#[tonic::async_trait]
impl JournalService for JournalServer {
    async fn verify_scope(
        &self,
        request: Request<VerifyScopeRequest>,
    ) -> Result<Response<VerifyScopeResponse>, Status> {
        answer(request, |caller, message| self.verify_scope(caller, message)).await
    }
}

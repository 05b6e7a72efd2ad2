use devspaces_kit::{
    identity::Caller,
    server::long_work,
    status::{Fault, Fields},
};
use devspaces_ledger::{
    db::{self, Pool},
    journal::{self, Report},
};
use devspaces_proto::journal::v1::{Finding, Verification, VerifyScopeRequest, VerifyScopeResponse};

use super::{
    access::Parent,
    server::{Journal, JournalServer},
    wire,
};

impl JournalServer {
    /// R-J2
    pub(super) async fn verify_scope(
        &self,
        caller: Caller,
        request: VerifyScopeRequest,
    ) -> Result<VerifyScopeResponse, Fault> {
        let mut fields = Fields::new();
        let scope = fields.parse::<Parent>("scope", &request.scope);
        let scope = fields.finish_with(scope)?;
        let journals = self.readable(&caller, scope, None).await?;
        let _long = long_work().await?;
        let mut verifications = Vec::with_capacity(journals.len());
        for Journal { service, pool } in journals {
            let report = verify(&pool, scope).await?;
            let findings = report.findings.iter().map(|finding| Finding {
                sequence: finding.sequence,
                problem: wire::problem(finding.problem).into(),
            });
            verifications.push(Verification {
                service: service.name().to_owned(),
                entries: i64::try_from(report.entries).unwrap_or(i64::MAX),
                findings: findings.collect(),
            });
        }
        Ok(VerifyScopeResponse { verifications })
    }
}

async fn verify(pool: &Pool, scope: Parent) -> Result<Report, db::Error> {
    journal::verify_scope(pool, scope.into()).await
}

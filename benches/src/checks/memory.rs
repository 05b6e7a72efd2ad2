//! What a process keeps of those it is asked about: a million different people, a thousand in each call.
use devspaces_kit::name::Principal;
use devspaces_proto::authz::v1::{BatchCheckPermissionsRequest, check_permission_result::Outcome};

use super::{call::check, h2load::float, processor, suites::Suite};

/// How many are asked about.
const SUBJECTS: usize = 1_000_000;
/// How many in a call: as many as a batch may have.
const IN_A_CALL: usize = 1000;
/// After how many it is told.
const STEP: usize = 100_000;

/// Asks about all of them, and tells how large the process has become.
pub(crate) async fn run() {
    let suite = Suite::together().await;
    let asker = suite.persona(&Principal::service("auditor"));
    let mut authz = asker.authz();
    let resident = || float(processor::resident(&suite.target.processes)) / (1024.0 * 1024.0);
    println!("  {:>9} subjects: {:.0} MiB", 0, resident());
    for start in (0..SUBJECTS).step_by(IN_A_CALL) {
        let subject = |number| check(&format!("users/u{number}"), "space.get", &suite.space);
        let checks = (start..start + IN_A_CALL).map(subject).collect();
        let answer = authz.batch_check_permissions(BatchCheckPermissionsRequest { checks }).await;
        let results = answer.expect("an answer").into_inner().results;
        let denied =
            |outcome: &Option<Outcome>| matches!(outcome, Some(Outcome::Response(it)) if !it.allowed);
        assert!(results.iter().all(|result| denied(&result.outcome)), "all are strangers");
        let count = start + IN_A_CALL;
        if count.is_multiple_of(STEP) {
            println!("  {count:>9} subjects: {:.0} MiB", resident());
        }
    }
}

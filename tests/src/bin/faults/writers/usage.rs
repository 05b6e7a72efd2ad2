use devspaces_proto::billing::v1::{ListUsageRequest, ReportUsageRequest, UsageEvent, usage_result::Outcome};
use devspaces_tests::Persona;

use super::{accounts::consents, creates_app, creates_space};
use crate::calls::{Entry, GaveUp, Load};

const REPORT: &str = "devspaces.billing.v1.UsageService/ReportUsage";
const LIST: &str = "devspaces.billing.v1.UsageService/ListUsage";
/// Events of a batch.
const BATCH: usize = 5;

/// Reports usage in batches, and each fourth batch again under another `request_id`: it counts once (R-B5).
pub(crate) struct UsageReports {
    metering: Persona,
    admin: Persona,
    space: String,
    app: String,
    /// How many events were accepted, each of the quantity one.
    accepted: usize,
    steps: u32,
}

impl UsageReports {
    pub(super) async fn new(load: &Load) -> Result<Self, GaveUp> {
        let (metering, admin) = (load.service("metering"), load.somebody());
        let space = creates_space(load, &admin).await?.name;
        consents(load, &admin, &space).await?;
        let app = creates_app(load, &admin, &space).await?.name;
        Ok(Self { metering, admin, space, app, accepted: 0, steps: 0 })
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let event = |_| UsageEvent {
            id: load.id(),
            app: self.app.clone(),
            meter: "meters/sql.requests".to_owned(),
            quantity: "1".to_owned(),
            time: Some(load.now()),
            ..UsageEvent::default()
        };
        let events: Vec<_> = (0..BATCH).map(event).collect();
        let request = ReportUsageRequest { events, ..ReportUsageRequest::default() };
        let call = async |request| self.metering.usage().report_usage(request).await;
        let entry = |_: &_| Entry::of(&self.metering, &self.space, "");
        let reply = load.acknowledged(REPORT, request.clone(), call, entry).await?;
        let accepted = reply.results.iter().filter(|result| result.outcome() == Outcome::Accepted).count();
        if accepted != BATCH {
            load.tally().found(format!("of {BATCH} new events {accepted} were accepted"));
        }
        self.accepted += accepted;
        self.steps += 1;
        if self.steps.is_multiple_of(4) {
            // Writes no entry, so it is none of the changes that the journal must have.
            let again = ReportUsageRequest { request_id: load.id(), ..request };
            let reply = load.answered(REPORT, again, call).await?;
            if reply.results.iter().any(|result| result.outcome() != Outcome::Duplicate) {
                load.tally().found("events that were reported again were not known".to_owned());
            }
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let parent = format!("{}/billingAccount", self.space);
        let request = ListUsageRequest { parent, ..ListUsageRequest::default() };
        let call = async |request| self.admin.usage().list_usage(request).await;
        let usage = load.answered(LIST, request, call).await?.usage;
        let found: Vec<_> = usage.iter().map(|usage| usage.quantity.clone()).collect();
        let expected: Vec<_> = (self.accepted > 0).then(|| self.accepted.to_string()).into_iter().collect();
        Ok(super::compared("usage", &expected, &found))
    }
}

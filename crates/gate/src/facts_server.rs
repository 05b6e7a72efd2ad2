//! `devspaces.facts.v1` for the owners that live in this process.
use std::sync::Arc;

use devspaces_authz::Owner;
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{Principal, Scope, SpaceName},
    server::Tasks,
    status::{Fault, Fields, Reason},
};
use devspaces_proto::facts::v1::{
    self as proto, ApplyEffectsRequest, ApplyEffectsResponse, ListSubjectSpacesRequest,
    ListSubjectSpacesResponse, RevalidateRequest, RevalidateResponse, facts_service_server::FactsService,
};
use tonic::{Code, Request, Response, Status};

use crate::{
    facts::{Question, Version},
    owner::{Hosted, MAX_QUESTIONS},
    wire,
};

/// The most spaces of one list: a page of the largest size, and one more.
const MAX_SPACES: i32 = 1001;

/// Answers the other services of the suite for every owner that lives in this process.
#[derive(Clone)]
pub struct FactsServer {
    hosted: Vec<Hosted>,
    tasks: Tasks,
}

impl FactsServer {
    /// Answers for these owners. Effects are applied in tasks of the server.
    #[must_use]
    pub fn new(hosted: impl IntoIterator<Item = Hosted>, tasks: Tasks) -> Self {
        Self { hosted: hosted.into_iter().collect(), tasks }
    }

    /// The owner that a call is for, and the service of the suite that calls. A token for one owner is of no use
    /// with another, wherever both live.
    fn admit<'a>(&'a self, caller: &'a Caller, owner: i32) -> Result<(&'a Hosted, &'a str), Fault> {
        let denied = || {
            let message =
                "Only services of the suite call this method, each with a token for the owner it asks";
            Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message)
        };
        let suite = caller.suite.as_ref().ok_or_else(denied)?;
        let mut fields = Fields::new();
        let known = wire::owner_from_wire(owner).ok_or("must be an owner that this version knows");
        let owner = fields.check("owner", known);
        fields.finish()?;
        let owner = owner.filter(|owner| owner.name() == suite.audience).ok_or_else(denied)?;
        let hosted = self.hosted.iter().find(|hosted| hosted.owner() == owner);
        Ok((hosted.ok_or_else(|| not_hosted(owner))?, &suite.name))
    }

    async fn revalidate(
        &self,
        caller: Caller,
        request: RevalidateRequest,
    ) -> Result<RevalidateResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let (questions, known) = parse_questions(request.questions)?;
        let read = hosted.revalidate(&questions, &known).await?;
        let answers = read.answers.into_iter().map(|answer| wire::answer_to_wire(answer, read.read_time));
        Ok(RevalidateResponse { answers: answers.collect(), read_time: Some(read.read_time.into()) })
    }

    async fn list_subject_spaces(
        &self,
        caller: Caller,
        request: ListSubjectSpacesRequest,
    ) -> Result<ListSubjectSpacesResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let mut fields = Fields::new();
        let subject = fields.parse::<Principal>("subject", &request.subject);
        let after = match request.after.as_str() {
            "" => None,
            after => fields.parse::<SpaceName>("after", after),
        };
        if !(1..=MAX_SPACES).contains(&request.limit) {
            fields.bad("limit", format!("must be from 1 to {MAX_SPACES}"));
        }
        fields.finish()?;
        let mut spaces = Vec::new();
        if let Some(subject) = subject {
            for (space, facts) in hosted.subject_spaces(&subject, after, request.limit.into()).await? {
                let facts = Some(wire::facts_to_wire(facts));
                spaces.push(proto::SubjectSpace { space: space.to_string(), facts });
            }
        }
        Ok(ListSubjectSpacesResponse { spaces })
    }

    /// Effects that wait for a lock for longer than their sender waits for the reply are applied all the same.
    async fn apply_effects(
        &self,
        caller: Caller,
        request: ApplyEffectsRequest,
    ) -> Result<ApplyEffectsResponse, Fault> {
        let (hosted, sender) = self.admit(&caller, request.owner)?;
        let (facts, sender) = (Arc::clone(&hosted.facts), sender.to_owned());
        self.tasks.run(async move { facts.apply(&sender, request).await }).await?;
        Ok(ApplyEffectsResponse {})
    }
}

#[tonic::async_trait]
impl FactsService for FactsServer {
    async fn revalidate(
        &self,
        request: Request<RevalidateRequest>,
    ) -> Result<Response<RevalidateResponse>, Status> {
        answer(request, |caller, message| self.revalidate(caller, message)).await
    }

    async fn apply_effects(
        &self,
        request: Request<ApplyEffectsRequest>,
    ) -> Result<Response<ApplyEffectsResponse>, Status> {
        answer(request, |caller, message| self.apply_effects(caller, message)).await
    }

    async fn list_subject_spaces(
        &self,
        request: Request<ListSubjectSpacesRequest>,
    ) -> Result<Response<ListSubjectSpacesResponse>, Status> {
        answer(request, |caller, message| self.list_subject_spaces(caller, message)).await
    }
}

fn not_hosted(owner: Owner) -> Fault {
    let message = format!("The owner '{}' does not live at this address", owner.name());
    Fault::new(Code::Unimplemented, Reason::MethodUnknown, message)
}

fn parse_questions(asked: Vec<proto::Question>) -> Result<(Vec<Question>, Vec<Option<Version>>), Fault> {
    let mut fields = Fields::new();
    if asked.len() > MAX_QUESTIONS {
        fields.bad("questions", format!("must be {MAX_QUESTIONS} at most"));
        fields.finish()?;
        return Ok((Vec::new(), Vec::new()));
    }
    let mut questions = Vec::with_capacity(asked.len());
    let mut known = Vec::with_capacity(asked.len());
    for (index, question) in asked.into_iter().enumerate() {
        let scope = fields.parse::<Scope>(format!("questions[{index}].scope"), &question.scope);
        let subject = fields.parse::<Principal>(format!("questions[{index}].subject"), &question.subject);
        if let (Some(scope), Some(subject)) = (scope, subject) {
            questions.push(Question { scope, subject: subject.into() });
            known.push(question.known.map(Version::from));
        }
    }
    fields.finish()?;
    Ok((questions, known))
}

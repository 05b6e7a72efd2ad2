//! `devspaces.facts.v1` for the owners that live in this process.
use devspaces_authz::Owner;
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{AppName, Principal, Scope, SpaceName, UserName},
    page,
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::delivery::Receiver;
use devspaces_proto::facts::v1::{
    self as proto, ApplyEffectsRequest, ApplyEffectsResponse, ListAppRolesRequest, ListAppRolesResponse,
    ListDerivedViewersRequest, ListDerivedViewersResponse, ListSubjectSpacesRequest,
    ListSubjectSpacesResponse, RevalidateRequest, RevalidateResponse, facts_service_server::FactsService,
};
use tonic::{Code, Request, Response, Status};

use crate::{
    facts::{Question, Version},
    owner::{Hosted, MAX_QUESTIONS},
    wire,
};

/// Answers the other services of the suite for every owner that lives in this process.
#[derive(Clone)]
pub struct FactsServer {
    hosted: Vec<Hosted>,
    effects: Receiver,
}

impl FactsServer {
    /// Answers for these owners, and hands on the effects that changes of other services have on them.
    #[must_use]
    pub fn new(hosted: impl IntoIterator<Item = Hosted>, effects: Receiver) -> Self {
        Self { hosted: hosted.into_iter().collect(), effects }
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
        let limit = fields.check("limit", page::asked(request.limit));
        let limit = fields.finish_with(limit)?;
        let mut spaces = Vec::new();
        if let Some(subject) = subject {
            for (space, facts) in hosted.subject_spaces(&subject, after, limit).await? {
                let facts = Some(wire::facts_to_wire(facts));
                spaces.push(proto::SubjectSpace { space: space.to_string(), facts });
            }
        }
        Ok(ListSubjectSpacesResponse { spaces })
    }

    async fn list_derived_viewers(
        &self,
        caller: Caller,
        request: ListDerivedViewersRequest,
    ) -> Result<ListDerivedViewersResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let mut fields = Fields::new();
        let space = fields.parse::<SpaceName>("space", &request.space);
        let after = match request.after.as_str() {
            "" => Some(String::new()),
            after => fields.parse::<UserName>("after", after).map(|user| user.id().to_owned()),
        };
        let limit = fields.check("limit", page::asked(request.limit));
        let ((space, after), limit) = fields.finish_with(space.zip(after).zip(limit))?;
        let viewers = hosted.derived_viewers(space, &after, limit).await?;
        let viewer = |(user, role): (UserName, _)| proto::DerivedViewer {
            user: user.to_string(),
            role: wire::console_to_wire(role).into(),
        };
        Ok(ListDerivedViewersResponse { viewers: viewers.into_iter().map(viewer).collect() })
    }

    async fn list_app_roles(
        &self,
        caller: Caller,
        request: ListAppRolesRequest,
    ) -> Result<ListAppRolesResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let mut fields = Fields::new();
        let space = fields.parse::<SpaceName>("space", &request.space);
        let user = fields.parse::<UserName>("user", &request.user);
        let after = match request.after.as_str() {
            "" => Some(AppName::NIL),
            after => fields.parse("after", after),
        };
        let limit = fields.check("limit", page::asked(request.limit));
        let (((space, user), after), limit) = fields.finish_with(space.zip(user).zip(after).zip(limit))?;
        let roles = hosted.app_roles(space, &user, after, limit).await?;
        let role = |(app, role): (AppName, _)| proto::AppRole {
            app: app.to_string(),
            role: wire::contributor_to_wire(role).into(),
        };
        Ok(ListAppRolesResponse { roles: roles.into_iter().map(role).collect() })
    }

    async fn apply_effects(
        &self,
        caller: Caller,
        request: ApplyEffectsRequest,
    ) -> Result<ApplyEffectsResponse, Fault> {
        let (hosted, sender) = self.admit(&caller, request.owner)?;
        self.effects.receive(hosted.owner().name(), sender, request).await?;
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

    async fn list_derived_viewers(
        &self,
        request: Request<ListDerivedViewersRequest>,
    ) -> Result<Response<ListDerivedViewersResponse>, Status> {
        answer(request, |caller, message| self.list_derived_viewers(caller, message)).await
    }

    async fn list_app_roles(
        &self,
        request: Request<ListAppRolesRequest>,
    ) -> Result<Response<ListAppRolesResponse>, Status> {
        answer(request, |caller, message| self.list_app_roles(caller, message)).await
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
    if asked.len() > MAX_QUESTIONS {
        return Err(Fault::bad_field("questions", format!("must have at most {MAX_QUESTIONS} entries")));
    }
    let mut fields = Fields::new();
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

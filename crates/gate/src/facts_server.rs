//! `devspaces.facts.v1` for the owners that live in this process.
use devspaces_authz::{AppRole, Service};
use devspaces_kit::{
    edge::answer,
    identity::Caller,
    name::{AppName, Principal, RoleTarget, Scope, SpaceName, UserName},
    page,
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::delivery::Receiver;
use devspaces_proto::facts::v1::{
    self as proto, ApplyEffectsRequest, ApplyEffectsResponse, ListAppRolesRequest, ListAppRolesResponse,
    ListAppsOfSpacesRequest, ListAppsOfSpacesResponse, ListContributedAppsRequest,
    ListContributedAppsResponse, ListDerivedViewersRequest, ListDerivedViewersResponse,
    ListRoleHoldersRequest, ListRoleHoldersResponse, ListSubjectSpacesRequest, ListSubjectSpacesResponse,
    RevalidateRequest, RevalidateResponse, facts_service_server::FactsService,
};
use tonic::{Code, Request, Response, Status};

use crate::{
    facts::{Question, Version},
    owner::{ConsoleHolder, Held, Hosted, MAX_QUESTIONS, MAX_SPACES, Roles, Viewers},
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
        let held = if request.dormant { Held::Dormant } else { Held::InEffect };
        let mut spaces = Vec::new();
        if let Some(subject) = subject {
            for (space, facts) in hosted.subject_spaces(&subject, held, after, limit).await? {
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
        let after = person_after(&mut fields, &request.after);
        let limit = fields.check("limit", page::asked(request.limit));
        let user = if request.user.is_empty() {
            Some(None)
        } else {
            fields.parse::<UserName>("user", &request.user).map(Some)
        };
        let read = fields.finish_with(space.zip(after).zip(limit).zip(user))?;
        let (((space, after), limit), user) = read;
        let which = user.as_ref().map_or(Viewers::After(&after, limit), Viewers::One);
        let viewers = hosted.derived_viewers(space, which).await?;
        let viewer = |viewer: ConsoleHolder| proto::DerivedViewer {
            user: viewer.user.to_string(),
            role: wire::console_to_wire(viewer.role).into(),
            emergency: viewer.emergency,
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
            "" => Some(RoleTarget::FIRST),
            after => fields.parse("after", after),
        };
        let limit = fields.check("limit", page::asked(request.limit));
        let (((space, user), after), limit) = fields.finish_with(space.zip(user).zip(after).zip(limit))?;
        let roles = hosted.app_roles(space, &user, after, limit).await?;
        let role = |(target, role): (RoleTarget, _)| proto::AppRole {
            app: target.to_string(),
            role: wire::contributor_to_wire(role).into(),
        };
        Ok(ListAppRolesResponse { roles: roles.into_iter().map(role).collect() })
    }

    async fn list_role_holders(
        &self,
        caller: Caller,
        request: ListRoleHoldersRequest,
    ) -> Result<ListRoleHoldersResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let mut fields = Fields::new();
        let scope = fields.parse::<Scope>("scope", &request.scope);
        let after = person_after(&mut fields, &request.after);
        let limit = fields.check("limit", page::asked(request.limit));
        let ((scope, after), limit) = fields.finish_with(scope.zip(after).zip(limit))?;
        let console = request.console_roles.into_iter().filter_map(wire::console_from_wire).collect();
        let roles = Roles { scope, console, contributor: contributor_roles(request.contributor_roles) };
        let users = hosted.role_holders(&roles, &after, limit).await?;
        Ok(ListRoleHoldersResponse { users: users.iter().map(ToString::to_string).collect() })
    }

    async fn list_contributed_apps(
        &self,
        caller: Caller,
        request: ListContributedAppsRequest,
    ) -> Result<ListContributedAppsResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let mut fields = Fields::new();
        let user = fields.parse::<UserName>("user", &request.user);
        let after = request.after.as_ref().map(wire::placed_from_wire).transpose();
        let after = fields.check("after", after.map_err(|_| "must be an app with its space, if it has one"));
        let limit = fields.check("limit", page::asked(request.limit));
        let ((user, after), limit) = fields.finish_with(user.zip(after).zip(limit))?;
        let roles = contributor_roles(request.roles);
        let apps = hosted.contributed_apps(&user, &roles, after, limit).await?;
        Ok(ListContributedAppsResponse { apps: apps.into_iter().map(wire::placed_to_wire).collect() })
    }

    async fn list_apps_of_spaces(
        &self,
        caller: Caller,
        request: ListAppsOfSpacesRequest,
    ) -> Result<ListAppsOfSpacesResponse, Fault> {
        let (hosted, _) = self.admit(&caller, request.owner)?;
        let mut fields = Fields::new();
        let number = (1..=MAX_SPACES).contains(&request.spaces.len()).then_some(());
        let number = fields.check("spaces", number.ok_or(format!("must have 1 to {MAX_SPACES} entries")));
        let mut spaces = Vec::with_capacity(request.spaces.len().min(MAX_SPACES));
        for (index, space) in request.spaces.iter().enumerate().take(MAX_SPACES) {
            spaces.extend(fields.parse::<SpaceName>(format!("spaces[{index}]"), space));
        }
        let after = match request.after.as_str() {
            "" => Some(AppName::NIL),
            after => fields.parse("after", after),
        };
        let limit = fields.check("limit", page::asked(request.limit));
        let (((), after), limit) = fields.finish_with(number.zip(after).zip(limit))?;
        let apps = hosted.apps_of_spaces(&spaces, after, limit).await?;
        Ok(ListAppsOfSpacesResponse { apps: apps.into_iter().map(wire::placed_to_wire).collect() })
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

    async fn list_role_holders(
        &self,
        request: Request<ListRoleHoldersRequest>,
    ) -> Result<Response<ListRoleHoldersResponse>, Status> {
        answer(request, |caller, message| self.list_role_holders(caller, message)).await
    }

    async fn list_contributed_apps(
        &self,
        request: Request<ListContributedAppsRequest>,
    ) -> Result<Response<ListContributedAppsResponse>, Status> {
        answer(request, |caller, message| self.list_contributed_apps(caller, message)).await
    }

    async fn list_apps_of_spaces(
        &self,
        request: Request<ListAppsOfSpacesRequest>,
    ) -> Result<Response<ListAppsOfSpacesResponse>, Status> {
        answer(request, |caller, message| self.list_apps_of_spaces(caller, message)).await
    }

    async fn list_subject_spaces(
        &self,
        request: Request<ListSubjectSpacesRequest>,
    ) -> Result<Response<ListSubjectSpacesResponse>, Status> {
        answer(request, |caller, message| self.list_subject_spaces(caller, message)).await
    }
}

/// The encoded id after which a list of people begins; empty for the first.
fn person_after(fields: &mut Fields, name: &str) -> Option<String> {
    match name {
        "" => Some(String::new()),
        after => fields.parse::<UserName>("after", after).map(|user| user.id().to_owned()),
    }
}

/// Nobody holds a role here that only a newer peer knows.
fn contributor_roles(roles: Vec<i32>) -> Vec<AppRole> {
    roles.into_iter().filter_map(wire::contributor_from_wire).collect()
}

fn not_hosted(owner: Service) -> Fault {
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

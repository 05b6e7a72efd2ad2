//! The facts of an owner at another address.
use std::sync::Arc;

use devspaces_authz::{AppRole, ConsoleRole, Service};
use devspaces_kit::{
    clock::Clock,
    connections::Connections,
    identity::ServiceSigner,
    name::{Principal, RoleTarget, SpaceName, UserName},
    peer_clock::PeerClock,
    status::Fault,
    trace::Traced,
};
use devspaces_proto::facts::v1::{
    self as proto, ListAppRolesRequest, ListDerivedViewersRequest, ListSubjectSpacesRequest,
    RevalidateRequest, facts_service_client::FactsServiceClient,
};
use tonic::{Code, Request, Response, Status};

use crate::{
    exchange::Answer,
    facts::{OwnFacts, Question, Version},
    owner::{ConsoleHolder, Held, Viewers},
    wire,
};

mod candidates;

/// Calls one owner's service, as the service of the suite that the signer speaks for.
pub(crate) struct Remote {
    owner: Service,
    connections: Connections,
    signer: Arc<ServiceSigner>,
    clock: Arc<dyn Clock>,
    /// What is known of the owner's clock.
    pub(crate) clock_there: PeerClock,
}

impl Remote {
    pub(crate) fn new(
        owner: Service,
        connections: Connections,
        signer: Arc<ServiceSigner>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { owner, connections, signer, clock, clock_there: PeerClock::new(owner.name()) }
    }

    pub(crate) async fn revalidate(
        &self,
        questions: &[Question],
        known: Vec<Option<Version>>,
    ) -> Result<Vec<Answer>, Fault> {
        let ask = |(question, known): (&Question, Option<Version>)| proto::Question {
            scope: question.scope.to_string(),
            subject: question.subject.to_string(),
            known: known.map(Into::into),
        };
        let request = RevalidateRequest {
            owner: self.owner().into(),
            questions: questions.iter().zip(known).map(ask).collect(),
        };
        let sent = self.clock.now();
        let asked =
            async || self.call(request.clone(), async |mut client, it| client.revalidate(it).await).await;
        // A replica that can't serve it says so at once. The second call is sent later, and confirms no less for that.
        let response = match asked().await {
            Err(status) if status.code() == Code::Unavailable => asked().await,
            answer => answer,
        };
        let response = response.map_err(|status| self.fault(&status))?;
        let read_time = response.read_time.ok_or(wire::Unreadable).and_then(wire::time_from_wire);
        let read_time = read_time.map_err(|_| self.unreadable())?;
        self.clock_there.read(sent, read_time, self.clock.now());
        let answers = response.answers.into_iter().map(|answer| wire::answer_from_wire(answer, read_time));
        let answers: Vec<Answer> = answers.collect::<Result<_, _>>().map_err(|_| self.unreadable())?;
        let fitting = answers.iter().zip(questions).all(|(answer, question)| {
            answer.facts.as_ref().is_none_or(|facts| facts.are_of(self.owner, question.scope))
        });
        if fitting { Ok(answers) } else { Err(self.unreadable()) }
    }

    pub(crate) async fn subject_spaces(
        &self,
        subject: &Principal,
        held: Held,
        after: Option<SpaceName>,
        limit: i64,
    ) -> Result<Vec<(SpaceName, OwnFacts)>, Fault> {
        let request = ListSubjectSpacesRequest {
            owner: self.owner().into(),
            subject: subject.to_string(),
            after: after.map(|space| space.to_string()).unwrap_or_default(),
            limit: wire_limit(limit),
            dormant: held == Held::Dormant,
        };
        let response = self.call(request, async |mut client, it| client.list_subject_spaces(it).await).await;
        let spaces = response.map_err(|status| self.fault(&status))?.spaces;
        spaces.into_iter().map(|space| self.subject_space(space).ok_or_else(|| self.unreadable())).collect()
    }

    pub(crate) async fn derived_viewers(
        &self,
        space: SpaceName,
        which: Viewers<'_>,
    ) -> Result<Vec<ConsoleHolder>, Fault> {
        let (after, limit, user) = match which {
            Viewers::After("", limit) => (String::new(), limit, String::new()),
            Viewers::After(after, limit) => (format!("users/{after}"), limit, String::new()),
            Viewers::One(user) => (String::new(), 1, user.to_string()),
        };
        let request = ListDerivedViewersRequest {
            owner: self.owner().into(),
            space: space.to_string(),
            after,
            limit: wire_limit(limit),
            user,
        };
        let response = self.call(request, async |mut client, it| client.list_derived_viewers(it).await).await;
        let viewers = response.map_err(|status| self.fault(&status))?.viewers;
        // A role that only a newer peer knows makes nobody a viewer.
        let known =
            viewers.into_iter().filter_map(|viewer| Some((wire::console_from_wire(viewer.role)?, viewer)));
        let holder = |(role, viewer): (ConsoleRole, proto::DerivedViewer)| {
            let user = viewer.user.parse().map_err(|_| self.unreadable())?;
            Ok(ConsoleHolder { user, role, emergency: viewer.emergency })
        };
        let mut holders = known.map(holder).collect::<Result<Vec<_>, Fault>>()?;
        if let Viewers::One(user) = which {
            // A peer of before tells of the first one, whoever is asked about.
            holders.retain(|holder| holder.user == *user);
        }
        Ok(holders)
    }

    pub(crate) async fn app_roles(
        &self,
        space: SpaceName,
        person: &UserName,
        after: RoleTarget,
        limit: i64,
    ) -> Result<Vec<(RoleTarget, AppRole)>, Fault> {
        let request = ListAppRolesRequest {
            owner: self.owner().into(),
            space: space.to_string(),
            user: person.to_string(),
            after: after.to_string(),
            limit: wire_limit(limit),
        };
        let response = self.call(request, async |mut client, it| client.list_app_roles(it).await).await;
        let roles = response.map_err(|status| self.fault(&status))?.roles;
        let read = |held: proto::AppRole| {
            let role = wire::contributor_from_wire(held.role).ok_or_else(|| self.unreadable())?;
            Ok((held.app.parse().map_err(|_| self.unreadable())?, role))
        };
        roles.into_iter().map(read).collect()
    }

    fn subject_space(&self, space: proto::SubjectSpace) -> Option<(SpaceName, OwnFacts)> {
        let name: SpaceName = space.space.parse().ok()?;
        let facts = wire::facts_from_wire(space.facts?).ok()?;
        facts.are_of(self.owner, name.into()).then_some((name, facts))
    }

    async fn call<Q, R>(
        &self,
        message: Q,
        call: impl AsyncFnOnce(FactsServiceClient<Traced>, Request<Q>) -> Result<Response<R>, Status>,
    ) -> Result<R, Status> {
        let request = self.signed(message);
        let over = async |channel| {
            let client = FactsServiceClient::new(Traced::new(self.owner.name(), channel));
            Ok(call(client, request).await?.into_inner())
        };
        let sent = self.clock.now();
        let answer = self.connections.call(over).await;
        if let Err(status) = &answer {
            self.clock_there.read_refusal(sent, status, self.clock.now());
        }
        answer
    }

    fn owner(&self) -> proto::Owner {
        wire::owner_to_wire(self.owner)
    }

    fn signed<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        self.signer.token_for(self.owner.name()).authorize(request.metadata_mut());
        request
    }

    /// What the peer said goes to the log and no further.
    fn fault(&self, status: &Status) -> Fault {
        tracing::debug!(owner = self.owner.name(), code = ?status.code(), message = status.message(), "a peer failed");
        Fault::facts_unavailable(&[self.owner.name()])
    }

    fn unreadable(&self) -> Fault {
        tracing::error!(owner = self.owner.name(), "a peer's answer could not be read");
        Fault::facts_unavailable(&[self.owner.name()])
    }
}

fn wire_limit(limit: i64) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

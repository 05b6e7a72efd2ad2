use devspaces_authz::{FactChange, Permission, Service, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{GroupName, MemberName, UserName},
    status::{Blockers, Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx};
use devspaces_proto::membership::v1::{AddGroupMembersRequest, AddGroupMembersResponse};
use serde_json::{Value, json};
use tonic::Code;

use super::{MOST_MEMBERS, MOST_OF_PERSON, existing};
use crate::{
    convert::{self, group::member_to_wire},
    store,
};

/// R-M11
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: AddGroupMembersRequest,
) -> Result<AddGroupMembersResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<GroupName>("parent", &it.parent))?;
    context.mutations.answer(&call, add(context, &call, name, request)).await
}

async fn add(
    context: &Context,
    call: &Call,
    name: GroupName,
    request: AddGroupMembersRequest,
) -> Result<AddGroupMembersResponse, Fault> {
    let pass = context.gate.require_active(&call.caller, Permission::GroupsUpdate, name.space).await?;
    let added = convert::group::added(&request.users)?;
    let addition = Addition { name, added };
    context.mutations.run(call.clone(), vec![name.space.into()], pass.guard(addition)).await
}

struct Addition {
    name: GroupName,
    added: Vec<UserName>,
}

impl GuardedChange for Addition {
    type Reply = AddGroupMembersResponse;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::ContributorRoleAdded])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<AddGroupMembersResponse, Abort> {
        let Self { name, added } = self;
        let group = existing(tx, *name).await?;
        let mut blockers = confirmed.blockers()?;
        self.block(tx, &mut blockers).await?;
        blockers.finish()?;
        self.refuse_existing(tx).await?;
        let scope = name.space.into();
        let people: Vec<String> = added.iter().map(ToString::to_string).collect();
        let change = Change {
            scope,
            resources: vec![name.to_string()],
            before: Value::Null,
            after: json!({ "members": people }),
            facts: false,
        };
        tx.record(change).await?;
        let now = tx.time();
        store::group::add(tx, *name, added, now).await?;
        tx.emit(scope, Service::Space.name(), vec![group.effect(added, &[])]).await?;
        let members = added.iter().map(|user| member_to_wire(user, now)).collect();
        Ok(AddGroupMembersResponse { members })
    }
}

impl Addition {
    async fn block(&self, tx: &mut Tx, blockers: &mut Blockers) -> Result<(), Abort> {
        let Self { name, added } = self;
        let now = tx.time();
        for user in added {
            let member = MemberName { space: name.space, user: user.clone() };
            // One whose role has just ended is none, whether or not that has had its consequences.
            if store::member::find(tx, &member, now).await?.is_none() {
                let sentence = "Only people who have a console role in the space can be in its groups";
                blockers.add(Reason::NotAMember, user.to_string(), sentence);
            } else if store::group::of_person(tx, &member).await?.len() >= MOST_OF_PERSON {
                let sentence =
                    format!("The person is in {MOST_OF_PERSON} groups of the space, and may be in no more");
                blockers.add(Reason::GroupFull, user.to_string(), sentence);
            }
        }
        let more = i64::try_from(added.len()).unwrap_or(MOST_MEMBERS);
        if store::group::count_members(tx, *name).await? + more > MOST_MEMBERS {
            let sentence = format!("A group has at most {MOST_MEMBERS} members");
            blockers.add(Reason::GroupFull, name.to_string(), sentence);
        }
        Ok(())
    }

    async fn refuse_existing(&self, tx: &mut Tx) -> Result<(), Abort> {
        let mut fault = None;
        for (index, user) in self.added.iter().enumerate() {
            if store::group::member_since(tx, self.name, user).await?.is_some() {
                let message = "Someone who is in the group already can't be put into it";
                fault = Some(
                    fault
                        .unwrap_or_else(|| {
                            Fault::new(Code::AlreadyExists, Reason::GroupMemberExists, message)
                        })
                        .field(format!("users[{index}]"), "is in the group already"),
                );
            }
        }
        fault.map_or(Ok(()), |fault| Err(fault.into()))
    }
}

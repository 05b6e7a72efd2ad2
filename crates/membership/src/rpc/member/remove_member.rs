use devspaces_authz::Permission;
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{MemberName, UserName},
    page,
    status::{Blockers, Fault, Fields, Reason},
};
use devspaces_ledger::{Abort, Call, Tx, etag, standing};
use devspaces_proto::membership::v1::{RemoveMemberRequest, RemoveMemberResponse};

use super::keep_an_admin;
use crate::{
    departure::{AppRoles, Held, app_roles_of_member, depart},
    domain::Member,
    store,
};

/// R-M2, R-M4, R-M5
pub(crate) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Fault> {
    let (name, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<MemberName>("name", &it.name))?;
    context.mutations.answer(&call, removed(context, &call, name, request)).await
}

async fn removed(
    context: &Context,
    call: &Call,
    name: MemberName,
    request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Fault> {
    let pass = context.gate.require(&call.caller, Permission::MembersRemove, name.space).await?;
    let new_owner = new_owner(&request, &name)?;
    let held = Held::by(context, &name).await;
    let scopes = vec![name.space.into()];
    let keep_app_roles = request.keep_app_roles;
    let removal = Removal { name, etag: request.etag, new_owner, keep_app_roles, held };
    context.mutations.run(call.clone(), scopes, pass.guard(removal)).await
}

struct Removal {
    name: MemberName,
    etag: String,
    new_owner: Option<UserName>,
    keep_app_roles: bool,
    held: Held,
}

/// Whom the request names as the one who receives the person's apps.
fn new_owner(request: &RemoveMemberRequest, name: &MemberName) -> Result<Option<UserName>, Fault> {
    if request.new_owner.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::new();
    let user = fields.parse::<UserName>("new_owner", &request.new_owner);
    if user.as_ref() == Some(&name.user) {
        fields.bad("new_owner", "must be someone other than the person who is removed");
    }
    fields.finish_with(user).map(Some)
}

impl GuardedChange for Removal {
    type Reply = RemoveMemberResponse;
    const REVOKES: bool = true;

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<RemoveMemberResponse, Abort> {
        let name = &self.name;
        let now = tx.time();
        let before = store::member::find(tx, name, now).await?.ok_or_else(|| Fault::not_found(name))?;
        etag::check(&self.etag, before.revision, name)?;
        let mut blockers = Blockers::new();
        keep_an_admin(tx, &mut blockers, &before, None).await?;
        if let Some(user) = &self.new_owner {
            let heir = MemberName { space: name.space, user: user.clone() };
            let eligible =
                store::member::find(tx, &heir, now).await?.is_some() && standing::is_active(tx, user).await?;
            if !eligible {
                let sentence = "The new owner of the person's apps must be an active member of the space";
                blockers.add(Reason::NewOwnerIneligible, name.space.to_string(), sentence);
            }
        }
        blockers.finish()?;
        let app_roles = self.app_roles(tx, &before).await?;
        let left = depart(tx, &before, &app_roles).await?;
        let told = self.held.told(&app_roles, page::MAX_BYTES);
        Ok(RemoveMemberResponse {
            removed_app_roles: told.removed,
            remaining_roles: told.remaining,
            unknown_planes: told.unknown,
            untold_app_roles: told.untold,
            void_invitations: left.void_invitations,
            left_groups: left.left_groups,
        })
    }
}

impl Removal {
    /// R-M5: the apps pass to whom the request names, or else to the Admin who acts.
    async fn app_roles(&self, tx: &mut Tx, before: &Member) -> Result<AppRoles, Abort> {
        if self.keep_app_roles {
            return Ok(AppRoles { heir: self.new_owner.clone(), kept: true });
        }
        let acting = tx.act().actor.as_user().filter(|admin| *admin != self.name.user);
        match self.new_owner.clone().or(acting) {
            Some(heir) => Ok(AppRoles::pass_to(Some(heir))),
            // An Admin who removes themselves leaves (R-M8).
            None => app_roles_of_member(tx, before).await,
        }
    }
}

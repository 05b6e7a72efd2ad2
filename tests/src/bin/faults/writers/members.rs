use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use devspaces_proto::membership::v1::{
    AddMembersRequest, ConsoleRole, ListMembersRequest, Member, RemoveMemberRequest, UpdateMemberRequest,
};
use devspaces_tests::Persona;
use prost_types::FieldMask;

use super::{all_pages, compared, creates_space};
use crate::calls::{Entry, GaveUp, Load};

pub(crate) const ADD: &str = "devspaces.membership.v1.MembershipService/AddMembers";
const UPDATE: &str = "devspaces.membership.v1.MembershipService/UpdateMember";
pub(crate) const REMOVE: &str = "devspaces.membership.v1.MembershipService/RemoveMember";
pub(crate) const LIST: &str = "devspaces.membership.v1.MembershipService/ListMembers";

/// Adds members to a space, changes their roles, and removes each other.
pub(crate) struct Members {
    admin: Persona,
    space: String,
    /// The roles of everybody in the space, by both of the pair.
    roles: Rc<RefCell<BTreeMap<String, ConsoleRole>>>,
    steps: u32,
}

impl Members {
    /// Two that change the same space, and so take turns.
    pub(super) async fn pair(load: &Load) -> Result<[Self; 2], GaveUp> {
        let admin = load.somebody();
        let space = creates_space(load, &admin).await?.name;
        let roles = Rc::new(RefCell::new(BTreeMap::from([(admin.name.clone(), ConsoleRole::Admin)])));
        let one = || Self { admin: admin.clone(), space: space.clone(), roles: roles.clone(), steps: 0 };
        Ok([one(), one()])
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let somebody = load.somebody();
        let name = adds(load, &self.admin, &self.space, &somebody, ConsoleRole::Developer).await?;
        self.roles.borrow_mut().insert(somebody.name.clone(), ConsoleRole::Developer);
        let role = ConsoleRole::Viewer;
        let member = Member { name: name.clone(), role: role.into(), ..Member::default() };
        let update_mask = Some(FieldMask { paths: vec!["role".to_owned()] });
        let request =
            UpdateMemberRequest { member: Some(member), update_mask, ..UpdateMemberRequest::default() };
        let call = async |request| self.admin.members().update_member(request).await;
        load.acknowledged(UPDATE, request, call, |_| Entry::of(&self.admin, &self.space, &name)).await?;
        self.roles.borrow_mut().insert(somebody.name.clone(), role);
        self.steps += 1;
        if self.steps.is_multiple_of(2) {
            removes(load, &self.admin, &self.space, &somebody).await?;
            self.roles.borrow_mut().remove(&somebody.name);
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let found = all_pages(async |page_token| {
            let parent = self.space.clone();
            let request =
                ListMembersRequest { parent, page_size: 1000, page_token, ..ListMembersRequest::default() };
            let call = async |request| self.admin.members().list_members(request).await;
            let page = load.answered(LIST, request, call).await?;
            Ok((page.members, page.next_page_token))
        });
        let found: Vec<_> =
            found.await?.into_iter().map(|member| (member.user.clone(), member.role())).collect();
        let expected: Vec<_> = self.roles.borrow().iter().map(|(user, role)| (user.clone(), *role)).collect();
        Ok(compared("members", &expected, &found))
    }
}

/// Makes somebody a member; gives the member's name.
pub(crate) async fn adds(
    load: &Load,
    admin: &Persona,
    space: &str,
    who: &Persona,
    role: ConsoleRole,
) -> Result<String, GaveUp> {
    // With the add-on a Developer sees every app, as all others do.
    let view_all_apps = role == ConsoleRole::Developer;
    let member = Member { user: who.name.clone(), role: role.into(), view_all_apps, ..Member::default() };
    let request =
        AddMembersRequest { parent: space.to_owned(), members: vec![member], ..AddMembersRequest::default() };
    let name = who.member_of(space);
    let call = async |request| admin.members().add_members(request).await;
    load.acknowledged(ADD, request, call, |_| Entry::of(admin, space, &name)).await?;
    Ok(name)
}

/// Removes a member.
pub(crate) async fn removes(load: &Load, admin: &Persona, space: &str, who: &Persona) -> Result<(), GaveUp> {
    let name = who.member_of(space);
    let request = RemoveMemberRequest { name: name.clone(), ..RemoveMemberRequest::default() };
    let call = async |request| admin.members().remove_member(request).await;
    load.acknowledged(REMOVE, request, call, |_| Entry::of(admin, space, &name)).await.map(drop)
}

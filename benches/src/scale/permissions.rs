//! Lists of who may do what: whether a page takes as long where there are many apps and many members.
use devspaces_proto::authz::v1::{ListResourcesRequest, ListSubjectsRequest};
use devspaces_tests::Persona;

use super::{LARGE, SMALL, full, table::Table, world::World};

pub(crate) async fn run(table: &mut Table, worlds: &[World]) {
    for (size, worlds) in [(SMALL, worlds), (LARGE, &worlds[1..])] {
        let viewed = async |world: &World| full(size, resources(&world.viewer, "app.get", size, "").await);
        table.row(&format!("ListResources app.get, first {size}, Viewer"), worlds, viewed).await;
        let owned =
            async |world: &World| full(SMALL, resources(&world.outsider, "app.deploy", SMALL, "").await);
        table.row("ListResources app.deploy, first 5, contributor", worlds, owned).await;
    }
    let none =
        async |world: &World| assert_eq!(resources(&world.outsider, "app.delete", LARGE, "").await.0, 0);
    table.row("ListResources app.delete, of which there are none", worlds, none).await;
    for (size, worlds) in [(SMALL, worlds), (LARGE, &worlds[3..])] {
        let readers = async |world: &World| full(size, subjects(world, "space.get", size).await);
        table.row(&format!("ListSubjects space.get, first {size}"), worlds, readers).await;
    }
    let admins = async |world: &World| full(2, subjects(world, "members.remove", LARGE).await);
    table.row("ListSubjects members.remove, the 2 Admins", worlds, admins).await;
}

async fn resources(who: &Persona, permission: &str, size: usize, token: &str) -> (usize, String) {
    let request = ListResourcesRequest {
        permission: permission.to_owned(),
        page_size: i32::try_from(size).expect("a page's size"),
        page_token: token.to_owned(),
        ..ListResourcesRequest::default()
    };
    let page = who.authz().list_resources(request).await.expect("a page").into_inner();
    (page.resources.len(), page.next_page_token)
}

async fn subjects(world: &World, permission: &str, size: usize) -> (usize, String) {
    let request = ListSubjectsRequest {
        permission: permission.to_owned(),
        resource: world.space.clone(),
        page_size: i32::try_from(size).expect("a page's size"),
        ..ListSubjectsRequest::default()
    };
    let page = world.admin.authz().list_subjects(request).await.expect("a page").into_inner();
    (page.subjects.len(), page.next_page_token)
}

use devspaces_proto::space::v1::{
    ArchiveSpaceRequest, ListSpacesRequest, Space, UpdateSpaceRequest, space::State,
};
use devspaces_tests::Persona;
use prost_types::FieldMask;

use super::{all_pages, compared, creates_space};
use crate::calls::{Entry, GaveUp, Load};

const UPDATE: &str = "devspaces.space.v1.SpaceService/UpdateSpace";
const ARCHIVE: &str = "devspaces.space.v1.SpaceService/ArchiveSpace";
const LIST: &str = "devspaces.space.v1.SpaceService/ListSpaces";

/// Creates spaces, describes them, and archives each third.
pub(crate) struct Spaces {
    who: Persona,
    /// Name, display name, description and state.
    rows: Vec<(String, String, String, State)>,
}

impl Spaces {
    pub(super) fn new(load: &Load) -> Self {
        Self { who: load.somebody(), rows: Vec::new() }
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let who = &self.who;
        let Space { name, display_name, .. } = creates_space(load, who).await?;
        let at = self.rows.len();
        self.rows.push((name.clone(), display_name, String::new(), State::Active));
        let entry = |space: &Space| Entry::of(who, &space.name, &space.name);
        let description = load.word();
        let space = Space { name: name.clone(), description: description.clone(), ..Space::default() };
        let update_mask = Some(FieldMask { paths: vec!["description".to_owned()] });
        let request = UpdateSpaceRequest { space: Some(space), update_mask, ..UpdateSpaceRequest::default() };
        load.acknowledged(UPDATE, request, async |request| who.spaces().update_space(request).await, entry)
            .await?;
        self.rows[at].2 = description;
        if at.is_multiple_of(3) {
            let request = ArchiveSpaceRequest { name, ..ArchiveSpaceRequest::default() };
            let call = async |request| who.spaces().archive_space(request).await;
            load.acknowledged(ARCHIVE, request, call, entry).await?;
            self.rows[at].3 = State::Archived;
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let found = all_pages(async |page_token| {
            let request = ListSpacesRequest { page_size: 1000, page_token };
            let call = async |request| self.who.spaces().list_spaces(request).await;
            let page = load.answered(LIST, request, call).await?;
            Ok((page.spaces, page.next_page_token))
        });
        let rows = found.await?.into_iter().filter_map(|access| access.space).map(|space| {
            let state = space.state();
            (space.name, space.display_name, space.description, state)
        });
        Ok(compared("spaces", &self.rows, &rows.collect::<Vec<_>>()))
    }
}

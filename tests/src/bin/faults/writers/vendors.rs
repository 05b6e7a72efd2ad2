use devspaces_proto::{
    marketplace::v1::{
        AcceptTermsRequest, AddMarketplaceAdminsRequest, CreateVendorProfileRequest, GetTermsRequest,
        GetVendorProfileRequest, ListListingsRequest, ListMarketplaceAdminsRequest,
        RemoveMarketplaceAdminRequest, SubmitListingRequest, VendorProfile, WithdrawListingRequest,
        listing::State,
    },
    space::v1::{GetAppRequest, GetSpaceRequest, app::Listing},
};
use devspaces_tests::Persona;

use super::{compared, creates_app, creates_space};
use crate::calls::{Entry, GaveUp, Load};

const TERMS: &str = "devspaces.marketplace.v1.VendorProfileService/GetTerms";
const ACCEPT: &str = "devspaces.marketplace.v1.VendorProfileService/AcceptTerms";
const CREATE: &str = "devspaces.marketplace.v1.VendorProfileService/CreateVendorProfile";
pub(crate) const GET: &str = "devspaces.marketplace.v1.VendorProfileService/GetVendorProfile";
const ADD: &str = "devspaces.marketplace.v1.VendorProfileService/AddMarketplaceAdmins";
const REMOVE: &str = "devspaces.marketplace.v1.VendorProfileService/RemoveMarketplaceAdmin";
const LIST: &str = "devspaces.marketplace.v1.VendorProfileService/ListMarketplaceAdmins";
const SUBMIT: &str = "devspaces.marketplace.v1.ListingService/SubmitListing";
const WITHDRAW: &str = "devspaces.marketplace.v1.ListingService/WithdrawListing";
const LIST_LISTINGS: &str = "devspaces.marketplace.v1.ListingService/ListListings";
const GET_APP: &str = "devspaces.space.v1.AppService/GetApp";
const GET_SPACE: &str = "devspaces.space.v1.SpaceService/GetSpace";

/// What must be known of a vendor profile: who runs it, and what is published.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    profile: String,
    space: String,
    published: bool,
    admins: Vec<String>,
    listings: Vec<Listed>,
}

/// A listing and its app.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    name: String,
    state: State,
    app: String,
    lock: Listing,
}

/// Publishes spaces, submits their apps and withdraws every other one; and creates profiles, each with a space.
pub(crate) struct Vendors {
    who: Persona,
    friend: Persona,
    terms: String,
    rows: Vec<Row>,
}

impl Vendors {
    pub(super) async fn new(load: &Load) -> Result<Self, GaveUp> {
        let who = load.somebody();
        let terms = current_terms(load, &who).await?;
        Ok(Self { who, friend: load.somebody(), terms, rows: Vec::new() })
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let (who, friend) = (&self.who, &self.friend);
        if self.rows.len() % 3 == 2 {
            let profile = creates_profile(load, who, &self.terms).await?;
            self.rows.push(Row::of(profile, who));
            return Ok(());
        }
        let space = creates_space(load, who).await?.name;
        let app = creates_app(load, who, &space).await?.name;
        let profile = accepts(load, who, &space, &self.terms).await?;
        let name = profile.name.clone();
        let at = self.rows.len();
        self.rows.push(Row::of(profile, who));
        adds_admin(load, who, (&name, &space), friend).await?;
        self.rows[at].admins.push(friend.name.clone());
        let request = SubmitListingRequest { parent: name.clone(), app: app.clone(), ..Default::default() };
        let call = async |request| who.listings().submit_listing(request).await;
        // Two entries, of which a worker may make the second: what there is to see of it is read back.
        let listing = load.acknowledged(SUBMIT, request, call, |_| None).await?.name;
        let submitted =
            Listed { name: listing.clone(), state: State::Submitted, app, lock: Listing::Submitted };
        self.rows[at].listings = vec![submitted.clone()];
        if at.is_multiple_of(2) {
            let request = WithdrawListingRequest { name: listing.clone(), ..Default::default() };
            let call = async |request| who.listings().withdraw_listing(request).await;
            load.acknowledged(WITHDRAW, request, call, |_| Entry::of(who, &space, &listing)).await?;
            let withdrawn = Listed { state: State::Withdrawn, lock: Listing::Private, ..submitted };
            self.rows[at].listings = vec![withdrawn];
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let mut found = Vec::new();
        for row in &self.rows {
            found.push(self.read(load, row).await?);
        }
        let mut expected = self.rows.clone();
        for row in &mut expected {
            row.admins.sort_unstable();
        }
        Ok(compared("profiles", &expected, &found))
    }

    async fn read(&self, load: &Load, row: &Row) -> Result<Row, GaveUp> {
        let who = &self.who;
        let request = GetVendorProfileRequest { name: row.profile.clone() };
        let profile =
            load.answered(GET, request, async |request| who.profiles().get_vendor_profile(request).await);
        let VendorProfile { name, space, .. } = profile.await?;
        let request = GetSpaceRequest { name: space.clone() };
        let published =
            load.answered(GET_SPACE, request, async |request| who.spaces().get_space(request).await);
        let published = published.await?.published;
        let request = ListMarketplaceAdminsRequest { parent: name.clone(), ..Default::default() };
        let call = async |request| who.profiles().list_marketplace_admins(request).await;
        let admins = load.answered(LIST, request, call).await?.admins;
        let mut admins: Vec<_> = admins.into_iter().map(|admin| admin.user).collect();
        admins.sort_unstable();
        let listings = self.listings(load, &name).await?;
        Ok(Row { profile: name, space, published, admins, listings })
    }

    async fn listings(&self, load: &Load, profile: &str) -> Result<Vec<Listed>, GaveUp> {
        let who = &self.who;
        let request = ListListingsRequest { parent: profile.to_owned(), ..ListListingsRequest::default() };
        let call = async |request| who.listings().list_listings(request).await;
        let mut all = Vec::new();
        for listing in load.answered(LIST_LISTINGS, request, call).await?.listings {
            let request = GetAppRequest { name: listing.app.clone() };
            let call = async |request| who.apps().get_app(request).await;
            let lock = load.answered(GET_APP, request, call).await?.listing();
            all.push(Listed { state: listing.state(), name: listing.name, app: listing.app, lock });
        }
        Ok(all)
    }
}

impl Row {
    fn of(profile: VendorProfile, who: &Persona) -> Self {
        let admins = vec![who.name.clone()];
        Self { profile: profile.name, space: profile.space, published: true, admins, listings: Vec::new() }
    }
}

/// The version of the terms that are to be accepted.
pub(crate) async fn current_terms(load: &Load, who: &Persona) -> Result<String, GaveUp> {
    let call = async |request| who.profiles().get_terms(request).await;
    Ok(load.answered(TERMS, GetTermsRequest {}, call).await?.version)
}

/// Publishes a space.
pub(crate) async fn accepts(
    load: &Load,
    who: &Persona,
    space: &str,
    terms: &str,
) -> Result<VendorProfile, GaveUp> {
    let (parent, terms_version) = (space.to_owned(), terms.to_owned());
    let request = AcceptTermsRequest { parent, terms_version, ..AcceptTermsRequest::default() };
    let call = async |request| who.profiles().accept_terms(request).await;
    load.acknowledged(ACCEPT, request, call, |profile| Entry::of(who, &profile.space, &profile.name)).await
}

async fn creates_profile(load: &Load, who: &Persona, terms: &str) -> Result<VendorProfile, GaveUp> {
    let profile = VendorProfile { display_name: load.word(), ..VendorProfile::default() };
    let request = CreateVendorProfileRequest {
        vendor_profile: Some(profile),
        terms_version: terms.to_owned(),
        ..CreateVendorProfileRequest::default()
    };
    let call = async |request| who.profiles().create_vendor_profile(request).await;
    load.acknowledged(CREATE, request, call, |profile| Entry::of(who, &profile.space, &profile.name)).await
}

fn admin_of(profile: &str, who: &Persona) -> String {
    format!("{profile}/admins/{}", who.id())
}

/// Makes somebody Marketplace admin.
pub(crate) async fn adds_admin(
    load: &Load,
    who: &Persona,
    (profile, space): (&str, &str),
    friend: &Persona,
) -> Result<(), GaveUp> {
    let (parent, users) = (profile.to_owned(), vec![friend.name.clone()]);
    let request = AddMarketplaceAdminsRequest { parent, users, ..Default::default() };
    let call = async |request| who.profiles().add_marketplace_admins(request).await;
    let entry = |_: &_| Entry::of(who, space, admin_of(profile, friend));
    load.acknowledged(ADD, request, call, entry).await.map(drop)
}

/// Takes that away.
pub(crate) async fn removes_admin(
    load: &Load,
    who: &Persona,
    (profile, space): (&str, &str),
    friend: &Persona,
) -> Result<(), GaveUp> {
    let name = admin_of(profile, friend);
    let request = RemoveMarketplaceAdminRequest { name: name.clone(), ..Default::default() };
    let call = async |request| who.profiles().remove_marketplace_admin(request).await;
    load.acknowledged(REMOVE, request, call, |_| Entry::of(who, space, &name)).await.map(drop)
}

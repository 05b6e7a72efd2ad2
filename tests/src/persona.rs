//! People and services who call the suite.
use std::collections::BTreeMap;

use devspaces::Service;
use devspaces_kit::name::Principal;
use devspaces_proto::{
    authz::v1::{CheckPermissionRequest, CheckPermissionResponse, authz_service_client::AuthzServiceClient},
    billing::v1::{
        billing_account_service_client::BillingAccountServiceClient,
        invoice_service_client::InvoiceServiceClient, usage_service_client::UsageServiceClient,
    },
    events::v1::webhook_service_client::WebhookServiceClient,
    journal::v1::journal_service_client::JournalServiceClient,
    marketplace::v1::{
        listing_service_client::ListingServiceClient,
        vendor_profile_service_client::VendorProfileServiceClient,
    },
    membership::v1::{
        group_service_client::GroupServiceClient, invitation_service_client::InvitationServiceClient,
        membership_service_client::MembershipServiceClient, people_service_client::PeopleServiceClient,
        review_service_client::ReviewServiceClient,
    },
    space::v1::{
        App, CreateAppRequest, CreateSpaceRequest, Space, app_group_service_client::AppGroupServiceClient,
        app_service_client::AppServiceClient, space_service_client::SpaceServiceClient,
    },
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::Port;

/// Puts a token on each call; none for who has none.
#[derive(Clone, Debug)]
pub struct Credentials(Option<MetadataValue<Ascii>>);

impl Interceptor for Credentials {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// A port with credentials.
pub type Authorized = InterceptedService<Port, Credentials>;

/// Someone with a token of their own.
#[derive(Clone, Debug)]
pub struct Persona {
    /// The name: users/alice.
    pub name: String,
    ports: BTreeMap<Service, Port>,
    credentials: Credentials,
}

impl Persona {
    /// Someone who calls these ports with this token.
    #[must_use]
    pub fn new(principal: &Principal, token: Option<&str>, ports: BTreeMap<Service, Port>) -> Self {
        let token = token.map(|token| format!("Bearer {token}").parse().expect("a token"));
        Self { name: principal.to_string(), ports, credentials: Credentials(token) }
    }

    /// Someone who calls one port, which hosts every service, with this token.
    #[must_use]
    pub fn at_one_port(principal: &Principal, token: Option<&str>, port: &Channel) -> Self {
        Self::new(principal, token, Service::ALL.map(|service| (service, port.clone().into())).into())
    }

    /// The space service.
    #[must_use]
    pub fn spaces(&self) -> SpaceServiceClient<Authorized> {
        SpaceServiceClient::new(self.authorized(Service::Space))
    }

    /// The apps of the space service.
    #[must_use]
    pub fn apps(&self) -> AppServiceClient<Authorized> {
        AppServiceClient::new(self.authorized(Service::Space))
    }

    /// The app groups of the space service.
    #[must_use]
    pub fn app_groups(&self) -> AppGroupServiceClient<Authorized> {
        AppGroupServiceClient::new(self.authorized(Service::Space))
    }

    /// The groups of the membership service.
    #[must_use]
    pub fn groups(&self) -> GroupServiceClient<Authorized> {
        GroupServiceClient::new(self.authorized(Service::Membership))
    }

    /// The membership service.
    #[must_use]
    pub fn members(&self) -> MembershipServiceClient<Authorized> {
        MembershipServiceClient::new(self.authorized(Service::Membership))
    }

    /// The invitations of the membership service.
    #[must_use]
    pub fn invitations(&self) -> InvitationServiceClient<Authorized> {
        InvitationServiceClient::new(self.authorized(Service::Membership))
    }

    /// The reviews of the membership service.
    #[must_use]
    pub fn reviews(&self) -> ReviewServiceClient<Authorized> {
        ReviewServiceClient::new(self.authorized(Service::Membership))
    }

    /// The people of the membership service.
    #[must_use]
    pub fn people(&self) -> PeopleServiceClient<Authorized> {
        PeopleServiceClient::new(self.authorized(Service::Membership))
    }

    /// The accounts of the billing service.
    #[must_use]
    pub fn accounts(&self) -> BillingAccountServiceClient<Authorized> {
        BillingAccountServiceClient::new(self.authorized(Service::Billing))
    }

    /// The usage of the billing service.
    #[must_use]
    pub fn usage(&self) -> UsageServiceClient<Authorized> {
        UsageServiceClient::new(self.authorized(Service::Billing))
    }

    /// The invoices of the billing service.
    #[must_use]
    pub fn invoices(&self) -> InvoiceServiceClient<Authorized> {
        InvoiceServiceClient::new(self.authorized(Service::Billing))
    }

    /// The vendor profiles of the marketplace service.
    #[must_use]
    pub fn profiles(&self) -> VendorProfileServiceClient<Authorized> {
        VendorProfileServiceClient::new(self.authorized(Service::Marketplace))
    }

    /// The listings of the marketplace service.
    #[must_use]
    pub fn listings(&self) -> ListingServiceClient<Authorized> {
        ListingServiceClient::new(self.authorized(Service::Marketplace))
    }

    /// The `AuthzService` of the space service's port.
    #[must_use]
    pub fn authz(&self) -> AuthzServiceClient<Authorized> {
        self.authz_of(Service::Space)
    }

    /// The `AuthzService` of a service's port.
    #[must_use]
    pub fn authz_of(&self, service: Service) -> AuthzServiceClient<Authorized> {
        AuthzServiceClient::new(self.authorized(service))
    }

    /// The port of a service, without credentials.
    #[must_use]
    pub fn port(&self, service: Service) -> Port {
        self.ports[&service].clone()
    }

    /// The header by which they are known.
    #[must_use]
    pub fn authorization(&self) -> &str {
        self.credentials.0.as_ref().and_then(|header| header.to_str().ok()).expect("a token")
    }

    /// The id, as it stands in names of members.
    #[must_use]
    pub fn id(&self) -> &str {
        self.name.split_once('/').expect("a principal").1
    }

    /// The name of this person as a member of a space.
    #[must_use]
    pub fn member_of(&self, space: &str) -> String {
        format!("{space}/members/{}", self.id())
    }

    /// Creates a space and returns its name.
    pub async fn creates_space(&self, display_name: &str) -> String {
        let space = Space { display_name: display_name.to_owned(), ..Space::default() };
        let request = CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() };
        self.spaces().create_space(request).await.expect("a new space").into_inner().name
    }

    /// The name of this person as a contributor to an app.
    #[must_use]
    pub fn contributor_to(&self, app: &str) -> String {
        format!("{app}/contributors/{}", self.id())
    }

    /// Creates an app in a space and returns its name.
    pub async fn creates_app(&self, space: &str) -> String {
        let app = App { display_name: "App".to_owned(), space: space.to_owned(), ..App::default() };
        let request = CreateAppRequest { app: Some(app), request_id: String::new() };
        self.apps().create_app(request).await.expect("a new app").into_inner().name
    }

    /// Asks about oneself, strictly.
    pub async fn check(&self, permission: &str, resource: &str) -> Result<CheckPermissionResponse, Status> {
        let request = CheckPermissionRequest {
            permission: permission.to_owned(),
            resource: resource.to_owned(),
            ..CheckPermissionRequest::default()
        };
        self.authz().check_permission(request).await.map(tonic::Response::into_inner)
    }

    /// Checks a permission of one's own at this service.
    pub async fn checks_at(
        &self,
        service: Service,
        permission: &str,
        resource: &str,
    ) -> Result<CheckPermissionResponse, Status> {
        let (permission, resource) = (permission.to_owned(), resource.to_owned());
        let request = CheckPermissionRequest { permission, resource, ..CheckPermissionRequest::default() };
        let answer = self.authz_of(service).check_permission(request).await;
        answer.map(tonic::Response::into_inner)
    }

    /// Whether one has a permission.
    pub async fn may(&self, permission: &str, resource: &str) -> bool {
        self.check(permission, resource).await.expect("an answer").allowed
    }
}

impl Persona {
    /// The `WebhookService` of a service's port.
    #[must_use]
    pub fn webhooks(&self, service: Service) -> WebhookServiceClient<Authorized> {
        WebhookServiceClient::new(self.authorized(service))
    }

    /// The `JournalService` of a service's port.
    #[must_use]
    pub fn journal(&self, service: Service) -> JournalServiceClient<Authorized> {
        JournalServiceClient::new(self.authorized(service))
    }

    /// A service's port, for calls of any method.
    #[must_use]
    pub fn authorized(&self, service: Service) -> Authorized {
        InterceptedService::new(self.ports[&service].clone(), self.credentials.clone())
    }
}

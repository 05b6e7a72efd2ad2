//! What requests name, and the same names with something missing among them.
use devspaces_proto::marketplace::v1::SubmitListingRequest;
use devspaces_tests::{Persona, Refusal};
use prost_reflect::MethodDescriptor;

use crate::acts::{accounts::consents_to_invoicing, marketplace::accepts_terms};

/// What a request names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) space: String,
    pub(super) app: String,
    pub(super) profile: String,
    pub(super) listing: String,
}

/// Names of nothing that exists.
pub(super) fn nowhere() -> Names {
    let id = "0190a8d0-7b1c-7def-8000-000000000001";
    let [space, app, profile, listing] =
        ["spaces", "apps", "vendorProfiles", "listings"].map(|collection| format!("{collection}/{id}"));
    Names { space, app, profile, listing }
}

impl Names {
    /// These names with those of nothing in place of each, and of all.
    pub(super) fn with_something_missing(&self) -> [Self; 5] {
        let Self { space, app, profile, listing } = nowhere();
        [
            Self { space, ..self.clone() },
            Self { app, ..self.clone() },
            Self { profile, ..self.clone() },
            Self { listing, ..self.clone() },
            nowhere(),
        ]
    }

    /// What the field of a method's request holds: a name, or that of someone or something below it where the method is
    /// about that.
    pub(super) fn in_field(&self, method: &MethodDescriptor, path: &str) -> String {
        let Self { space, app, profile, listing } = self;
        let service = method.parent_service().name().to_owned();
        let (named, method) = (path.ends_with("name"), method.name());
        match service.as_str() {
            _ if path == "app" => app.clone(),
            "AppService" if path.ends_with("space") => space.clone(),
            "AppService" if named && method.ends_with("Contributor") => {
                format!("{app}/contributors/alice")
            }
            "AppService" => app.clone(),
            "MembershipService" if named => format!("{space}/members/alice"),
            "InvitationService" if named => {
                format!("{space}/invitations/0190a8d0-7b1c-7def-8000-000000000002")
            }
            "BillingAccountService" if method == "ConsentToInvoicing" => space.clone(),
            "BillingAccountService" if method == "RemoveBillingAdmin" => {
                format!("{space}/billingAccount/admins/alice")
            }
            "InvoiceService" if named || method == "CreateCreditNote" => {
                format!("{space}/billingAccount/invoices/0190a8d0-7b1c-7def-8000-000000000002")
            }
            "BillingAccountService" | "UsageService" | "InvoiceService" => format!("{space}/billingAccount"),
            "VendorProfileService" if path == "space" || method == "AcceptTerms" => space.clone(),
            "VendorProfileService" if method == "RemoveMarketplaceAdmin" => {
                format!("{profile}/admins/alice")
            }
            "ListingService" if named => listing.clone(),
            "VendorProfileService" | "ListingService" => profile.clone(),
            _ => space.clone(),
        }
    }

    /// The resource that a refusal names: that of the field, and not what is below it.
    pub(super) fn of_field(&self, method: &MethodDescriptor, path: &str) -> String {
        let name = self.in_field(method, path);
        [&self.space, &self.app, &self.profile, &self.listing]
            .into_iter()
            .find(|parent| name.starts_with(*parent))
            .expect("a parent")
            .clone()
    }

    /// What a refusal says once these names are taken for others.
    pub(super) fn replaced_in(&self, refusal: Refusal, others: &Self) -> Refusal {
        let replaced = |text: String| {
            text.replace(&self.space, &others.space)
                .replace(&self.app, &others.app)
                .replace(&self.profile, &others.profile)
                .replace(&self.listing, &others.listing)
        };
        let metadata = refusal.metadata.into_iter().map(|(key, value)| (key, replaced(value))).collect();
        Refusal { message: replaced(refusal.message), metadata, ..refusal }
    }
}

/// A published space with an account, an app, a vendor profile and a listing of another app.
pub(super) async fn published_names(owner: &Persona) -> Names {
    let space = owner.creates_space("Published").await;
    let [app, listed] = [owner.creates_app(&space).await, owner.creates_app(&space).await];
    consents_to_invoicing(owner, &space).await.expect("an account");
    let profile = accepts_terms(owner, &space).await.expect("published").name;
    let request =
        SubmitListingRequest { parent: profile.clone(), app: listed, ..SubmitListingRequest::default() };
    let listing = owner.listings().submit_listing(request).await.expect("submitted").into_inner().name;
    Names { space, app, profile, listing }
}

//! What requests name, and the same names with something missing among them.
use devspaces_proto::marketplace::v1::SubmitListingRequest;
use devspaces_tests::{Persona, Refusal, Suite, refused};
use prost_reflect::MethodDescriptor;

use crate::acts::{
    accounts::consents_to_invoicing, marketplace::accepts_terms, transfers::initiates_transfer,
};

/// What a request names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) space: String,
    pub(super) app: String,
    pub(super) profile: String,
    pub(super) listing: String,
    pub(super) transfer: String,
}

/// Names of nothing that exists.
pub(super) fn nowhere() -> Names {
    let id = "0190a8d0-7b1c-7def-8000-000000000001";
    let [space, app, profile, listing, transfer] =
        ["spaces", "apps", "vendorProfiles", "listings", "transfers"]
            .map(|collection| format!("{collection}/{id}"));
    Names { space, app, profile, listing, transfer }
}

impl Names {
    /// These names with those of nothing in place of each, and of all.
    pub(super) fn with_something_missing(&self) -> [Self; 6] {
        let Self { space, app, profile, listing, transfer } = nowhere();
        [
            Self { space, ..self.clone() },
            Self { app, ..self.clone() },
            Self { profile, ..self.clone() },
            Self { listing, ..self.clone() },
            Self { transfer, ..self.clone() },
            nowhere(),
        ]
    }

    /// What the field of a method's request holds: a name, or that of someone or something below it where the method is
    /// about that.
    pub(super) fn in_field(&self, method: &MethodDescriptor, path: &str) -> String {
        let Self { space, app, profile, listing, transfer } = self;
        let service = method.parent_service().name().to_owned();
        let (named, method) = (path.ends_with("name"), method.name());
        match service.as_str() {
            _ if path == "app" => app.clone(),
            "AppService" if path.ends_with("space") || path == "destination" => space.clone(),
            "AppService" if method.ends_with("Transfer") && method != "InitiateTransfer" => transfer.clone(),
            "AppService" if named && method.ends_with("Contributor") => {
                format!("{app}/contributors/alice")
            }
            "AppService" => app.clone(),
            "PeopleService" => "users/alice".to_owned(),
            "MembershipService" if method == "LeaveSpace" => space.clone(),
            "MembershipService" if named => format!("{space}/members/alice"),
            "WebhookService" if ["CreateWebhook", "ListWebhooks"].contains(&method) => space.clone(),
            "WebhookService" if method == "Redeliver" => {
                let id = "0190a8d0-7b1c-7def-8000-000000000002";
                format!("{space}/webhooks/{id}/deliveries/{id}")
            }
            "WebhookService" => format!("{space}/webhooks/0190a8d0-7b1c-7def-8000-000000000002"),
            "InvitationService" if named => {
                format!("{space}/invitations/0190a8d0-7b1c-7def-8000-000000000002")
            }
            "GroupService" | "AppGroupService"
                if ["CreateGroup", "ListGroups", "CreateAppGroup", "ListAppGroups"].contains(&method) =>
            {
                space.clone()
            }
            "GroupService" => format!("{space}/groups/0190a8d0-7b1c-7def-8000-000000000002"),
            "AppGroupService" => format!("{space}/appGroups/0190a8d0-7b1c-7def-8000-000000000002"),
            "BillingAccountService" if method == "ConsentToInvoicing" => space.clone(),
            "BillingAccountService" if method == "RemoveBillingAdmin" => {
                format!("{space}/billingAccount/admins/alice")
            }
            "InvoiceService" | "UsageService"
                if method == "ListLineEvents"
                    || service == "InvoiceService" && (named || method == "CreateCreditNote") =>
            {
                format!("{space}/billingAccount/invoices/0190a8d0-7b1c-7def-8000-000000000002")
            }
            "UsageService" if path == "space" => space.clone(),
            "UsageService" if method == "ReleaseReservation" => {
                "reservations/0190a8d0-7b1c-7def-8000-000000000002".to_owned()
            }
            "UsageService" if named || path == "meter" => "meters/logs.gb".to_owned(),
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
        [&self.space, &self.app, &self.profile, &self.listing, &self.transfer]
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
                .replace(&self.transfer, &others.transfer)
        };
        let metadata = refusal.metadata.into_iter().map(|(key, value)| (key, replaced(value))).collect();
        Refusal { message: replaced(refusal.message), metadata, ..refusal }
    }
}

/// A published space with an account, an app, a vendor profile, a listing of another app and a pending transfer of a third.
pub(super) async fn published_names(suite: &Suite, owner: &Persona) -> Names {
    let space = owner.creates_space("Published").await;
    let [app, listed, moving] =
        [owner.creates_app(&space).await, owner.creates_app(&space).await, owner.creates_app(&space).await];
    consents_to_invoicing(owner, &space).await.expect("an account");
    let profile = accepts_terms(owner, &space).await.expect("published").name;
    let request =
        SubmitListingRequest { parent: profile.clone(), app: listed, ..SubmitListingRequest::default() };
    let listing = owner.listings().submit_listing(request).await.expect("submitted").into_inner().name;
    let destination = suite.user("dan").creates_space("Destination").await;
    let transfer = match initiates_transfer(owner, &moving, &destination).await {
        Ok(transfer) => transfer.name,
        // R-A8: on the first two days of a month there can be none, and to strangers one that is not there looks the same.
        Err(status) => {
            assert_eq!(refused(Err::<(), _>(status)).blockers, ["INVOICES_IN_DRAFT"]);
            nowhere().transfer
        }
    };
    Names { space, app, profile, listing, transfer }
}

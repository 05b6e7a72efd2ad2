//! The protobuf API of devspaces: messages, clients, servers and the descriptor set. The `.proto` files under
//! `proto/` are its source and its documentation.
#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated code")]

macro_rules! area {
    ($area:ident, $package:tt) => {
        pub mod $area {
            pub mod v1 {
                tonic::include_proto!($package);
            }
        }
    };
}

area!(authz, "devspaces.authz.v1");
area!(billing, "devspaces.billing.v1");
area!(errors, "devspaces.errors.v1");
area!(events, "devspaces.events.v1");
area!(facts, "devspaces.facts.v1");
area!(journal, "devspaces.journal.v1");
area!(marketplace, "devspaces.marketplace.v1");
area!(membership, "devspaces.membership.v1");
area!(space, "devspaces.space.v1");
area!(r#type, "devspaces.r#type.v1");

/// Health checks, as every gRPC server answers them.
pub mod health {
    pub mod v1 {
        tonic::include_proto!("grpc.health.v1");

        /// Its descriptor, for reflection.
        pub const DESCRIPTOR_SET: &[u8] =
            include_bytes!(concat!(env!("OUT_DIR"), "/health_descriptor_set.bin"));
    }
}

/// Without the token: it is a secret, and what prints may get into a log.
impl std::fmt::Debug for billing::v1::PaymentMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { token: _, brand, last_four, expiry, update_time, etag } = self;
        f.debug_struct("PaymentMethod")
            .field("brand", brand)
            .field("last_four", last_four)
            .field("expiry", expiry)
            .field("update_time", update_time)
            .field("etag", etag)
            .finish_non_exhaustive()
    }
}

/// Without the secret, as above, and without what its address may have of one.
impl std::fmt::Debug for events::v1::Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("name", &self.name)
            .field("types", &self.types)
            .field("service", &self.service)
            .field("state", &self.state)
            .field("disabled_reason", &self.disabled_reason)
            .field("old_secret_expire_time", &self.old_secret_expire_time)
            .field("create_time", &self.create_time)
            .field("update_time", &self.update_time)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// Without the token, as above.
impl std::fmt::Debug for membership::v1::Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("view_all_apps", &self.view_all_apps)
            .field("role_expire_time", &self.role_expire_time)
            .field("state", &self.state)
            .field("create_time", &self.create_time)
            .field("update_time", &self.update_time)
            .field("expire_time", &self.expire_time)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

/// Without the token, as above.
impl std::fmt::Debug for membership::v1::AcceptInvitationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcceptInvitationRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Without the token, as above.
impl std::fmt::Debug for membership::v1::DeclineInvitationRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeclineInvitationRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The request of a method.
pub trait MethodRequest: prost::Message {
    /// The method's full name: `devspaces.space.v1.SpaceService/UpdateSpace`.
    const METHOD: &'static str;
}

/// A request that changes something: a message with a `request_id` (R-J5).
pub trait MutationRequest: MethodRequest {
    /// The idempotency key that the caller chose; empty: none.
    fn request_id(&mut self) -> &mut String;

    /// Whether everything is to be checked and nothing changed.
    fn validate_only(&self) -> bool;
}

include!(concat!(env!("OUT_DIR"), "/requests.rs"));

/// The descriptors of every file of the API, with comments and the `access` option: what reflection serves.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor_set.bin"));

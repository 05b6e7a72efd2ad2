use std::mem;

use devspaces_kit::{
    identity::Caller,
    name::{Principal, UserName},
    status::{Fault, Fields},
    text,
};
use devspaces_proto::MutationRequest;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One call of a mutating method.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// The method: `devspaces.space.v1.SpaceService/UpdateSpace`.
    pub method: &'static str,
    pub(crate) request_id: Option<Uuid>,
    request_hash: [u8; 32],
    pub(crate) preview: bool,
    /// Whether somebody is told of the result.
    awaited: bool,
    pub(crate) on_behalf_of: Option<Principal>,
    /// Whether it concludes what was committed before.
    concludes: bool,
}

impl Call {
    /// A call with this request, out of which the `request_id` was taken: the spelling of the key is no part of the
    /// content.
    #[must_use]
    pub fn new(
        caller: Caller,
        method: &'static str,
        request: &impl Message,
        request_id: Option<Uuid>,
    ) -> Self {
        // Compared with that of a call with the same key and of no other: a large request without one is not hashed.
        let request_hash = request_id.map_or([0; 32], |_| Sha256::digest(request.encode_to_vec()).into());
        Self {
            caller,
            method,
            request_id,
            request_hash,
            preview: false,
            awaited: true,
            on_behalf_of: None,
            concludes: false,
        }
    }

    /// What a service does of its own accord when it falls due. The journal names `what` in place of a method: nobody
    /// called one.
    #[must_use]
    pub fn of_service(name: &str, what: &'static str) -> Self {
        let caller = Caller { principal: Principal::service(name), email: None, suite: None, expires: None };
        Self { awaited: false, ..Self::new(caller, what, &(), None) }
    }

    /// The same, made within somebody's call, whose answer follows.
    #[must_use]
    pub fn awaited(self) -> Self {
        Self { awaited: true, ..self }
    }

    /// Whether somebody is told that a change was made, who may rely on it from then on.
    pub(crate) fn is_answered(&self) -> bool {
        self.awaited && !self.preview
    }

    /// The same call, made on behalf of someone: for the journal, and of no other consequence (R-P7).
    #[must_use]
    pub fn on_behalf_of(self, principal: Principal) -> Self {
        Self { on_behalf_of: Some(principal), ..self }
    }

    /// The same call, where it concludes what it has committed before: whoever made it need not be active any more (R-M12).
    #[must_use]
    pub fn concluding(self) -> Self {
        Self { concludes: true, ..self }
    }

    /// The person who must be active, and stay so, until the change is committed (R-M12).
    pub(crate) fn holds(&self) -> Option<UserName> {
        self.caller.principal.as_user().filter(|_| !self.concludes)
    }

    /// The same call without its `request_id`: for a change that precedes the one whose result is the answer.
    #[must_use]
    pub fn without_request_id(self) -> Self {
        Self { request_id: None, ..self }
    }

    /// One of several changes that the call makes, each by itself. The same part of a repeated call has the same
    /// `request_id`, so that it is made once however often the call is broken off.
    #[must_use]
    pub fn part(&self, name: &str) -> Self {
        let of_part = |whole: Uuid| {
            let digest = Sha256::new_with_prefix(whole.as_bytes()).chain_update(name).finalize();
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&digest[..16]);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        };
        Self { request_id: self.request_id.map(of_part), ..self.clone() }
    }

    /// The `request_id`, if the caller chose one.
    #[must_use]
    pub fn request_id(&self) -> Option<Uuid> {
        self.request_id
    }

    /// The digest of the request, by which a repetition is told from another call with the same `request_id`.
    pub(crate) fn request_hash(&self) -> &[u8] {
        &self.request_hash
    }

    /// Parses what comes before anything is looked up, syntax alone and all bad fields at once: the names, by what the
    /// method does with its fields, and the `request_id`, which is taken out of the request. With `validate_only` the
    /// call is to check everything and change nothing.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`.
    pub fn parse<Q: MutationRequest, N>(
        caller: Caller,
        request: &mut Q,
        names: impl FnOnce(&mut Fields, &Q) -> Option<N>,
    ) -> Result<(N, Self), Fault> {
        let mut fields = Fields::new();
        let request_id = mem::take(request.request_id());
        let names = names(&mut fields, request);
        let request_id = fields.check("request_id", text::request_id(&request_id));
        let (names, request_id) = fields.finish_with(names.zip(request_id))?;
        let preview = request.validate_only();
        Ok((names, Self { preview, ..Self::new(caller, Q::METHOD, request, request_id) }))
    }
}

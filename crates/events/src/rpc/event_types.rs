use devspaces_authz::{Plane, Service};
use devspaces_kit::{identity::Caller, status::Fault};
use devspaces_proto::events::v1::{EventType, ListEventTypesRequest, ListEventTypesResponse};

use super::{WebhookServer, convert::to_struct};

/// The plane that a service's events are about.
fn plane(service: Service) -> Plane {
    match service {
        Service::Space | Service::Membership => Plane::Console,
        Service::Billing => Plane::Billing,
        Service::Marketplace => Plane::Marketplace,
    }
}

impl WebhookServer {
    /// R-J6
    pub(super) async fn list_event_types(
        &self,
        caller: Caller,
        _: ListEventTypesRequest,
    ) -> Result<ListEventTypesResponse, Fault> {
        let gate = &self.keeping.first().ok_or_else(Fault::method_unknown)?.context.gate;
        gate.require_active_person(&caller).await?;
        let mut event_types = Vec::new();
        for keeping in self.keeping.iter() {
            let mut types: Vec<_> = keeping.types().collect();
            types.sort_by_key(|it| it.name);
            event_types.extend(types.into_iter().map(|it| EventType {
                name: it.name.to_owned(),
                service: keeping.service.name().to_owned(),
                plane: plane(keeping.service).name().to_owned(),
                description: it.description.to_owned(),
                schema: Some(to_struct(it.schema())),
            }));
        }
        Ok(ListEventTypesResponse { event_types })
    }
}

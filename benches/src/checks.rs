use devspaces_proto::authz::v1::{
    BatchCheckPermissionsRequest, BatchCheckPermissionsResponse, CheckPermissionRequest,
    CheckPermissionResponse, ListPermissionsRequest, ListPermissionsResponse, ListResourcesRequest,
    ListResourcesResponse, ListRolesRequest, ListRolesResponse, ListSubjectsRequest, ListSubjectsResponse,
    authz_service_client::AuthzServiceClient,
    authz_service_server::{AuthzService, AuthzServiceServer},
};
use devspaces_tests::{Engine, Suite};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Endpoint};

use crate::load::throughput;

/// Calls under way at once: fewer than the 64 that one person may have in progress.
const AT_ONCE: usize = 48;
/// Questions of a batch, and batches at once: as many as one person has turns.
const BATCH: u16 = 100;
const BATCHES_AT_ONCE: usize = 8;
/// How often both are measured, in turn, so that a noisy neighbour disturbs both alike.
const ROUNDS: usize = 3;

/// The baseline: tonic, the same messages, and nothing else.
struct Echo(CheckPermissionResponse);

#[tonic::async_trait]
impl AuthzService for Echo {
    async fn check_permission(
        &self,
        _: Request<CheckPermissionRequest>,
    ) -> Result<Response<CheckPermissionResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    async fn batch_check_permissions(
        &self,
        _: Request<BatchCheckPermissionsRequest>,
    ) -> Result<Response<BatchCheckPermissionsResponse>, Status> {
        Ok(Response::new(BatchCheckPermissionsResponse::default()))
    }

    async fn list_permissions(
        &self,
        _: Request<ListPermissionsRequest>,
    ) -> Result<Response<ListPermissionsResponse>, Status> {
        Ok(Response::new(ListPermissionsResponse::default()))
    }

    async fn list_subjects(
        &self,
        _: Request<ListSubjectsRequest>,
    ) -> Result<Response<ListSubjectsResponse>, Status> {
        Ok(Response::new(ListSubjectsResponse::default()))
    }

    async fn list_resources(
        &self,
        _: Request<ListResourcesRequest>,
    ) -> Result<Response<ListResourcesResponse>, Status> {
        Ok(Response::new(ListResourcesResponse::default()))
    }

    async fn list_roles(&self, _: Request<ListRolesRequest>) -> Result<Response<ListRolesResponse>, Status> {
        Ok(Response::new(ListRolesResponse::default()))
    }
}

async fn echo(answer: CheckPermissionResponse) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tonic::transport::Server::builder().add_service(AuthzServiceServer::new(Echo(answer)));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

/// Strict checks by one user on one space, and by many on many, against the echo.
pub(crate) async fn run(engine: Engine) {
    let suite = Suite::start(engine).await;
    let mut people = Vec::new();
    for number in 0..AT_ONCE {
        let person = suite.user(&format!("u{number}"));
        let space = person.creates_space("Team").await;
        people.push((person, space));
    }
    let (one, space) = people[0].clone();
    let answer = one.check("space.get", &space).await.expect("an answer");
    let mut batch = vec![question(&space)];
    for _ in 1..BATCH {
        batch.push(question(&one.creates_space("Team").await));
    }
    let address = echo(answer).await;
    let channel = Endpoint::from_shared(address).expect("an address").connect().await.expect("the echo");
    for _ in 0..ROUNDS {
        let request = question(&space);
        let client = AuthzServiceClient::new(channel.clone());
        let bare = throughput(AT_ONCE, move |_| {
            let (mut client, request) = (client.clone(), request.clone());
            async move { drop(client.check_permission(request).await.expect("an echo")) }
        });
        let bare = bare.await;
        let same = checks(vec![(one.clone(), space.clone())]).await;
        let many = checks(people.clone()).await;
        println!("  echo {bare:.0}/s");
        println!("  strict checks, one subject and space: {same:.0}/s, {:.2} of the echo", same / bare);
        println!(
            "  strict checks, {AT_ONCE} subjects and spaces: {many:.0}/s, {:.2} of the echo",
            many / bare
        );
        println!("  batches of {BATCH} about one subject: {:.0} decisions/s", batches(&one, &batch).await);
    }
}

fn question(space: &str) -> CheckPermissionRequest {
    CheckPermissionRequest {
        permission: "space.get".into(),
        resource: space.to_owned(),
        ..Default::default()
    }
}

/// Decisions in a second by batches of one person about themselves.
async fn batches(one: &devspaces_tests::Persona, checks: &[CheckPermissionRequest]) -> f64 {
    let (client, request) = (one.authz(), BatchCheckPermissionsRequest { checks: checks.to_vec() });
    let answered = throughput(BATCHES_AT_ONCE, move |_| {
        let (mut client, request) = (client.clone(), request.clone());
        async move {
            let answer = client.batch_check_permissions(request).await.expect("answers").into_inner();
            assert_eq!(answer.results.len(), usize::from(BATCH));
        }
    });
    answered.await * f64::from(BATCH)
}

async fn checks(people: Vec<(devspaces_tests::Persona, String)>) -> f64 {
    let clients: Vec<_> = people.iter().map(|(person, space)| (person.authz(), question(space))).collect();
    let clients = std::sync::Arc::new(clients);
    throughput(AT_ONCE, move |caller| {
        let (mut client, request) = clients[caller % clients.len()].clone();
        async move { assert!(client.check_permission(request).await.expect("an answer").into_inner().allowed) }
    })
    .await
}

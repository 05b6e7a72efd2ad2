//! What is tried once, and needs no victim.
use std::{io::Write as _, process::Stdio, time::Duration};

use devspaces_kit::name::Principal;
use devspaces_proto::space::v1::{CreateSpaceRequest, Space};
use devspaces_tests::Refusal;
use tokio::time::timeout;
use tonic::transport::Endpoint;

use crate::{Outcome, target::Target, victim::PATIENCE};

const HOARD: &str = "more spaces than a person may make";
const LOG: &str = "a log that nobody reads";

/// Calls while nobody reads the log. The service stopped at the 54th once.
const UNLOGGED: usize = 300;

/// Tries each; what was found.
pub(crate) async fn all(
    target: &Target,
    chosen: impl Fn(&str) -> bool,
) -> Vec<(&'static str, Outcome<String>)> {
    let mut outcomes = Vec::new();
    if chosen(HOARD) {
        outcomes.push((HOARD, hoard(target).await));
    }
    if chosen(LOG) {
        outcomes.push((LOG, unread_log().await));
    }
    outcomes
}

fn creation() -> CreateSpaceRequest {
    let space = Space { display_name: "Another".to_owned(), ..Space::default() };
    CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() }
}

fn endpoint(target: &Target) -> Outcome<Endpoint> {
    Endpoint::from_shared(format!("http://{}", target.address)).map_err(|error| error.to_string())
}

async fn hoard(target: &Target) -> Outcome<String> {
    let who = target.persona(&Principal::user("hoarder"), &endpoint(target)?.connect_lazy());
    let (mut made, mut told) = (0, 0);
    for _ in 0..110 {
        match who.spaces().create_space(creation()).await {
            Ok(_) => made += 1,
            Err(status) if Refusal::from(&status).reason == "TOO_MANY_SPACES" => told += 1,
            Err(status) => return Err(status.to_string()),
        }
    }
    if (made, told) == (100, 10) {
        Ok("refused after 100".to_owned())
    } else {
        Err(format!("{made} were made"))
    }
}

/// A suite whose log is a pipe that is full from the first and that nobody reads.
async fn unread_log() -> Outcome<String> {
    let (reader, mut writer) = std::io::pipe().map_err(|error| error.to_string())?;
    let filling = writer.try_clone().map_err(|error| error.to_string())?;
    // The thread stays in its last write until this process ends: the pipe stays full.
    std::thread::spawn(move || {
        let mut filling = filling;
        while filling.write_all(&[b'.'; 4096]).is_ok() {}
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    writer.flush().map_err(|error| error.to_string())?;
    let target = Target::start_with(Stdio::from(writer)).await?;
    let who = target.persona(&Principal::user("alice"), &endpoint(&target)?.connect_lazy());
    let space = who.creates_space("Team").await;
    for number in 0..UNLOGGED {
        // Refusals are logged, whatever else is.
        let _ = timeout(PATIENCE, who.check("members.remove", "spaces/x"))
            .await
            .map_err(|_| format!("call {number} was not answered"))?;
        timeout(PATIENCE, who.check("members.add", &space))
            .await
            .map_err(|_| format!("call {number} was not answered"))?
            .map_err(|status| status.to_string())?;
    }
    target.stop().await?;
    drop(reader);
    Ok(format!("{UNLOGGED} calls answered, and an end in order"))
}

//! The key file of a service of the suite, which may come to hold another key while the service runs.
use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{Keys, ServiceSigner, SigningKey, issuer::SUITE_ISSUER, keys::PATIENCE};
use crate::metrics;

/// How often the file is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How long the log keeps silent on a file that is of no use, after a line on it.
const SILENCE: Duration = Duration::from_mins(1);

/// Has a service sign by the key that is in this file, whenever it is another one. A key that the suite's services would not
/// know, by the set that this process has, is not used: the one of before is.
pub async fn follow(signer: Arc<ServiceSigner>, file: PathBuf, suite: Keys) {
    let mut told: Option<Instant> = None;
    loop {
        sleep(EVERY).await;
        let path = file.clone();
        let Ok(read) = spawn_blocking(move || SigningKey::load(&path)).await else { continue };
        let why = match read {
            Ok(key) if signer.signs_by(&key) => {
                told = None;
                continue;
            }
            Ok(key) if is_known(&suite, &signer, &key, told.is_none()).await => {
                signer.sign_by(key);
                tracing::info!(service = signer.name(), "the service signs by the key that its file has now");
                continue;
            }
            Ok(_) => {
                "--suite-jwks does not have its public half: the other services would refuse it".to_owned()
            }
            Err(error) => error.to_string(),
        };
        metrics::keys_failed(&format!("{SUITE_ISSUER}{}", signer.name()));
        if told.is_none_or(|told| told.elapsed() >= SILENCE) {
            told = Some(Instant::now());
            tracing::error!(
                service = signer.name(),
                why,
                "the key in the service's file is not used; the one of before is used on"
            );
        }
    }
}

/// Whether the suite's services know the key. The file of their keys may have changed with it, and is looked at again if it does
/// not have the key and this is news.
async fn is_known(suite: &Keys, signer: &ServiceSigner, key: &SigningKey, news: bool) -> bool {
    let known = || suite.known().is_some_and(|keys| keys.has(signer.name(), key));
    if !known() && news {
        suite.look(Instant::now() + PATIENCE).await;
    }
    known()
}

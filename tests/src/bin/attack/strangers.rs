//! Attacks without a token.
use std::time::Duration;

use tokio::{io::AsyncReadExt as _, time::sleep};

use crate::{
    attacker::{Attack, Briefing, Counts},
    case::Case,
    wire::{REFLECTION, channel, connect, is_refusal, large_body, no_body, send},
};

const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// Between two attempts of one who is refused.
const AGAIN: Duration = Duration::from_millis(200);

pub(crate) const CASES: &[Case] = &[
    Case::new("a stranger's large bodies at health", |briefing, counts| large(briefing, HEALTH, counts)),
    Case::new("a stranger's large bodies at reflection", |briefing, counts| {
        large(briefing, REFLECTION, counts)
    }),
    Case::new("a stranger's open streams", open),
    Case::new("connections that say nothing", silent),
];

/// Bodies that fill as much as is announced, and do not end.
fn large(briefing: &Briefing, path: &'static str, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..6 {
        let shared = channel(briefing.address);
        for _ in 0..50 {
            let (mut channel, counts) = (shared.clone(), counts.clone());
            attack.spawn(async move {
                loop {
                    let response = send(&mut channel, path, None, large_body()).await;
                    counts.count(is_refusal(&response));
                    sleep(AGAIN).await;
                }
            });
        }
    }
    attack
}

/// Streams to which nothing is said.
fn open(briefing: &Briefing, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..8 {
        let shared = channel(briefing.address);
        for _ in 0..150 {
            let (mut channel, counts) = (shared.clone(), counts.clone());
            attack.spawn(async move {
                loop {
                    let response = send(&mut channel, REFLECTION, None, no_body()).await;
                    counts.count(is_refusal(&response));
                    if response.is_ok() {
                        // Kept until the server ends it.
                        sleep(Duration::from_secs(1)).await;
                    }
                    sleep(AGAIN).await;
                }
            });
        }
    }
    attack
}

/// Connections without a byte; a new one for each that is closed.
fn silent(briefing: &Briefing, counts: &Counts) -> Attack {
    let mut attack = Attack::new();
    for _ in 0..briefing.connections {
        let (address, counts) = (briefing.address, counts.clone());
        attack.spawn(async move {
            loop {
                if let Ok(mut connection) = connect(address).await {
                    counts.count(false);
                    let mut said = [0; 64];
                    while matches!(connection.read(&mut said).await, Ok(1..)) {}
                }
                counts.count(true);
                sleep(AGAIN).await;
            }
        });
    }
    attack
}

//! Ports of this machine that are let go and taken again.
use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::net::TcpListener;

/// The ports to choose from: below those that systems give to the near ends of connections (32768 on Linux, 49152
/// elsewhere), any of which may take a port that is free for a moment.
const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// How many were tried so far. Each test has ports of its own, since none comes twice before all came once.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// Listens at a port that nobody else takes as soon as it is let go.
pub async fn listen() -> TcpListener {
    // Tests that run in another process at the same time start elsewhere.
    let start = process::id().wrapping_mul(997);
    for _ in 0..COUNT {
        let tried = TRIED.fetch_add(1, Ordering::Relaxed);
        let place = u16::try_from(start.wrapping_add(tried) % u32::from(COUNT)).expect("it is below COUNT");
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", FIRST + place)).await {
            return listener;
        }
    }
    panic!("no port is free");
}

//! A network between processes that can fail.
use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

/// What a network does with what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It arrives.
    Open,
    /// What the far side answers is lost, on its way too.
    AnswersLost,
    /// Connections break, and new ones end as soon as they are made.
    Cut,
    /// Connections are made and hold, and nothing arrives, in either direction.
    Silent,
}

/// A network that can fail.
pub struct Network {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

/// How a network is, and how often it was cut: no connection outlives a cut, however soon it is mended.
#[derive(Clone, Copy)]
struct State {
    way: Way,
    cuts: usize,
}

impl Network {
    /// A network on the way to an address.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(watch::Sender::new(State { way: Way::Open, cuts: 0 }));
        let seen = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let State { way, cuts } = *seen.borrow();
                if way == Way::Cut {
                    continue;
                }
                if let Ok(far) = TcpStream::connect(target).await {
                    let ((near_read, near_write), (far_read, far_write)) =
                        (near.into_split(), far.into_split());
                    let loses = |lost: &'static [Way]| (seen.subscribe(), cuts, lost);
                    tokio::spawn(forward(near_read, far_write, loses(&[Way::Silent])));
                    tokio::spawn(forward(far_read, near_write, loses(&[Way::Silent, Way::AnswersLost])));
                }
            }
        });
        Self { address, state }
    }

    /// Where it begins.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on the network is like this. What a connection has lost once is not made good: healing is for new
    /// ones.
    pub fn set(&self, way: Way) {
        self.state.send_modify(|state| {
            state.way = way;
            state.cuts += usize::from(way == Way::Cut);
        });
    }
}

/// Carries bytes until either side is gone or the network is cut, or until what it carries is to be lost.
async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    (mut state, cuts, losing): (watch::Receiver<State>, usize, &'static [Way]),
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut lost = false;
    loop {
        let length = tokio::select! {
            read = from.read(&mut buffer) => read.unwrap_or(0),
            () = async { drop(state.wait_for(|state| state.cuts != cuts).await) } => 0,
        };
        lost |= losing.contains(&state.borrow().way);
        if length == 0 || (!lost && to.write_all(&buffer[..length]).await.is_err()) {
            break;
        }
    }
}

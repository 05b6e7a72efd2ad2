//! What is read from a connection, and when.
use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{activity::Activity, connections::Place, pace::Pausing};
use crate::tls::Stream;

/// How often a connection is read from before others have their turn: a second time to see that nothing more has come.
const READS: u32 = 2;

/// A stream that counts what comes in, and is not read from for as long as there is something, nor while it
/// pauses.
pub(super) struct Heard {
    stream: Stream,
    activity: Arc<Activity>,
    place: Arc<Place>,
    /// How often in a row it had something.
    reads: u32,
    pause: Option<(Pin<Box<Sleep>>, Pausing)>,
}

impl Heard {
    pub(super) fn new(stream: Stream, activity: Arc<Activity>, place: Arc<Place>) -> Self {
        Self { stream, activity, place, reads: 0, pause: None }
    }

    /// Resolves when the connection may be read from.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.pause.is_none() {
            let pause = self.place.pace.pause(&self.place.address.pausing);
            self.pause = pause.map(|(time, pausing)| (Box::pin(sleep(time)), pausing));
        }
        if let Some((pause, _)) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.reads == READS {
            self.reads = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_turn(context));
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.reads = if read.is_ready() { self.reads + 1 } else { 0 };
        self.activity.hears(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}

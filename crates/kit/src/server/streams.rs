//! Streams to clients that end when they should: with their caller's token, when the caller may not read them any more,
//! when nobody reads them, and when the server stops.
use std::{future::Future, sync::Arc, time::Duration};

use futures::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream, Stream},
};
use tokio::{
    select,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tonic::Status;

use super::{Tasks, admission::Place};
use crate::{
    clock::Clock,
    identity::{Caller, TokenEnd},
    status::Fault,
};

/// How often it is asked again, beside each message, whether a stream may go on.
const ASKED_AGAIN: Duration = Duration::from_secs(2);

/// What streams are made with.
#[derive(Clone)]
pub struct Streams {
    tasks: Tasks,
    clock: Arc<dyn Clock>,
}

impl Streams {
    /// Streams that end when the server with these tasks stops.
    #[must_use]
    pub fn new(tasks: Tasks, clock: Arc<dyn Clock>) -> Self {
        Self { tasks, clock }
    }

    /// Opens a stream of these messages. They are made one ahead of the reader, in a task which asks `may` before each
    /// of them and every 2 s, whether the reader keeps up or not. A reader that takes nothing for 30 s, or as long as
    /// the operator says, holds nothing any more but what is on its way.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if the caller, or all together, have too many streams open. The stream itself ends with what
    /// `messages` or `may` fail with; `UNAUTHENTICATED` when the token has expired; `STREAM_UNREAD`;
    /// `SHUTTING_DOWN`.
    pub fn open<T, A>(
        &self,
        caller: &Caller,
        messages: impl Stream<Item = Result<T, Fault>> + Send + 'static,
        may: impl Fn() -> A + Send + Sync + 'static,
    ) -> Result<BoxStream<'static, Result<T, Status>>, Fault>
    where
        T: Send + 'static,
        A: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let (place, unread) = Place::stream()?;
        let (to_reader, made) = mpsc::channel(1);
        let (ending, ended) = oneshot::channel();
        let leave = Leave {
            clock: self.clock.clone(),
            expires: caller.expires.clone(),
            ask: Arc::new(move || may().boxed()),
        };
        let (stopping, gone) = (self.tasks.stopping(), to_reader.clone());
        self.tasks.spawn(async move {
            let _place = place;
            let end = select! {
                biased;
                () = stopping => Err(Fault::shutting_down()),
                fault = leave.clone().withdrawn() => Err(fault),
                () = gone.closed() => Ok(()),
                end = send(messages.boxed(), to_reader, leave, unread) => end,
            };
            if let Err(fault) = end {
                // Apart from the messages, among which there may be no room for it.
                let _ = ending.send(fault);
            }
        });
        let made = stream::unfold(made, async |mut made| Some((Ok(made.recv().await?), made)));
        let end = stream::once(ended).filter_map(async |end| end.ok().map(|fault| Err(Status::from(fault))));
        Ok(made.chain(end).boxed())
    }
}

/// Whether a stream may go on.
#[derive(Clone)]
struct Leave {
    clock: Arc<dyn Clock>,
    expires: Option<TokenEnd>,
    ask: Arc<dyn Fn() -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>,
}

impl Leave {
    async fn ask(&self) -> Result<(), Fault> {
        if let Some(expires) = &self.expires {
            expires.check(self.clock.now())?;
        }
        (self.ask)().await
    }

    /// Resolves when it may not.
    async fn withdrawn(self) -> Fault {
        loop {
            sleep(ASKED_AGAIN).await;
            if let Err(fault) = self.ask().await {
                return fault;
            }
        }
    }
}

/// Hands every message on, each after it was asked whether it may be.
async fn send<T>(
    mut messages: BoxStream<'static, Result<T, Fault>>,
    to_reader: mpsc::Sender<T>,
    leave: Leave,
    unread: Duration,
) -> Result<(), Fault> {
    while let Some(message) = messages.next().await {
        let room = timeout(unread, to_reader.reserve()).await.map_err(|_| Fault::stream_unread())?;
        let Ok(room) = room else { return Ok(()) };
        let message = message?;
        leave.ask().await?;
        room.send(message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

    use futures::stream::repeat_with;
    use tonic::Code;
    use tonic_types::StatusExt as _;
    use uuid::Uuid;

    use super::*;
    use crate::{clock::Timestamp, metrics, name::Principal};

    /// A clock that a test sets, in seconds.
    #[derive(Default)]
    struct Set(AtomicI64);

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(self.0.load(Ordering::SeqCst) * 1_000_000)
        }

        fn new_id(&self) -> Uuid {
            Uuid::nil()
        }
    }

    const ISSUER: &str = "https://streams.example";

    fn caller(expires: i64) -> Caller {
        let time = Timestamp::from_micros(expires * 1_000_000);
        let expires = Some(TokenEnd::at(time, ISSUER));
        Caller { principal: Principal::user("alice"), email: None, suite: None, expires }
    }

    // As it is for a call with such a token.
    #[tokio::test(start_paused = true)]
    async fn a_stream_that_ends_with_its_token_says_the_cause_and_is_counted() {
        let clock = Arc::new(Set::default());
        clock.0.store(100, Ordering::SeqCst);
        let before = metrics::tokens_refused("expired", ISSUER);
        let mut late = Streams::new(Tasks::new(), clock)
            .open(&caller(100), endless(), async || Ok(()))
            .expect("a stream");
        let status = late.next().await.expect("an end that says why").expect_err("an end");
        let details = status.get_error_details();
        let metadata = &details.error_info().expect("an ErrorInfo").metadata;
        assert_eq!(metadata["cause"], "expired");
        assert_eq!(metadata["time"], "1970-01-01T00:01:40.000000Z");
        assert!(metrics::tokens_refused("expired", ISSUER) > before);
    }

    /// The code and the reason with which a stream ends, and how many messages came before.
    async fn end(mut stream: BoxStream<'static, Result<u32, Status>>) -> (Code, String, usize) {
        let mut read = 0;
        loop {
            match stream.next().await.expect("an end that says why") {
                Ok(_) => read += 1,
                Err(status) => {
                    assert!(stream.next().await.is_none(), "nothing follows the end");
                    let details = status.get_error_details();
                    let reason = details.error_info().map(|info| info.reason.clone());
                    return (status.code(), reason.expect("a reason"), read);
                }
            }
        }
    }

    fn endless() -> impl Stream<Item = Result<u32, Fault>> {
        repeat_with(|| Ok(1))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_nobody_reads_ends_and_keeps_next_to_nothing() {
        let made = Arc::new(AtomicI64::new(0));
        let counted = made.clone();
        let messages = repeat_with(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(1)
        });
        let streams = Streams::new(Tasks::new(), Arc::new(Set::default()));
        let stream =
            streams.open(&caller(i64::MAX / 1_000_000), messages, async || Ok(())).expect("a stream");
        sleep(Duration::from_mins(1)).await;
        assert_eq!(made.load(Ordering::SeqCst), 2, "one on its way and one in hand");
        assert_eq!(end(stream).await, (Code::ResourceExhausted, "STREAM_UNREAD".to_owned(), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_with_its_callers_token_although_nothing_is_sent() {
        let clock = Arc::new(Set::default());
        let streams = Streams::new(Tasks::new(), clock.clone());
        let silent = stream::pending::<Result<u32, Fault>>();
        let silent = streams.open(&caller(100), silent, async || Ok(())).expect("a stream");
        let mut waiting = Box::pin(end(silent));
        assert!(timeout(Duration::from_mins(1), &mut waiting).await.is_err(), "not before its time");
        clock.0.store(100, Ordering::SeqCst);
        assert_eq!(waiting.await, (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned(), 0));
        let late = streams.open(&caller(100), endless(), async || Ok(())).expect("a stream");
        assert_eq!(end(late).await, (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned(), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_before_each_message_whether_it_may_be_read() {
        let allowed = Arc::new(AtomicBool::new(true));
        let asked = allowed.clone();
        let may = move || {
            let asked = asked.clone();
            async move {
                let denied = || Fault::permission_denied("billing.invoices.get", "spaces/x");
                asked.load(Ordering::SeqCst).then_some(()).ok_or_else(denied)
            }
        };
        let streams = Streams::new(Tasks::new(), Arc::new(Set::default()));
        let mut stream = streams.open(&caller(100), endless(), may).expect("a stream");
        for _ in 0..10 {
            stream.next().await.expect("a message").expect("allowed");
        }
        allowed.store(false, Ordering::SeqCst);
        let (code, _, read) = end(stream).await;
        assert_eq!(code, Code::PermissionDenied);
        assert!(read <= 1, "{read} messages were read after the role was gone");
    }

    #[tokio::test]
    async fn a_reader_that_leaves_takes_its_stream_along() {
        let tasks = Tasks::new();
        let streams = Streams::new(tasks.clone(), Arc::new(Set::default()));
        drop(streams.open(&caller(100), endless(), async || Ok(())).expect("a stream"));
        tasks.ended().await;
    }
}

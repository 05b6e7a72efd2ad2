//! What the scenarios stand on: a suite for each test, on either engine, and people with tokens who call it.
#![allow(clippy::missing_panics_doc, reason = "a test's support fails by panicking")]
pub mod answer;
pub mod clock;
pub mod composed;
pub mod engine;
pub mod listen;
pub mod persona;
pub mod pooler;
pub mod port;
pub mod process;
pub mod reflection;
pub mod sql;
pub mod suite;

pub use self::{
    answer::{Refusal, refused},
    clock::TestClock,
    engine::Engine,
    persona::Persona,
    port::Port,
    suite::Suite,
};

/// The services of the console plane: those whose journals console Admins read.
pub const CONSOLE: [devspaces::Service; 2] = [devspaces::Service::Space, devspaces::Service::Membership];

/// Declares a test that runs on both engines: `both_engines!(async fn name(suite: Suite) { … })`.
#[macro_export]
macro_rules! both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($suite:ident: Suite) $body:block)*) => {$(
        pub(crate) mod $name {
            use super::*;
            $crate::on_both_engines!($(#[$meta])* async fn scenario($suite: Suite) $body);
        }
    )*};
}

/// Declares a test that runs on both engines and on a composed suite, which it shares with others:
/// `everywhere!(async fn name(suite: Suite) { … })`. [`composed`] says what such a test can't do.
#[macro_export]
macro_rules! everywhere {
    ($($(#[$meta:meta])* async fn $name:ident($suite:ident: Suite) $body:block)*) => {$(
        pub(crate) mod $name {
            use super::*;
            $crate::on_both_engines!($(#[$meta])* async fn scenario($suite: Suite) $body);

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs a composed suite: `cargo xtask containers`"]
            async fn composed() {
                scenario($crate::Suite::composed()).await;
            }
        }
    )*};
}

/// What [`both_engines`] and [`everywhere`] have in common.
#[doc(hidden)]
#[macro_export]
macro_rules! on_both_engines {
    ($(#[$meta:meta])* async fn scenario($suite:ident: Suite) $body:block) => {
        $(#[$meta])*
        pub(crate) async fn scenario($suite: $crate::Suite) $body

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn sqlite() {
            scenario($crate::Suite::start($crate::Engine::Sqlite).await).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres() {
            scenario($crate::Suite::start($crate::Engine::Postgres).await).await;
        }
    };
}

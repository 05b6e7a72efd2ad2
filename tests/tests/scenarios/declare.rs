//! How a scenario becomes tests: `scenarios!` at the top of a file lists the functions below it.
//!
//! A scenario is an ordinary function, `async fn name(suite: Suite)`. One that makes a suite of a kind of its own takes the
//! [`Engine`] instead. Who writes one and forgets to list it has a function that nothing calls, which the compiler warns
//! of and CI refuses.
use devspaces_tests::{Engine, Suite, process::Processes};

use crate::deadline::Deadline;

/// What a scenario can be given on either engine.
pub(crate) trait Given {
    async fn on(engine: Engine) -> Self;
}

/// What there is with two replicas of every service.
pub(crate) trait Replicated {
    async fn replicated() -> Self;
}

impl Given for Suite {
    async fn on(engine: Engine) -> Self {
        Self::start(engine).await
    }
}

impl Replicated for Suite {
    async fn replicated() -> Self {
        Self::start_replicated().await
    }
}

impl Given for Processes {
    async fn on(engine: Engine) -> Self {
        Self::start(engine).await
    }
}

impl Replicated for Processes {
    async fn replicated() -> Self {
        Self::start_replicated().await
    }
}

impl Given for Engine {
    async fn on(engine: Engine) -> Self {
        engine
    }
}

/// Runs a scenario with what it takes, on an engine.
pub(crate) async fn run<G: Given, F: Future<Output = ()>>(engine: Engine, scenario: impl FnOnce(G) -> F) {
    let _watched = Deadline::begin();
    scenario(G::on(engine).await).await;
}

/// Runs a scenario with what it takes, replicated.
pub(crate) async fn run_replicated<G: Replicated, F: Future<Output = ()>>(scenario: impl FnOnce(G) -> F) {
    let _watched = Deadline::begin();
    scenario(G::replicated().await).await;
}

/// Lists the scenarios of a file by where they run:
///
/// ```text
/// scenarios! {
///     both engines:
///         the_last_admin_stays,
///         killed_half_way(Service::Space) as a_space_survives_a_kill;
///     everywhere:
///         a_member_leaves;
///     two replicas:
///         the_last_admin_stays;
/// }
/// ```
///
/// * `both engines`: with a suite of its own on `SQLite`, and with another on `PostgreSQL`.
/// * `everywhere`: the same, and once more with a composed suite that it shares with others. [`devspaces_tests::composed`]
///   says what such a scenario can't do.
/// * `two replicas`: with two of every service on one database, always. Scenarios of the first two sections can be listed
///   here again; `DEVSPACES_TEST_REPLICAS=2` has all of them run so.
///
/// The tests are called `area::file::the_last_admin_stays::sqlite`, `::postgres` and `::composed`, and
/// `area::file::two_replicas::the_last_admin_stays`. A function that takes more than the suite is listed with what it is to
/// take, and a name for each.
macro_rules! scenarios {
    () => {};
    (both engines: $($name:ident $(($($argument:expr),+))? $(as $test:ident)?),+ $(,)?; $($rest:tt)*) => {
        $(scenarios!(@both [$name ($($($argument),+)?)] $($test)? $name);)+
        scenarios!($($rest)*);
    };
    (everywhere: $($name:ident),+ $(,)?; $($rest:tt)*) => {
        $(mod $name {
            use super::*;
            scenarios!(@engines [$name ()]);

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs a composed suite: `cargo xtask containers`"]
            async fn composed() {
                $name(devspaces_tests::Suite::composed()).await;
            }
        })+
        scenarios!($($rest)*);
    };
    (two replicas: $($name:ident),+ $(,)?; $($rest:tt)*) => {
        mod two_replicas {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::declare::run_replicated(super::$name).await;
            })+
        }
        scenarios!($($rest)*);
    };
    (@both $scenario:tt $test:ident $($name:ident)?) => {
        mod $test {
            use super::*;
            scenarios!(@engines $scenario);
        }
    };
    (@engines [$name:ident ($($argument:expr),*)]) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn sqlite() {
            crate::declare::run(devspaces_tests::Engine::Sqlite, |given| $name(given $(, $argument)*)).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres() {
            crate::declare::run(devspaces_tests::Engine::Postgres, |given| $name(given $(, $argument)*)).await;
        }
    };
}

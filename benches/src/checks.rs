//! Permission checks as users would load them: servers in processes of their own with the settings of an installation,
//! and a load that comes from outside. See docs/performance.md.
mod batches;
mod call;
mod changes;
mod crowd;
mod database;
mod echo;
mod h2load;
mod memory;
mod peers;
mod processor;
mod rounds;
mod suites;
mod table;
mod target;

use devspaces_tests::engine::temporary_folder;

use self::{
    call::Question,
    changes::Changes,
    crowd::{CONNECTIONS, Crowd, SUBJECTS},
    h2load::Shape,
    peers::Peer,
    rounds::{Line, Sample},
    suites::Suite,
    target::Target,
};
pub(crate) use self::{
    echo::serve as serve_echo, h2load::installed as h2load_is_installed, memory::run as measure_memory,
};

/// As many calls at once as a person may have in progress by default, 64, with some to spare.
const OF_A_PERSON: Shape = Shape { connections: 8, streams: 6 };
/// As many as a service is worked for at a time by default.
const OF_A_SERVICE: Shape = Shape { connections: 8, streams: 16 };

/// All of it.
pub(crate) async fn run() {
    let folder = temporary_folder();
    let (_process, echo) = echo::started(folder.path()).await;
    let suites = [Suite::together().await, Suite::apart().await];
    let peers = peers::start(folder.path()).await;
    if suites[1].target.database.is_none() {
        println!("  PostgreSQL runs on another machine, or in a container: what it takes is not known");
    }
    let logging = Suite::together_with_access_log().await;
    let encrypted = Suite::apart_with_tls().await;
    table::head();
    let mut lines = lines(&echo, &suites, &peers);
    let question = logging.space_by_service();
    lines.push(Line::new("space.get, asked by a service", &logging.target, question, OF_A_SERVICE));
    let question = encrypted.space_by_service();
    lines.push(Line::new("space.get, asked by a service", &encrypted.target, question, OF_A_SERVICE));
    let samples = rounds::measure(&lines).await;
    for (line, own) in lines.iter().zip(&samples) {
        table::row(&described(line), own, baseline(&lines, &samples, line.shape));
    }
    crowds(&echo, &suites).await;
    for suite in &suites {
        batches::measure(suite).await;
    }
    for suite in &suites {
        let removal = Changes::of(suite).removal().await;
        println!("  {}: RemoveMember takes {removal:.1?} (median) when nothing else runs", suite.target.name);
    }
    for suite in &suites {
        transactions(suite).await;
    }
}

/// What is compared.
fn lines(echo: &Target, suites: &[Suite], peers: &[Peer]) -> Vec<Line> {
    let (person, service) = (suites[0].space_by_herself(), suites[0].space_by_service());
    let mut lines = vec![
        Line::new("as the person asks", echo, person, OF_A_PERSON),
        Line::new("as the service asks", echo, service, OF_A_SERVICE),
    ];
    for suite in suites {
        let mut add = |what: &str, question: Question, shape| {
            lines.push(Line::new(what, &suite.target, question, shape));
        };
        add("space.get, asked by the person", suite.space_by_herself(), OF_A_PERSON);
        add("space.get, asked by a service", suite.space_by_service(), OF_A_SERVICE);
        add("app.get, asked by a service", suite.app_by_service(), OF_A_SERVICE);
        let changed = Line::new(
            "space.get, while members change",
            &suite.target,
            suite.space_by_service(),
            OF_A_SERVICE,
        );
        lines.push(changed.while_changes(Changes::of(suite)));
    }
    for peer in peers {
        lines.push(Line::new("a check", &peer.target, peer.question.clone(), OF_A_SERVICE));
    }
    lines
}

fn described(line: &Line) -> String {
    format!("{}: {}, {} at once", line.target.name, line.what, line.shape.at_once())
}

/// The samples of the echo with as many calls at once: the echo's lines come first.
fn baseline<'a>(lines: &[Line], samples: &'a [Vec<Sample>], shape: Shape) -> &'a [Sample] {
    let echo = lines.iter().position(|line| line.shape == shape).expect("a line of the echo");
    &samples[echo]
}

/// Many subjects on many spaces.
async fn crowds(echo: &Target, suites: &[Suite; 2]) {
    let (together, apart) = (Crowd::of(&suites[0]).await, Crowd::of(&suites[1]).await);
    let crowds = [Crowd::at_echo(echo, &together).await, together, apart];
    let samples = crowd::measure(&crowds).await;
    let names = [&echo.name, &suites[0].target.name, &suites[1].target.name];
    for (name, own) in names.iter().zip(&samples) {
        let what = format!("{name}: {SUBJECTS} subjects and spaces, {CONNECTIONS} connections");
        table::row(&what, own, &samples[0]);
    }
}

/// What the checks of one subject ask of PostgreSQL.
async fn transactions(suite: &Suite) {
    let Some(database) = &suite.database else { return };
    for (what, question) in [("space.get", suite.space_by_service()), ("app.get", suite.app_by_service())] {
        let many = database.per_thousand(&suite.target, &question, OF_A_SERVICE).await;
        let alone = database.per_thousand(&suite.target, &question, Shape::ONE_AFTER_ANOTHER).await;
        println!(
            "  {}: {what} makes {many:.1} transactions for 1,000 checks at {} at once, {alone:.1} one after another",
            suite.target.name,
            OF_A_SERVICE.at_once(),
        );
    }
}

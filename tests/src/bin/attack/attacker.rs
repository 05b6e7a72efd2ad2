//! The attacker: this program once more, as a process of its own and with less of a claim to the processors, so that
//! what it does to itself is not taken for what it does to the suite.
use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, ErrorKind, Write as _},
    net::SocketAddr,
    process::{Stdio, exit},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use devspaces_kit::name::Principal;
use devspaces_tests::Persona;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinSet,
    time::timeout,
};
use tonic::transport::Channel;

use crate::{Outcome, case::Case};

/// The subcommand, which is followed by the case's name.
const SUBCOMMAND: &str = "attacker";
/// What the attacker says when the attack has begun.
const BEGUN: &str = "begun";
/// How far behind the others the attacker stands.
const NICENESS: &str = "10";
/// How long it may take to begin, and to tell its counts: it may have to wait for the processors.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an attacker is told. It has tokens in it, so it goes by the standard input.
#[derive(Deserialize, Serialize)]
pub(crate) struct Briefing {
    pub(crate) address: SocketAddr,
    /// By principal.
    pub(crate) tokens: BTreeMap<String, String>,
    /// The attacker's space with the long journal.
    pub(crate) long_journal: String,
    /// The attacker's space with the large entries.
    pub(crate) large_entries: String,
    /// How many connections that say nothing.
    pub(crate) connections: usize,
    /// How many connections from which refusals are not read.
    pub(crate) floods: usize,
    /// What each of them waits between two bursts.
    pub(crate) pause: Duration,
}

impl Briefing {
    /// A token of somebody.
    pub(crate) fn token(&self, principal: &Principal) -> &str {
        self.tokens.get(&principal.to_string()).map_or("", String::as_str)
    }

    /// Somebody who calls by this connection.
    pub(crate) fn persona(&self, principal: &Principal, channel: &Channel) -> Persona {
        Persona::at_one_port(principal, Some(self.token(principal)), channel)
    }
}

/// What an attack has done: calls that were answered, and calls that were refused.
#[derive(Clone, Default)]
pub(crate) struct Counts(Arc<[AtomicU64; 2]>);

impl Counts {
    pub(crate) fn count(&self, refused: bool) {
        self.0[usize::from(refused)].fetch_add(1, Ordering::Relaxed);
    }
}

/// What goes on until its process ends.
pub(crate) type Attack = JoinSet<()>;

/// A process that attacks. It ends when this is dropped, and when the process that started it ends, however that comes.
pub(crate) struct Attacker {
    child: Child,
    /// Open for as long as the attack is to go on.
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Attacker {
    /// Starts an attack, which has begun then.
    pub(crate) async fn start(case: &str, briefing: &Briefing) -> Outcome<Self> {
        let mut child = spawn(case).map_err(|error| format!("the attacker can't be started: {error}"))?;
        let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the attacker can't be talked to".to_owned());
        };
        let mut line = serde_json::to_vec(briefing).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let told = input.write_all(&line).await;
        told.map_err(|error| format!("the attacker doesn't listen: {error}"))?;
        let mut output = BufReader::new(output).lines();
        let said = line_of(&mut output).await?;
        if said == BEGUN {
            Ok(Self { child, input, output })
        } else {
            Err(format!("the attacker says {said:?}"))
        }
    }

    /// Ends the attack; how many of its calls were answered, and how many refused.
    pub(crate) async fn stop(self) -> Outcome<(u64, u64)> {
        let Self { mut child, input, mut output } = self;
        drop(input);
        let said = line_of(&mut output).await?;
        let counts = said.split_once(' ').map(|(answered, refused)| (answered.parse(), refused.parse()));
        let Some((Ok(answered), Ok(refused))) = counts else {
            return Err(format!("the attacker's counts are {said:?}"));
        };
        let ended = child.wait().await.map_err(|error| error.to_string())?;
        if ended.success() {
            Ok((answered, refused))
        } else {
            Err(format!("the attacker ended with {ended}"))
        }
    }
}

/// Starts this program as an attacker, through `nice` if that is there.
fn spawn(case: &str) -> io::Result<Child> {
    let this = env::current_exe()?;
    let started = |command: &mut Command| {
        command.args([SUBCOMMAND, case]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()
    };
    match started(Command::new("nice").args(["-n", NICENESS]).arg(&this)) {
        Err(error) if error.kind() == ErrorKind::NotFound => started(&mut Command::new(&this)),
        started => started,
    }
}

async fn line_of(output: &mut Lines<BufReader<ChildStdout>>) -> Outcome<String> {
    let line = timeout(PATIENCE, output.next_line()).await;
    let line =
        line.map_err(|_| "the attacker says nothing".to_owned())?.map_err(|error| error.to_string())?;
    line.ok_or_else(|| "the attacker has ended by itself".to_owned())
}

/// Is the attacker: attacks until the standard input ends, and says then how it went. The tasks of the attack have
/// threads of their own, so that this one notices the end whatever they do.
pub(crate) fn attack(name: &str) -> Outcome<bool> {
    let case = Case::all().find(|case| case.name == name).ok_or_else(|| format!("no attack is {name:?}"))?;
    let mut input = io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| error.to_string())?;
    let briefing: Briefing = serde_json::from_str(&line).map_err(|error| format!("the briefing: {error}"))?;
    let counts = Counts::default();
    let _attack = (case.begin)(&briefing, &counts);
    say(BEGUN)?;
    io::copy(&mut input, &mut io::sink()).map_err(|error| error.to_string())?;
    let [answered, refused] = counts.0.each_ref().map(|count| count.load(Ordering::Relaxed));
    say(&format!("{answered} {refused}"))?;
    // Nothing is waited for.
    exit(0)
}

fn say(line: &str) -> Outcome {
    writeln!(io::stdout(), "{line}").map_err(|error| error.to_string())
}

//! The load, which comes from a program of its own, h2load, as a user's would.
use std::{fs, path::Path, time::Duration};

use devspaces_tests::engine::temporary_folder;
use tokio::process::Command;

use super::{call::Question, target::Target};

/// How many answers are looked at before each measurement: the time in them is a byte or two shorter in some.
const SAMPLES: usize = 5;

/// How many connections h2load has, and how many calls at once on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) connections: u32,
    pub(super) streams: u32,
}

impl Shape {
    pub(super) const ONE_AFTER_ANOTHER: Self = Self { connections: 1, streams: 1 };

    pub(super) fn at_once(self) -> u32 {
        self.connections * self.streams
    }
}

/// What came of it.
pub(super) struct Load {
    pub(super) calls: u64,
    pub(super) seconds: f64,
    /// What the server's processes used of the processors.
    pub(super) processor: Duration,
    /// And those of its database's server.
    pub(super) database: Option<Duration>,
    /// Of the times of calls one after another. To write each time down costs h2load too much where there are many.
    pub(super) median: Option<Duration>,
}

/// Whether h2load is here.
pub(crate) async fn installed() -> Result<(), String> {
    let said = Command::new("h2load").arg("--version").output().await;
    let missing = "h2load is missing, which makes the load: Debian has it in nghttp2-client, Fedora and Alpine in \
                   nghttp2, Homebrew in nghttp2";
    said.map(drop).map_err(|error| format!("{missing} ({error})"))
}

/// Asks for so many seconds. h2load sees no trailers, where gRPC has its status: so a client asks before and after, and
/// all answers together must be as long as answers that allow are, which those that refuse or deny are not.
pub(super) async fn load(target: &Target, question: &Question, shape: Shape, seconds: u32) -> Load {
    let mut longest = 0;
    for _ in 0..SAMPLES {
        longest = longest.max(question.ask(target).await.len());
    }
    let folder = temporary_folder();
    let (body, log) = (folder.path().join("body"), folder.path().join("log"));
    fs::write(&body, framed(&question.message)).expect("the body of the request");
    let (processor, database) = target.used();
    let mut command = command(target, question, shape, seconds);
    let timed = shape == Shape::ONE_AFTER_ANOTHER;
    if timed {
        command.arg("--log-file").arg(&log);
    }
    let output = command.arg("-d").arg(&body).output().await.expect("h2load");
    let (processor_after, database_after) = target.used();
    let said = String::from_utf8_lossy(&output.stdout);
    let calls = answered(&said, longest).unwrap_or_else(|wrong| panic!("{}: {wrong}:\n{said}", target.name));
    question.ask(target).await;
    Load {
        calls,
        seconds: f64::from(seconds),
        processor: processor_after.saturating_sub(processor),
        database: database.zip(database_after).map(|(before, after)| after.saturating_sub(before)),
        median: timed.then(|| median(&log)),
    }
}

fn command(target: &Target, question: &Question, shape: Shape, seconds: u32) -> Command {
    let mut command = Command::new("h2load");
    command
        .args(["-D", &seconds.to_string()])
        .args(["-c", &shape.connections.to_string(), "-m", &shape.streams.to_string()])
        .args(["-H", "content-type: application/grpc", "-H", "te: trailers"]);
    if let Some(authorization) = &question.authorization {
        command.args(["-H", &format!("authorization: {authorization}")]);
    }
    command.arg(format!("{}{}", target.address, question.path)).kill_on_drop(true);
    command
}

/// A message as gRPC sends it: not compressed, and its length.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a short message");
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// How many calls were answered, if all were, and each by a message about as long as this: a time in it takes a byte less
/// in some, and a batch has one in each answer.
fn answered(said: &str, length: usize) -> Result<u64, String> {
    let requests = numbers(said, "requests: ")?;
    let [_, _, done, succeeded, failed, errored, timed_out] = requests[..] else {
        return Err(format!("not what h2load says of requests: {requests:?}"));
    };
    let with_success = numbers(said, "status codes: ")?.first().copied();
    if done == 0 || succeeded != done || failed + errored + timed_out != 0 || with_success < Some(done) {
        return Err("not all calls were answered".to_owned());
    }
    let data = said.lines().find_map(|line| line.strip_prefix("traffic: ")?.rsplit_once(" data"));
    let data = data.and_then(|(before, _)| before.rsplit_once('(')?.1.strip_suffix(')')?.parse::<u64>().ok());
    let mean = float(data.ok_or("h2load does not say how much data came")?) / float(done);
    let expected = float(framed(&[]).len() as u64 + length as u64);
    if (mean - expected).abs() > f64::max(1.5, expected / 100.0) {
        return Err(format!("answers of {mean:.1} bytes, and one that allows has {expected:.0}"));
    }
    Ok(done)
}

/// The numbers of a line: "requests: 20 total, 20 started, …".
fn numbers(said: &str, line: &str) -> Result<Vec<u64>, String> {
    let rest = said.lines().find_map(|it| it.strip_prefix(line));
    let rest = rest.ok_or_else(|| format!("h2load says nothing of {line}"))?;
    Ok(rest.split([' ', ',']).filter_map(|word| word.parse().ok()).collect())
}

#[expect(clippy::cast_precision_loss, reason = "as exact as what is measured")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

/// The median of the third column: the microseconds until the end of each response.
fn median(log: &Path) -> Duration {
    let log = fs::read_to_string(log).expect("h2load's log");
    let mut times: Vec<u64> = log.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect();
    times.sort_unstable();
    Duration::from_micros(times[times.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
finished in 4.01s, 5.00 req/s, 3.2KB/s
requests: 20 total, 20 started, 20 done, 20 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 20 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 12.80KB (13107) total, 1.26KB (1290) headers (space savings 93.28%), 780B (780) data
";

    #[test]
    fn only_answers_that_allow_count() {
        assert_eq!(answered(SAID, 34), Ok(20));
        assert!(answered(SAID, 38).is_err(), "some had no message, which is how a refusal looks");
        assert!(answered(&SAID.replace("20 succeeded, 0 failed", "19 succeeded, 1 failed"), 34).is_err());
        assert!(answered(&SAID.replace("20 2xx, 0 3xx, 0 4xx", "19 2xx, 0 3xx, 1 4xx"), 34).is_err());
    }
}

use std::{num::NonZeroU32, str::FromStr, time::Duration};

use clap::Args;
use devspaces_gate::SpaceQuota;
use devspaces_kit::{
    name::UserName,
    server::{CallerLimits, Limits},
};

/// How much callers may have. Each process counts for itself.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of callers")]
pub(super) struct Callers {
    /// How many calls may be in progress, of all people and services together; the suite's own services may have as many
    /// beside them
    #[arg(long, env = "DEVSPACES_CALLS", value_name = "CALLS", default_value = "4096")]
    calls: NonZeroU32,
    /// How many calls of one person may be in progress
    #[arg(long, env = "DEVSPACES_CALLS_PER_USER", value_name = "CALLS", default_value = "64")]
    calls_per_user: NonZeroU32,
    /// How many calls of one service may be in progress
    #[arg(long, env = "DEVSPACES_CALLS_PER_SERVICE", value_name = "CALLS", default_value = "1024")]
    calls_per_service: NonZeroU32,
    /// How many calls of one person are worked on at a time; the others wait for their turn
    #[arg(long, env = "DEVSPACES_TURNS_PER_USER", value_name = "CALLS", default_value = "8")]
    turns_per_user: NonZeroU32,
    /// How many calls of one service are worked on at a time
    #[arg(long, env = "DEVSPACES_TURNS_PER_SERVICE", value_name = "CALLS", default_value = "128")]
    turns_per_service: NonZeroU32,
    /// How many calls do long work at a time: verification of journals, lists over many spaces, searches in journals
    #[arg(long, env = "DEVSPACES_LONG_WORK", value_name = "CALLS", default_value = "2")]
    long_work: NonZeroU32,
    /// How many calls of one caller do long work at a time
    #[arg(long, env = "DEVSPACES_LONG_WORK_PER_CALLER", value_name = "CALLS", default_value = "1")]
    long_work_per_caller: NonZeroU32,
    /// How many streams may be open: exports of invoices, followers of journals
    #[arg(long, env = "DEVSPACES_STREAMS", value_name = "STREAMS", default_value = "64")]
    streams: NonZeroU32,
    /// How many streams one caller may have open
    #[arg(long, env = "DEVSPACES_STREAMS_PER_CALLER", value_name = "STREAMS", default_value = "8")]
    streams_per_caller: NonZeroU32,
    /// After how many seconds a stream ends whose reader takes nothing; a connection whose client takes nothing is closed
    /// after twice that
    #[arg(long, env = "DEVSPACES_UNREAD_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..))]
    unread_timeout: u32,
    /// How many spaces that exist one person may have made, and how many vendor profiles; services have no limit
    #[arg(long, env = "DEVSPACES_SPACES_PER_PERSON", value_name = "SPACES", default_value = "100")]
    spaces_per_person: u32,
    /// How many spaces this person may have made instead: users/alice=1000; once for each, or separated by commas
    #[arg(
        long = "spaces-of",
        env = "DEVSPACES_SPACES_OF",
        value_delimiter = ',',
        value_name = "USER=SPACES"
    )]
    spaces_of: Vec<SpacesOf>,
}

/// A person's own number of spaces.
#[derive(Clone, Debug)]
struct SpacesOf(UserName, u32);

impl FromStr for SpacesOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (person, spaces) = text.rsplit_once('=').ok_or("must have the form users/{id}=SPACES")?;
        let person = person.parse().map_err(|error| format!("the person {error}"))?;
        let spaces = spaces.parse().map_err(|_| "the number of spaces must be from 0 to 4294967295")?;
        Ok(Self(person, spaces))
    }
}

impl Callers {
    /// The limits of the port.
    pub(super) fn limit(&self, limits: Limits) -> Limits {
        let callers = CallerLimits {
            user_calls: self.calls_per_user.get() as usize,
            service_calls: self.calls_per_service.get() as usize,
            user_turns: self.turns_per_user.get() as usize,
            service_turns: self.turns_per_service.get() as usize,
            long_work: self.long_work.get() as usize,
            caller_long_work: self.long_work_per_caller.get() as usize,
            streams: self.streams.get() as usize,
            caller_streams: self.streams_per_caller.get() as usize,
            unread: Duration::from_secs(self.unread_timeout.into()),
            ..CallerLimits::default()
        };
        Limits { calls: self.calls.get() as usize, callers, ..limits }
    }

    /// How many spaces each person may make.
    pub(super) fn space_quota(&self) -> SpaceQuota {
        let each = SpaceQuota::of_each(self.spaces_per_person);
        self.spaces_of
            .iter()
            .fold(each, |quota, SpacesOf(person, spaces)| quota.except(person.clone(), *spaces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_names_a_person_and_a_number() {
        let SpacesOf(person, spaces) = "users/a%3Db=1000".parse().expect("an exception");
        assert_eq!((person.to_string().as_str(), spaces), ("users/a%3Db", 1000));
        for bad in ["alice=1", "services/x=1", "users/alice", "users/alice=", "users/alice=-1", "=1"] {
            assert!(bad.parse::<SpacesOf>().is_err(), "{bad}");
        }
    }
}

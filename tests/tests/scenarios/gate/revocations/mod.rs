//! Roles on every plane are given and taken while every form of the question is asked of every service without pause: what
//! was taken away allows nothing from the reply on, and what was given denies nothing from the reply on.
mod forms;
mod holders;

use std::sync::Arc;

use devspaces::Service;
use devspaces_kit::name::Principal;
use devspaces_tests::{Persona, process::Processes};
use futures::future::join_all;

use self::{
    forms::FORMS,
    holders::{Holder, Stage},
};
use crate::rounds::rounds;

scenarios! {
    both engines:
        nothing_is_allowed_after_it_was_taken_and_nothing_denied_after_it_was_given;
    two replicas:
        nothing_is_allowed_after_it_was_taken_and_nothing_denied_after_it_was_given;
}

/// How often each role is given and taken away.
const ROUNDS: u16 = 8;
/// How often each subject is asked about, at each service, before its role changes again: each form once.
const ASKED: u64 = FORMS.len() as u64;

/// What the answers to all questions were.
struct Seen {
    checks: u64,
    stale_allows: u64,
    stale_denials: u64,
}

/// Plays with people whom `user` knows, until each role was given and taken so often.
async fn play(user: impl Fn(&str) -> Persona, service: impl Fn(&str) -> Persona, rounds: u64) -> Seen {
    let stage = Arc::new(Stage::set(&user, &service).await);
    let mut asking = Vec::new();
    for holder in &stage.holders {
        for port in Service::ALL {
            asking.push(tokio::spawn(forms::ask_without_pause(stage.clone(), holder.clone(), port)));
        }
    }
    let changing = stage.holders.iter().map(|holder| change(&stage, holder, rounds));
    join_all(changing).await;
    stage.end();
    for asker in asking {
        asker.await.expect("no panic");
    }
    stage.seen()
}

async fn change(stage: &Stage, holder: &Holder, rounds: u64) {
    for round in 0..rounds {
        stage.gives(holder, round).await;
        holder.asked(ASKED).await;
        stage.takes(holder, round).await;
        holder.asked(ASKED).await;
    }
}

// R-P9, R-P4, R-M5, R-P5
async fn nothing_is_allowed_after_it_was_taken_and_nothing_denied_after_it_was_given(suite: Processes) {
    let seen = play(|id| suite.user(id), |id| suite.persona(&Principal::service(id)), rounds(ROUNDS)).await;
    println!("{} checks", seen.checks);
    assert_eq!((seen.stale_allows, seen.stale_denials), (0, 0), "of {} checks", seen.checks);
}

//! What permission checks say, by the rules and by the API.
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    op::{PEOPLE, SPACES},
    stage::Stage,
    views::same,
    world::{On, World},
};
use crate::{
    acts::suspensions::runtime,
    gate::oracle::{self, Row},
};

/// How many checks follow each step, and how far apart they are among all: a prime that divides the number of no list.
const SOME: usize = 12;
/// How many are asked at once: fewer than one person may have in progress.
const AT_ONCE: usize = 48;
const STRIDE: usize = 1009;

type Question = (usize, &'static Row, On);

impl World {
    /// A permission that somebody had before, and has no longer.
    pub(super) fn taken_since(&self, before: &Self) -> Option<String> {
        let taken = questions(before)
            .into_iter()
            .find(|&(person, row, on)| before.may(person, row, on) && !self.may(person, row, on));
        taken.map(|(person, row, on)| format!("{} of p{person} on {on:?}", row.permission))
    }
}

/// All that can be asked of anyone. Rows that no role has are left to the walks.
fn questions(world: &World) -> Vec<Question> {
    let spaces = (0..SPACES).map(On::Space);
    let apps = (0..world.apps.len()).map(On::App);
    let mut questions = Vec::new();
    for on in spaces.chain(apps) {
        let resource = if matches!(on, On::Space(_)) { "space" } else { "app" };
        for row in oracle::rows().iter().filter(|row| row.resource == resource && row.is_reachable()) {
            questions.extend((0..PEOPLE).map(|person| (person, row, on)));
        }
    }
    questions
}

impl Stage<'_> {
    /// Permission checks: of all questions, or of a few that are others after each step.
    pub(super) async fn compare_checks(&self, world: &World, few: Option<usize>) -> Result<(), String> {
        let questions = questions(world);
        let asked: Vec<_> = match few {
            None => questions,
            Some(step) => {
                let start = step * SOME;
                (0..SOME).map(|n| questions[(start + n) * STRIDE % questions.len()]).collect()
            }
        };
        let asked = stream::iter(asked).map(Ok);
        asked.try_for_each_concurrent(AT_ONCE, |question| self.compare_check(world, question)).await?;
        self.compare_runs(world, few).await
    }

    /// R-A12: what the platform's runtime is told of every app, or of one that is another after each step.
    async fn compare_runs(&self, world: &World, few: Option<usize>) -> Result<(), String> {
        let asked = world.apps.iter().enumerate().filter(|_| world.own_suite);
        let asked = asked.filter(|(number, _)| few.is_none_or(|step| step % world.apps.len() == *number));
        for (number, app) in asked {
            let what = || format!("app.run on a{number}");
            let answer = runtime(self.suite).check("app.run", &self.apps[number]).await;
            let answer = answer.map_err(|status| format!("{}: {status:?}", what()))?;
            let runs = app.current_space().is_some() && !world.is_suspended(number);
            same(what, &runs, &answer.allowed)?;
        }
        Ok(())
    }

    async fn compare_check(&self, world: &World, (person, row, on): Question) -> Result<(), String> {
        let resource = match on {
            On::Space(space) => &self.spaces[space],
            On::App(app) => &self.apps[app],
        };
        let what = || format!("{} of p{person} on {on:?}", row.permission);
        let answer = self.people[person].check(&row.permission, resource).await;
        let answer = answer.map_err(|status| format!("{}: {status:?}", what()))?;
        same(what, &world.may(person, row, on), &answer.allowed)
    }
}

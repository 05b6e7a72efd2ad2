//! The commands of docs/inspection.md, run as they stand there, and their answers.
use std::{env, path::Path};

use devspaces::Service;
use devspaces_tests::{Persona, Suite, composed::AUTHORITY};
use serde_json::Value;
use tokio::process::Command;

use crate::acts::{
    accounts::consents_to_invoicing,
    contributors::{DEPLOYER, adds_contributors},
    marketplace::{accepts_terms, submits_listing},
    members::{DEVELOPER, adds_members, removes_member},
    usage::{outcomes, usage_event},
};

scenarios! {
    everywhere:
        the_commands_of_the_page_answer_as_it_says;
}

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/inspection.md");

/// One command of the page with what it answers.
struct Question {
    commands: String,
    /// JSON of which the answer must have every part, or else lines.
    answer: String,
}

impl Question {
    fn is_answered(&self, (said, complained): &(String, String)) -> bool {
        let Ok(expected) = serde_json::from_str(&self.answer) else {
            let lines: Vec<_> = complained.lines().collect();
            let mut expected = self.answer.lines();
            return expected.all(|line| lines.iter().any(|complaint| like(line, complaint)));
        };
        serde_json::from_str(said).is_ok_and(|answer| has(&expected, &answer))
    }
}

/// The commands of a page in their order, each with its answer, which follows it at once.
fn questions(page: &str) -> Vec<Question> {
    let blocks = page.split("```sh\n").skip(1).map(|block| {
        let (commands, rest) = block.split_once("```\n").expect("an end");
        let answer = rest.strip_prefix("```json\n").or_else(|| rest.strip_prefix("```text\n"));
        let answer = answer.unwrap_or_else(|| panic!("no answer to {commands}"));
        let answer = answer.split_once("```").expect("an end").0;
        Question { commands: commands.to_owned(), answer: answer.to_owned() }
    });
    blocks.collect()
}

/// Whether a text is like a pattern in which "…" stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.is_empty()
}

/// Whether an answer has all that is expected: every field, and every element of a list in its order. Where nothing is
/// expected, there is nothing.
fn has(expected: &Value, answer: &Value) -> bool {
    match (expected, answer) {
        (Value::Object(expected), Value::Object(answer)) if expected.is_empty() => answer.is_empty(),
        // A list that is empty is not in an answer.
        (Value::Object(expected), Value::Object(answer)) => expected.iter().all(|(key, value)| {
            let nothing = value.as_array().is_some_and(Vec::is_empty);
            answer.get(key).map_or(nothing, |found| !nothing && has(value, found))
        }),
        (Value::Array(expected), Value::Array(answer)) => {
            let mut rest = answer.iter();
            expected.iter().all(|wanted| rest.any(|found| has(wanted, found)))
        }
        (Value::String(pattern), Value::String(text)) => like(pattern, text),
        (expected, answer) => expected == answer,
    }
}

/// The page of one suite, with its addresses, and its people in place of the page's.
fn page_of(suite: &Suite, people: &[&Persona], ids: &[&str]) -> String {
    let mut page = std::fs::read_to_string(PAGE).expect("the page");
    if env::var_os(AUTHORITY).is_none_or(|_| suite.is_of_its_own()) {
        page = page
            .replace(" --cacert $ca", "")
            .replace("-cacert $ca", "-plaintext")
            .replace("https://127", "http://127");
    }
    for (service, port) in Service::ALL.into_iter().zip([7001, 7002, 7003, 7004]) {
        let address = suite.addresses(service)[0].authority().expect("an authority").to_string();
        page = page.replace(&format!("127.0.0.1:{port}"), &address);
    }
    for (who, id) in people.iter().zip(ids) {
        for before in ["users/", "members/", "contributors/", "\"id\": \""] {
            page = page.replace(&format!("{before}{id}\""), &format!("{before}{}\"", who.id()));
        }
    }
    page
}

/// Runs all commands in one shell, as a person would, and gives what each said and complained of.
async fn run(questions: &[Question], variables: &[(&str, String)]) -> Vec<(String, String)> {
    let grpcurl = Path::new(env!("CARGO_BIN_EXE_grpcurl")).parent().expect("a folder").display().to_string();
    let path = format!("{grpcurl}:{}", env::var("PATH").expect("a path"));
    let end = "the end of an answer";
    let commands =
        questions.iter().map(|question| format!("{}\necho '{end}'; echo '{end}' >&2\n", question.commands));
    let script = commands.collect::<Vec<_>>().concat();
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(script).env("PATH", path).envs(variables.iter().map(|(name, it)| (*name, it)));
    let output = shell.output().await.expect("a shell");
    let parts = |bytes: Vec<u8>| -> Vec<String> {
        String::from_utf8(bytes).expect("text").split(end).map(str::to_owned).collect()
    };
    parts(output.stdout).into_iter().zip(parts(output.stderr)).take(questions.len()).collect()
}

// R-P2, R-P6, R-J2, R-J3, R-B9, R-B13, R-M7: each question has the answer that the page gives.
async fn the_commands_of_the_page_answer_as_it_says(suite: Suite) {
    let ids = ["alice", "bob", "carol", "erin"];
    let [alice, bob, carol, erin] = ids.map(|id| suite.user(id));
    let space = alice.creates_space("My team").await;
    adds_members(&alice, &space, &[(&bob, DEVELOPER), (&carol, DEVELOPER)]).await.expect("added");
    let app = carol.creates_app(&space).await;
    adds_contributors(&carol, &app, &[(&erin, DEPLOYER)]).await.expect("added");
    bob.creates_app(&space).await;
    removes_member(&alice, &space, &carol).await.expect("removed");
    consents_to_invoicing(&alice, &space).await.expect("an account");
    outcomes(&suite, &[usage_event(&suite, "a", &app, "3")]).await;
    let profile = accepts_terms(&alice, &space).await.expect("published").name;
    submits_listing(&alice, &profile, &app).await.expect("submitted");

    let page = page_of(&suite, &[&alice, &bob, &carol, &erin], &ids);
    let questions = questions(&page);
    assert_eq!(questions.len(), page.matches("\n```json").count() + page.matches("\n```text").count());
    let token = |who: &Persona| format!("authorization: {}", who.authorization());
    let ca = env::var(AUTHORITY).unwrap_or_default();
    let variables =
        [("alice", token(&alice)), ("bob", token(&bob)), ("space", space), ("app", app), ("ca", ca)];
    let answers = run(&questions, &variables).await;
    assert_eq!(answers.len(), questions.len());
    let wrong: Vec<_> =
        questions.iter().zip(&answers).filter(|(question, answer)| !question.is_answered(answer)).collect();
    for (question, (said, complained)) in &wrong {
        eprintln!("{}expected: {}said: {said}{complained}\n", question.commands, question.answer);
    }
    assert!(wrong.is_empty(), "{} of {} answers are not those of the page", wrong.len(), answers.len());
}

#[test]
fn an_answer_that_lacks_something_is_no_answer() {
    let of = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let answer = of(r#"{"list": [{"user": "users/a", "role": 1}, {"user": "users/b"}], "other": "x"}"#);
    for part in [
        r#"{"list": [{"user": "users/b"}]}"#,
        r#"{"list": [{"user": "users/…"}, {"user": "…b"}]}"#,
        r#"{"findings": []}"#,
    ] {
        assert!(has(&of(part), &answer), "{part}");
    }
    for part in [
        "{}",
        r#"{"list": []}"#,
        r#"{"list": [{"user": "users/b"}, {"user": "users/a"}]}"#,
        r#"{"list": [{"user": "users/b", "role": 1}]}"#,
        r#"{"missing": "…"}"#,
        r#"{"other": "y…"}"#,
        r#"{"other": ""}"#,
    ] {
        assert!(!has(&of(part), &answer), "{part}");
    }
    assert!(like("a…c…e", "abcde") && !like("a…c…e", "abde") && !like("a…", "ba") && like("a", "a"));
}

//! `docs/transfers.md` does what it says: each class's curls are read out of the page and sent, and the
//! command below them shows the transfer in its class.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bursar::model::catalogue;
use bursar::model::transfer::Class;
use serde_json::Value;

use super::api::admin::Desk;
use crate::harness::commands::bursar;
use crate::harness::server::{self, ACCOUNT, API_KEY, CATALOGUE, Server};

const PAGE: &str = include_str!("../../../docs/transfers.md");

/// The blocks of code of a language, in a part of the page.
fn blocks<'p>(part: &'p str, language: &str) -> Vec<&'p str> {
    let mark = format!("```{language}\n");
    let begun = part.split(mark.as_str()).skip(1);
    begun
        .map(|rest| rest.split_once("```").expect("a block ends").0)
        .collect()
}

/// What the page shows for each class: its name, and the commands.
fn shown() -> Vec<(&'static str, Vec<String>)> {
    let parts = PAGE.split("\n### `").skip(1);
    parts
        .map(|part| {
            let (name, rest) = part.split_once('`').unwrap();
            (name, commands(&blocks(rest, "sh").concat()))
        })
        .collect()
}

/// One command each, whole: a quote or a backslash at the end of a line goes on in the next.
fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut open = false;
    for line in block.lines() {
        let line = line.trim();
        match commands.last_mut().filter(|_| open) {
            Some(command) => command.push_str(line),
            None => commands.push(line.to_owned()),
        }
        let command = commands.last_mut().unwrap();
        let goes_on = command.ends_with('\\');
        if goes_on {
            command.pop();
        }
        open = goes_on || command.matches('\'').count() % 2 == 1;
    }
    commands
}

/// A reader at a terminal, who has set `SHOP`, `PROOF` and `KEY`.
struct Reader {
    desk: Desk,
    variables: BTreeMap<String, String>,
}

impl Reader {
    async fn follow(&mut self, command: &str) {
        if command.starts_with("# come back") {
            self.desk.server.wait(Duration::from_hours(25));
            self.desk.server.sweep().await;
        } else if let Some((name, order)) = command.split_once("=$(") {
            let answer = self.curl(order).await;
            let code = answer["orderCode"].as_str().unwrap().to_owned();
            self.variables.insert(name.to_owned(), code);
        } else if command.starts_with("curl ") {
            self.curl(command).await;
        } else {
            panic!("the page has a command that this test does not know: {command}");
        }
    }

    async fn curl(&self, command: &str) -> Value {
        let (_, rest) = command.split_once("\"$SHOP").expect("an address");
        let (path, rest) = rest.split_once('"').unwrap();
        let mut path = path.to_owned();
        let (_, body) = rest.split_once("--json '").expect("a body");
        let mut body = body.to_owned();
        for (name, value) in &self.variables {
            path = path.replace(&format!("${name}"), value);
            body = body.replace(&format!("'${name}'"), value);
        }
        let (body, _) = body.rsplit_once('\'').unwrap();
        let body: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"));
        let mut request = self.desk.server.request("POST", &path).json(&body);
        if rest.contains("-H \"$PROOF\"") {
            request = request.header("Authorization", format!("Apikey {API_KEY}"));
        }
        if rest.contains("-H \"$KEY\"") {
            request = request.bearer_auth(&self.desk.key);
        }
        let answer = server::answer(request).await;
        assert_eq!(answer.status, 200, "{command}: {}", answer.text);
        answer.json
    }
}

#[tokio::test]
async fn the_page_about_transfers_makes_every_class_and_shows_it_in_its_place() {
    server::each(async |server: Server| {
        let database = server.database().to_owned();
        let variables = BTreeMap::new();
        let desk = Desk::over(server).await;
        let mut reader = Reader { desk, variables };
        let mut made = BTreeSet::new();
        for (class, mut commands) in shown() {
            let last = commands.pop().expect("commands");
            assert_eq!(last, format!("bursar transfer list --class {class}"));
            let arguments: Vec<&str> = last.split(' ').skip(1).collect();
            let before = bursar(&database, &arguments).await;
            for command in commands {
                reader.follow(&command).await;
            }
            let after = bursar(&database, &arguments).await;
            assert_eq!(after.code, 0, "{}", after.err);
            let rows = |said: &str| said.lines().count();
            assert_eq!(
                rows(&after.out),
                rows(&before.out) + 1,
                "{class}: {}",
                after.out
            );
            let newest = &reader.desk.list("/api/v1/admin/transfers").await[0];
            assert_eq!(newest["class"], class);
            let row = after.out.lines().last().unwrap();
            assert!(row.contains(newest["id"].as_str().unwrap()), "{row}");
            let waits = newest["closedAt"] == Value::Null;
            let closes_itself = Class::parse(class).unwrap().closes_itself();
            assert_eq!(waits, !closes_itself, "{class} is described so");
            made.insert(class);
        }
        let all: BTreeSet<&str> = Class::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(made, all);
    })
    .await;
}

#[test]
fn the_settings_and_the_catalogue_of_the_page_are_real_and_sell_what_its_curls_order() {
    let toml = blocks(PAGE, "toml");
    let [settings, sold] = toml[..] else {
        panic!("two blocks of settings: {}", toml.len());
    };
    let settings: toml::Value = toml::from_str(settings).unwrap();
    let payments = &settings["payments"];
    assert_eq!(payments["accounts"][0]["number"].as_str(), Some(ACCOUNT));
    assert_eq!(payments["sepay"]["api_key"].as_str(), Some(API_KEY));
    assert!(PAGE.contains(&format!("export PROOF='Authorization: Apikey {API_KEY}'")));
    catalogue::read(sold).unwrap();
    // The test's own shop stands for the page's: the same courses at the same prices.
    let prices = |text: &str| {
        let courses: toml::Value = toml::from_str(text).unwrap();
        let courses = courses["course"].as_array().unwrap().clone();
        let price = |course: &toml::Value| {
            let slug = course["slug"].as_str().unwrap().to_owned();
            (slug, course["price"].as_integer().unwrap())
        };
        courses.iter().map(price).collect::<BTreeMap<_, _>>()
    };
    let ours = prices(CATALOGUE);
    for (slug, price) in prices(sold) {
        assert_eq!(ours[&slug], price);
    }
}

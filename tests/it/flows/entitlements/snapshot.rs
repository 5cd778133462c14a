//! The whole database of a stage, taken and put back past the program, and reduced to what can still
//! make a difference.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;

use bursar::clock::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::stage::{Rows, Stage};

type Row = Vec<Value>;

/// Every row of every table, and what is not in the database.
#[derive(Clone)]
pub struct Snapshot {
    tables: BTreeMap<String, Vec<Row>>,
    platform: Rows,
    orders: Vec<bursar::model::order::Order>,
    now: Timestamp,
}

/// A hand on the file, beside the program's.
pub struct Hand {
    file: Connection,
    /// Tables and their columns.
    columns: BTreeMap<String, Vec<String>>,
}

impl Hand {
    pub fn on(file: &Path) -> Self {
        let file = Connection::open(file).unwrap();
        file.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF;")
            .unwrap();
        file.set_prepared_statement_cache_capacity(256);
        let list = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
                    WHERE m.type = 'table' AND m.name NOT LIKE '%schema_history' ORDER BY m.name, c.cid";
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        {
            let mut statement = file.prepare(list).unwrap();
            let pairs = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            for pair in pairs.unwrap() {
                let (table, column): (String, String) = pair.unwrap();
                if !LEFT_ALONE.contains(&table.as_str()) {
                    columns.entry(table).or_default().push(column);
                }
            }
        }
        Self { file, columns }
    }

    pub fn take(&self, stage: &Stage) -> Snapshot {
        let tables = self.columns.iter().map(|(table, columns)| {
            let text = format!("SELECT * FROM {table}");
            let mut statement = self.file.prepare_cached(&text).unwrap();
            let rows = statement
                .query_map([], |row| (0..columns.len()).map(|i| row.get(i)).collect())
                .unwrap();
            (table.clone(), rows.map(Result::unwrap).collect())
        });
        Snapshot {
            tables: tables.collect(),
            platform: stage.platform.rows.lock().unwrap().clone(),
            orders: stage.orders.clone(),
            now: stage.shop.clock.now(),
        }
    }

    /// As it was; only tables that changed since `latest` are written.
    pub fn put_back(&self, stage: &mut Stage, snapshot: &Snapshot, latest: &Snapshot) {
        self.file.execute_batch("BEGIN IMMEDIATE").unwrap();
        for (table, rows) in &snapshot.tables {
            if latest.tables[table] != *rows {
                self.rewrite(table, rows);
            }
        }
        self.file.execute_batch("COMMIT").unwrap();
        (*stage.platform.rows.lock().unwrap()).clone_from(&snapshot.platform);
        stage.orders.clone_from(&snapshot.orders);
        stage.shop.clock.turn_to(snapshot.now);
    }

    fn rewrite(&self, table: &str, rows: &[Row]) {
        let delete = format!("DELETE FROM {table}");
        let mut delete = self.file.prepare_cached(&delete).unwrap();
        delete.execute([]).unwrap();
        let marks = vec!["?"; self.columns[table].len()].join(", ");
        let insert = format!("INSERT INTO {table} VALUES ({marks})");
        let mut insert = self.file.prepare_cached(&insert).unwrap();
        for row in rows {
            insert.execute(params_from_iter(row)).unwrap();
        }
    }

    /// The state without names and without the past: see the head of `entitlements`.
    pub fn essence(&self, snapshot: &Snapshot) -> String {
        let names = self.names(snapshot);
        let mut orders: Vec<String> = Vec::new();
        for order in &snapshot.orders {
            if self.is_dead(snapshot, &order.id.0) {
                continue;
            }
            let mut parts = Vec::new();
            for (table, rows) in &snapshot.tables {
                for row in rows {
                    let cell = |column: &str| self.cell(table, row, column);
                    let own = if table == "orders" {
                        cell("id")
                    } else {
                        cell("order_id")
                    };
                    let is_own = own == Some(&Value::Text(order.id.0.clone()));
                    if is_own && matters(table, &cell) {
                        parts.push(self.reduced(table, row, &names, snapshot));
                    }
                }
            }
            parts.sort_unstable();
            orders.push(parts.join("\n"));
        }
        orders.sort_unstable();
        let platform: Vec<_> = snapshot.platform.keys().collect();
        format!("{platform:?}\n{}", orders.join("\n\n"))
    }

    /// All its money went back, all its access is gone, its letters are sent: nothing can happen to it.
    fn is_dead(&self, snapshot: &Snapshot, order: &str) -> bool {
        let text = |table: &str, row: &Row, column: &str| match self.cell(table, row, column) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let mut orders = snapshot.tables["orders"].iter();
        let refunded = orders.any(|row| {
            text("orders", row, "id") == order
                && text("orders", row, "payment_status") == "refunded"
                && text("orders", row, "order_status") != "processing"
                && self.cell("orders", row, "disputed") == Some(&Value::Integer(0))
        });
        let mut grants = snapshot.tables["grants"].iter();
        refunded
            && grants.all(|row| {
                text("grants", row, "order_id") != order
                    || text("grants", row, "state") == "revoked"
            })
    }

    fn cell<'r>(&self, table: &str, row: &'r Row, column: &str) -> Option<&'r Value> {
        let place = self.columns[table].iter().position(|name| name == column)?;
        row.get(place)
    }

    /// What stands for an id: the course of a line, the course and kind of a grant; else nothing.
    fn names(&self, snapshot: &Snapshot) -> HashMap<String, String> {
        let text = |value: Option<&Value>| match value {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let mut names = HashMap::new();
        for row in &snapshot.tables["lines"] {
            let cell = |column| text(self.cell("lines", row, column));
            names.insert(cell("id"), cell("course"));
        }
        for row in &snapshot.tables["grants"] {
            let cell = |column| text(self.cell("grants", row, column));
            names.insert(cell("id"), format!("{} {}", cell("target"), cell("kind")));
        }
        for ((_, course), row) in &snapshot.platform {
            names.insert(row.clone(), format!("the row of {course}"));
        }
        names
    }

    fn reduced(
        &self,
        table: &str,
        row: &Row,
        names: &HashMap<String, String>,
        snapshot: &Snapshot,
    ) -> String {
        let mut text = table.to_owned();
        for (column, value) in self.columns[table].iter().zip(row) {
            if NOISE.contains(&column.as_str()) || (table == "orders" && column == "expires_at") {
                continue;
            }
            let shown = match value {
                Value::Null => continue,
                Value::Integer(at) if is_time(column) => match at - snapshot.now.0 {
                    past if past <= 0 => "over".to_owned(),
                    left => format!("in {left}"),
                },
                Value::Integer(number) => number.to_string(),
                Value::Text(text) if column == "receipt" => receipt(text, names),
                Value::Text(text) => named(text, names),
                other => format!("{other:?}"),
            };
            write!(text, " {column}={shown}").unwrap();
        }
        text
    }
}

/// What no history changes, and the audit, which is written and never read.
const LEFT_ALONE: [&str; 11] = [
    "api_keys",
    "audit",
    "benefits",
    "bundle_courses",
    "bundles",
    "catalogue",
    "combos",
    "coupons",
    "courses",
    "keys",
    "polls",
];

/// Names that nothing is decided by, and the wording of reasons.
const NOISE: [&str; 21] = [
    "id",
    "secret",
    "code",
    "version",
    "customer_id",
    "event_id",
    "provider_id",
    "natural_key",
    "idem_key",
    "reference",
    "memo",
    "why",
    "attempts",
    "next_at",
    "run_at",
    "give_up_at",
    "request_digest",
    "idempotency_key",
    "order_id",
    "transfer_id",
    "price_rule",
];

fn is_time(column: &str) -> bool {
    column.ends_with("_at") || column == "until"
}

/// What is over and counts for nothing any more: tasks that are done, disputes that were won.
fn matters<'r>(table: &str, cell: &dyn Fn(&str) -> Option<&'r Value>) -> bool {
    let is = |column: &str, word: &str| cell(column) == Some(&Value::Text(word.to_owned()));
    match table {
        "tasks" => !is("state", "done"),
        "disputes" => !is("state", "won"),
        _ => true,
    }
}

/// An enrolment is the one that is there, or one that was.
fn receipt(text: &str, names: &HashMap<String, String>) -> String {
    let receipt: serde_json::Value = serde_json::from_str(text).unwrap();
    let enrolment = receipt["enrolment"].as_str().unwrap_or_default();
    let which = names.get(enrolment).map_or("gone", String::as_str);
    format!("{which}, created: {}", receipt["created"])
}

/// An id, or what follows a colon where that is one, under the name that stands for it.
fn named(text: &str, names: &HashMap<String, String>) -> String {
    let (before, id) = text
        .split_once(':')
        .map_or(("", text), |(kind, id)| (kind, id));
    let is_id = id.len() == 30 && id.as_bytes()[3] == b'_';
    match names.get(id) {
        Some(name) => format!("{before}:{name}"),
        None if is_id => format!("{before}:{}", &id[..3]),
        None => text.to_owned(),
    }
}

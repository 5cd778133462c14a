//! The books as they are stored, read past the model: what must agree with what, after every story.

use std::collections::{BTreeMap, HashMap};

use bursar::args;
use bursar::db::{Db, Row, Sql};

bursar::statements! {
    TASKS = "SELECT * FROM tasks ORDER BY created_at, id";
    ORDERS = "SELECT o.id, o.payment_status, o.order_status, o.received, o.remaining,
                (SELECT CAST(COALESCE(SUM(a.amount), 0) AS BIGINT) FROM allocations a WHERE a.order_id = o.id AND a.undone_at IS NULL) AS allocated,
                (SELECT COUNT(*) FROM lines l WHERE l.order_id = o.id AND l.status NOT IN ('completed', 'failed')) AS unfinished
              FROM orders o";
    LINES = "SELECT l.id, l.status, l.open_grants, l.promises, o.payment_status,
               (SELECT COUNT(*) FROM grants g WHERE g.line_id = l.id) AS grants,
               (SELECT COUNT(*) FROM grants g WHERE g.line_id = l.id AND g.counted = 0) AS uncounted
             FROM lines l JOIN orders o ON o.id = l.order_id";
    RETURNED = "SELECT o.id, o.refunded, o.disputed,
                  (SELECT CAST(COALESCE(SUM(r.amount), 0) AS BIGINT) FROM refunds r
                   WHERE r.order_id = o.id AND r.purpose = 'order' AND r.state <> 'failed') AS sent_back,
                  (SELECT COUNT(*) FROM disputes d JOIN allocations a ON a.transfer_id = d.transfer_id AND a.undone_at IS NULL
                   WHERE a.order_id = o.id AND d.state = 'lost') AS lost,
                  (SELECT COUNT(*) FROM disputes d JOIN allocations a ON a.transfer_id = d.transfer_id AND a.undone_at IS NULL
                   WHERE a.order_id = o.id AND d.state = 'open') AS claimed
                FROM orders o";
    SURPLUS = "SELECT t.id, t.surplus, t.returned,
                 (SELECT CAST(COALESCE(SUM(r.amount), 0) AS BIGINT) FROM refunds r
                  WHERE r.transfer_id = t.id AND r.purpose = 'surplus' AND r.state <> 'failed') AS sent_back
               FROM transfers t";
    STATES = "SELECT id, state FROM grants UNION ALL SELECT id, state FROM emails UNION ALL SELECT id, status AS state FROM lines";
    AUDIT = "SELECT subject, action, before, after FROM audit ORDER BY id";
    SETTLED_EVENTS = "SELECT id FROM gateway_events WHERE state = 'settled' ORDER BY id";
    COUNT_EVENTS = "SELECT COUNT(*) AS n FROM gateway_events";
    COUNT_TRANSFERS = "SELECT COUNT(*) AS n FROM transfers";
    COUNT_ALLOCATIONS = "SELECT COUNT(*) AS n FROM allocations";
    COUNT_EMAILS = "SELECT COUNT(*) AS n FROM emails";
    CONNECTION_ALERTS = "SELECT COUNT(*) AS n FROM audit WHERE action = 'connection.breaker' AND after = 'open'";
}

/// A task, as stored.
#[derive(Debug, Clone)]
pub struct TaskRow {
    pub kind: String,
    pub state: String,
    pub subject: String,
    pub attempts: i64,
    pub rejections: i64,
    pub lease: Option<String>,
    pub lease_until: Option<i64>,
}

pub async fn tasks(db: &Db) -> Vec<TaskRow> {
    rows(db, &TASKS).await.iter().map(task).collect()
}

fn task(row: &Row) -> TaskRow {
    TaskRow {
        kind: row.get("kind").unwrap(),
        state: row.get("state").unwrap(),
        subject: row.get("subject").unwrap(),
        attempts: row.get("attempts").unwrap(),
        rejections: row.get("rejections").unwrap(),
        lease: row.get("lease").unwrap(),
        lease_until: row.get("lease_until").unwrap(),
    }
}

/// Gateway events, transfers, allocations, e-mails.
pub async fn counts(db: &Db) -> [i64; 4] {
    let mut counts = [0; 4];
    let asked = [
        &COUNT_EVENTS,
        &COUNT_TRANSFERS,
        &COUNT_ALLOCATIONS,
        &COUNT_EMAILS,
    ];
    for (count, sql) in counts.iter_mut().zip(asked) {
        *count = rows(db, sql).await[0].get("n").unwrap();
    }
    counts
}

/// The first message of a gateway that is in the books.
pub async fn settled_event(db: &Db) -> String {
    rows(db, &SETTLED_EVENTS).await[0].get("id").unwrap()
}

/// How often a seller was told that a connection is out of order.
pub async fn alerts(db: &Db) -> i64 {
    rows(db, &CONNECTION_ALERTS).await[0].get("n").unwrap()
}

/// Run a statement of a test's own.
pub async fn exec(db: &Db, sql: &'static Sql, args: &[bursar::db::Arg]) -> u64 {
    let args = args.to_vec();
    db.write(move |tx| Box::pin(async move { tx.exec(sql, &args).await }))
        .await
        .unwrap()
}

async fn rows(db: &Db, sql: &'static Sql) -> Vec<Row> {
    db.read(move |tx| Box::pin(async move { tx.rows(sql, args![]).await }))
        .await
        .unwrap()
}

/// Sums, counters and the audit agree with the rows they are about.
pub async fn agree(db: &Db) {
    let story = story(&rows(db, &AUDIT).await);
    for order in rows(db, &ORDERS).await {
        order_agrees(&order, &story);
    }
    for line in rows(db, &LINES).await {
        line_agrees(&line);
    }
    for order in rows(db, &RETURNED).await {
        what_went_back_agrees(&order);
    }
    for transfer in rows(db, &SURPLUS).await {
        surplus_agrees(&transfer);
    }
    for row in rows(db, &STATES).await {
        let id: String = row.get("id").unwrap();
        let state: String = row.get("state").unwrap();
        if let Some(changes) = story.get(&id) {
            let last = changes.last().unwrap();
            assert_eq!(
                last.2.as_deref(),
                Some(state.as_str()),
                "the last audit entry of {id}: {changes:?}"
            );
            follow_each_other(&id, changes);
        } else {
            assert_eq!(state, "pending", "{id} moved without an audit entry");
        }
    }
}

/// Action, before, after.
type Change = (String, Option<String>, Option<String>);

fn story(rows: &[Row]) -> HashMap<String, Vec<Change>> {
    let mut story: HashMap<String, Vec<Change>> = HashMap::new();
    for row in rows {
        let subject: String = row.get("subject").unwrap();
        let change = (
            row.get("action").unwrap(),
            row.get("before").unwrap(),
            row.get("after").unwrap(),
        );
        story.entry(subject).or_default().push(change);
    }
    story
}

fn follow_each_other(id: &str, changes: &[Change]) {
    for pair in changes.windows(2) {
        assert_eq!(
            pair[0].2, pair[1].1,
            "the story of {id} has a gap: {changes:?}"
        );
    }
}

fn order_agrees(order: &Row, story: &HashMap<String, Vec<Change>>) {
    let id: String = order.get("id").unwrap();
    let [received, allocated, remaining, unfinished] =
        ["received", "allocated", "remaining", "unfinished"]
            .map(|column| order.get::<i64>(column).unwrap());
    assert_eq!(received, allocated, "{id}: received and its allocations");
    assert_eq!(remaining, unfinished, "{id}: remaining and its lines");
    let mut sides: BTreeMap<bool, Vec<Change>> = BTreeMap::new();
    for change in &story[&id] {
        let side = sides.entry(change.0 == "order.finished").or_default();
        side.push(change.clone());
    }
    let payment: String = order.get("payment_status").unwrap();
    assert_eq!(
        sides[&false].last().unwrap().2,
        Some(payment),
        "{id}: payment in the audit"
    );
    follow_each_other(&id, &sides[&false]);
    let status: String = order.get("order_status").unwrap();
    match sides.get(&true) {
        Some(changes) => assert_eq!(changes.last().unwrap().2, Some(status), "{id}"),
        None => assert!(
            matches!(status.as_str(), "pending" | "processing"),
            "{id}: {status}"
        ),
    }
}

/// A lost dispute may take more than what is left, and of several orders the first one's share.
fn what_went_back_agrees(order: &Row) {
    let id: String = order.get("id").unwrap();
    let [refunded, sent_back, lost, claimed] = ["refunded", "sent_back", "lost", "claimed"]
        .map(|column| order.get::<i64>(column).unwrap());
    if lost == 0 {
        assert_eq!(refunded, sent_back, "{id}: refunded and its refunds");
    } else {
        assert!(refunded >= sent_back, "{id}: {refunded} refunded");
    }
    let disputed: bool = order.get("disputed").unwrap();
    assert!(!disputed || claimed > 0, "{id}: disputed by nobody");
}

fn surplus_agrees(transfer: &Row) {
    let id: String = transfer.get("id").unwrap();
    let [surplus, returned, sent_back] =
        ["surplus", "returned", "sent_back"].map(|column| transfer.get::<i64>(column).unwrap());
    assert_eq!(returned, sent_back, "{id}: returned and its refunds");
    assert!(
        (0..=surplus).contains(&returned),
        "{id}: {returned} of {surplus}"
    );
}

fn line_agrees(line: &Row) {
    let id: String = line.get("id").unwrap();
    let [open, uncounted, grants] =
        ["open_grants", "uncounted", "grants"].map(|column| line.get::<i64>(column).unwrap());
    let promises: Vec<serde_json::Value> =
        serde_json::from_str(&line.get::<String>("promises").unwrap()).unwrap();
    let payment: String = line.get("payment_status").unwrap();
    let unpaid = matches!(payment.as_str(), "pending" | "expired" | "cancelled");
    let (owed, still_open) = if unpaid && grants == 0 {
        (0, i64::try_from(promises.len()).unwrap())
    } else {
        (promises.len(), uncounted)
    };
    assert_eq!(open, still_open, "{id}: open_grants and its grants");
    assert_eq!(
        usize::try_from(grants).unwrap(),
        owed,
        "{id}: a grant per promise"
    );
}

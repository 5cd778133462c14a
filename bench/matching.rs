//! From memo to order over the test corpus, in memory: share that needs no person, share that would
//! pay a wrong order, time per transfer. The reference looks for the prefix in the capitalised text
//! and takes what follows, on the same memos, with the same decision behind it.

use std::collections::{BTreeSet, HashMap};
use std::hint::black_box;
use std::time::Instant;

use bursar::model::code::{OrderCode, Texts, find_codes};

use crate::corpus::{Case, Known, corpus, decided};
use crate::table::{number, row};

const PREFIXES: [&str; 3] = ["DH", "TBC", "KHOA"];
const SEEDS: u64 = 8;
const ROUNDS: usize = 40;
/// Orders that one transfer is compared with for suggestions.
const OPEN_ORDERS: usize = 500;

/// From the texts of a transfer to candidates.
type Find = fn(&[&str], &str) -> Vec<OrderCode>;

/// Print the table.
pub fn run() -> anyhow::Result<()> {
    let shops: Vec<Shop> = PREFIXES.into_iter().map(Shop::open).collect();
    let memos: usize = shops.iter().map(|shop| shop.cases.len()).sum();
    let cases = shops.iter().flat_map(|shop| &shop.cases);
    let classes = cases.map(|case| case.class).collect::<BTreeSet<_>>().len();
    println!("== matching: {memos} memos of {classes} classes, prefixes {PREFIXES:?}, no database");
    row(&["", "automatic", "wrong", "µs/transfer"]);
    let finders: [(&str, Find); 2] = [
        ("bursar", |texts, prefix| find_codes(texts, prefix)),
        ("the prefix and what follows", plain),
    ];
    for (name, find) in finders {
        let tally = shops.iter().try_fold(Tally::default(), |tally, shop| {
            anyhow::Ok(tally.with(&shop.measure(find)?))
        })?;
        row(&[
            name,
            &format!("{} %", number(100.0 * tally.automatic / tally.certain)),
            &format!("{} %", number(100.0 * tally.wrong / tally.memos)),
            &number(tally.micros / tally.memos),
        ]);
    }
    let near = number(near(&shops[0])?);
    println!(
        "(automatic: of those that are certain; wrong: of all, paid to an order that it is not for)"
    );
    println!("near codes: {near} µs for one transfer against {OPEN_ORDERS} orders\n");
    Ok(())
}

/// A corpus and everything that is known to it.
struct Shop {
    prefix: &'static str,
    cases: Vec<Case>,
}

/// Sums over memos.
#[derive(Default)]
struct Tally {
    memos: f64,
    certain: f64,
    automatic: f64,
    wrong: f64,
    micros: f64,
}

impl Shop {
    fn open(prefix: &'static str) -> Self {
        let cases = (0..SEEDS).flat_map(|seed| corpus(seed, prefix)).collect();
        Self { prefix, cases }
    }

    fn known(&self) -> HashMap<&OrderCode, &Known> {
        let orders = self.cases.iter().flat_map(|case| &case.orders);
        orders.map(|order| (&order.code, order)).collect()
    }

    fn measure(&self, find: Find) -> anyhow::Result<Tally> {
        let known = self.known();
        let decide = |case: &Case, texts: &[&str]| {
            let found = find(texts, self.prefix);
            decided(&found, |code| known.get(code).copied(), case.amount).map(|o| o.code.clone())
        };
        let transfers: Vec<(&Case, Vec<&str>)> = self
            .cases
            .iter()
            .map(|case| (case, case.memo.texts()))
            .collect();
        let mut tally = Tally {
            memos: f64::from(u32::try_from(transfers.len())?),
            ..Tally::default()
        };
        for (case, texts) in &transfers {
            let paid = decide(case, texts);
            tally.certain += share(case.truth.is_some());
            tally.automatic += share(paid.is_some() && paid == case.truth);
            tally.wrong += share(paid.is_some() && paid != case.truth);
        }
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            for (case, texts) in &transfers {
                black_box(decide(case, black_box(texts)));
            }
        }
        tally.micros = begun.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(ROUNDS)?);
        Ok(tally)
    }
}

impl Tally {
    fn with(self, other: &Self) -> Self {
        Self {
            memos: self.memos + other.memos,
            certain: self.certain + other.certain,
            automatic: self.automatic + other.automatic,
            wrong: self.wrong + other.wrong,
            micros: self.micros + other.micros,
        }
    }
}

fn share(counts: bool) -> f64 {
    f64::from(u8::from(counts))
}

/// What most integrations do.
fn plain(texts: &[&str], prefix: &str) -> Vec<OrderCode> {
    let mut found = Vec::new();
    for text in texts.iter().map(|text| text.to_ascii_uppercase()) {
        for (start, _) in text.match_indices(prefix) {
            let code = text.get(start..start + prefix.len() + 8);
            let code = code.and_then(|code| OrderCode::parse(code, prefix));
            found.extend(code.filter(|code| !found.contains(code)));
        }
    }
    found
}

/// Microseconds for one transfer.
fn near(shop: &Shop) -> anyhow::Result<f64> {
    let known = shop.known();
    let codes: Vec<&OrderCode> = known.into_keys().take(OPEN_ORDERS).collect();
    let transfers = &shop.cases[..OPEN_ORDERS];
    let begun = Instant::now();
    for case in transfers {
        let texts = Texts::new(&case.memo.texts());
        black_box(codes.iter().filter(|code| texts.is_near(code)).count());
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(transfers.len())?))
}

//! The walk over all histories, level by level. Two histories that led to the same are followed as one:
//! the program reads its tables, the platform and the clock, and no step decides by an id, by the sequence
//! of orders or by how long ago something was; so what is the same in all else goes on in the same way.
//! The same is: the essence of the tables (`snapshot.rs`) and that of the oracle's world. Wholly refunded
//! orders and won disputes are in neither: nothing follows from them. What is compared with the oracle
//! after each event is everything, and all of it is compared before two histories become one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use bursar::db::Kind;

use super::history::{Course, Event, Ware};
use super::oracle::{self, Claim, Deal, World};
use super::snapshot::{Hand, Snapshot};
use super::stage::{Stage, expected};

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Every event, up to so many.
    pub everything: usize,
    /// Without gifts and without purchases that wait, up to so many.
    pub rest: usize,
}

impl Plan {
    fn covers(self, history: &[Event]) -> bool {
        let extra = |event: &Event| matches!(event, Event::Gift | Event::BuyLate(_));
        let most = if history.iter().any(extra) {
            self.everything
        } else {
            self.everything.max(self.rest)
        };
        history.len() <= most
    }
}

/// What was covered.
#[derive(Debug, Default, Clone, Copy)]
pub struct Covered {
    pub histories: u64,
    pub events: usize,
    pub states: usize,
}

type History = Vec<Event>;

/// States of one level: a history that leads there, and how many do.
type Level = BTreeMap<String, (History, u64)>;

/// Follow every history of the plan, on as many databases as there are processors.
pub fn all(plan: Plan) -> Covered {
    let mut covered = Covered::default();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut level: Vec<(History, u64)> = vec![(Vec::new(), 1)];
    let walkers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut stages: Vec<Walker> = (0..walkers).map(|_| Walker::start()).collect();
    for length in 1..=plan.everything.max(plan.rest) {
        // Neighbours begin alike, so a walker seldom has to begin again.
        level.sort();
        let next: Mutex<Level> = Mutex::default();
        let share = level.len().div_ceil(walkers).max(1);
        std::thread::scope(|scope| {
            let shares = level.chunks(share).zip(&mut stages);
            let walks: Vec<_> = shares
                .map(|(states, walker)| scope.spawn(|| walker.follow(plan, states, &next)))
                .collect();
            for walk in walks {
                let (histories, events) = walk.join().unwrap();
                covered.histories += histories;
                covered.events += events;
            }
        });
        let next = next.into_inner().unwrap();
        level = Vec::new();
        for (essence, state) in next {
            if known.insert(essence) {
                level.push(state);
            }
        }
        covered.states = known.len();
        eprintln!("{length} events: {covered:?}");
    }
    covered
}

/// One stage, and the states on the way to where it is.
struct Walker {
    runtime: tokio::runtime::Runtime,
    stage: Stage,
    hand: Hand,
    way: Vec<Snapshot>,
    history: History,
    latest: Snapshot,
}

impl Walker {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let stage = runtime.block_on(Stage::open(Kind::Sqlite));
        let hand = Hand::on(&stage.shop.database_file());
        let begin = hand.take(&stage);
        Self {
            runtime,
            stage,
            hand,
            way: vec![begin.clone()],
            history: Vec::new(),
            latest: begin,
        }
    }

    /// Tell every event that can follow each of these states. Histories and events told.
    fn follow(
        &mut self,
        plan: Plan,
        states: &[(History, u64)],
        next: &Mutex<Level>,
    ) -> (u64, usize) {
        let (mut histories, mut events) = (0, 0);
        for (history, weight) in states {
            self.go_to(history);
            for (event, alike) in possible(&oracle::after(history)) {
                let told = [history.as_slice(), &[event]].concat();
                if !plan.covers(&told) {
                    continue;
                }
                let essence = self.tell(&told);
                histories += weight * alike;
                events += 1;
                let mut next = next.lock().unwrap();
                let entry = next.entry(essence).or_insert((told, 0));
                entry.1 += weight * alike;
            }
        }
        (histories, events)
    }

    /// Be in the state after this history: from the last state on the way that it shares.
    fn go_to(&mut self, history: &[Event]) {
        let pairs = history.iter().zip(&self.history);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        self.history.truncate(shared);
        self.way.truncate(shared + 1);
        for event in &history[shared..] {
            self.history.push(*event);
            self.put_back(self.way.len() - 1);
            self.runtime.block_on(self.stage.play(*event));
            self.latest = self.hand.take(&self.stage);
            self.way.push(self.latest.clone());
        }
    }

    fn put_back(&mut self, place: usize) {
        self.hand
            .put_back(&mut self.stage, &self.way[place], &self.latest);
        self.latest = self.way[place].clone();
    }

    /// The last event of a history, from the state that we are in; what is left of both sides.
    fn tell(&mut self, history: &[Event]) -> String {
        self.put_back(self.way.len() - 1);
        let event = history[history.len() - 1];
        self.runtime.block_on(self.stage.play(event));
        let seen = self.runtime.block_on(self.stage.look());
        let world = oracle::after(history);
        assert_eq!(seen, expected(&world), "after {history:?}");
        self.latest = self.hand.take(&self.stage);
        let tables = self.hand.essence(&self.latest);
        format!("{}\n{tables}", essence(&world))
    }
}

/// What can happen next, and to how many orders that are the same in all.
pub fn possible(world: &World) -> Vec<(Event, u64)> {
    let mut events = vec![
        (Event::Buy(Ware::Single), 1),
        (Event::Buy(Ware::Trio), 1),
        (Event::Gift, 1),
    ];
    // One purchase waits at a time.
    if !world.something_waits() {
        events.push((Event::BuyLate(Ware::Trio), 1));
    }
    if world.something_waits() {
        events.push((Event::Activate, 1));
    }
    if !world.deals.is_empty() {
        events.push((Event::Days, 1));
    }
    for (place, deal) in world.deals.iter().enumerate() {
        if world.deals[..place].contains(deal) {
            continue;
        }
        let alike = world.deals.iter().filter(|other| *other == deal).count() as u64;
        events.extend(of_order(place, deal).into_iter().map(|e| (e, alike)));
    }
    events
}

fn of_order(place: usize, deal: &Deal) -> Vec<Event> {
    let mut events = Vec::new();
    if !deal.gift && !deal.is_wholly_refunded() {
        events.push(Event::RefundAll(place));
        if deal.claim == Claim::None {
            events.push(Event::Dispute(place));
        }
        // A single course is the whole order.
        let lines = oracle::courses(deal.ware)
            .iter()
            .filter(|_| deal.ware == Ware::Trio);
        let left = lines.filter(|course| !deal.returned.contains(course));
        events.extend(left.map(|course: &Course| Event::RefundLine(place, *course)));
    }
    if deal.claim == Claim::Open {
        events.extend([Event::Win(place), Event::Lose(place)]);
    }
    events
}

/// The oracle's world without the past.
fn essence(world: &World) -> String {
    let mut deals = Vec::new();
    for deal in &world.deals {
        let mut deal = deal.clone();
        if deal.is_wholly_refunded() && deal.finished.is_some() && deal.claim != Claim::Open {
            continue;
        }
        if deal.claim == Claim::Won {
            deal.claim = Claim::None;
        }
        for promise in &mut deal.promises {
            promise.kept = promise
                .kept
                .map(|end| end.map(|day| day.saturating_sub(world.day)));
        }
        deals.push(format!("{deal:?}"));
    }
    deals.sort();
    format!("{:?} {}", world.enrolled, deals.join(" "))
}

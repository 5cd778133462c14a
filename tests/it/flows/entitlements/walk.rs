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

/// What was covered.
#[derive(Debug, Default, Clone, Copy)]
pub struct Covered {
    pub histories: u64,
    pub events: usize,
    pub states: usize,
}

pub type History = Vec<Event>;

/// States of one level: a history that leads there, and how many do.
type Level = BTreeMap<String, (History, u64)>;

/// Follow every history up to a length, on as many databases as there are processors.
pub fn all(length: usize) -> Covered {
    let mut covered = Covered::default();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut level: Vec<(History, u64)> = vec![(Vec::new(), 1)];
    for told in 1..=length {
        // Neighbours begin alike, so a walker seldom has to begin again.
        level.sort();
        let next: Mutex<Level> = Mutex::default();
        let walked = on_all_processors(&level, |walker, states| walker.follow(states, &next));
        for (histories, events) in walked {
            covered.histories += histories;
            covered.events += events;
        }
        level = Vec::new();
        for (essence, state) in next.into_inner().unwrap() {
            if known.insert(essence) {
                level.push(state);
            }
        }
        covered.states = known.len();
        eprintln!("{told} events: {covered:?}");
    }
    covered
}

/// Tell these histories, each event of each; how many events that were: what neighbours have in common at
/// their beginning is told once.
pub fn each(mut histories: Vec<History>) -> usize {
    histories.sort();
    let told = on_all_processors(&histories, Walker::tell_all);
    told.iter().sum()
}

/// Share out work among walkers, a few neighbours at a time.
fn on_all_processors<W: Sync, R: Send>(
    work: &[W],
    walk: impl Fn(&mut Walker, &[W]) -> R + Sync,
) -> Vec<R> {
    let walkers = std::thread::available_parallelism().map_or(1, usize::from);
    let shares = Mutex::new(work.chunks(work.len().div_ceil(walkers * 16).max(1)));
    let walk_on = || {
        let mut walker = Walker::start();
        let mut results = Vec::new();
        loop {
            // The lock is not held while walking.
            let share = shares.lock().unwrap().next();
            match share {
                Some(share) => results.push(walk(&mut walker, share)),
                None => return results,
            }
        }
    };
    std::thread::scope(|scope| {
        let walks: Vec<_> = (0..walkers).map(|_| scope.spawn(walk_on)).collect();
        let results = walks.into_iter().flat_map(|walk| walk.join().unwrap());
        results.collect()
    })
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
    fn follow(&mut self, states: &[(History, u64)], next: &Mutex<Level>) -> (u64, usize) {
        let (mut histories, mut events) = (0, 0);
        for (history, weight) in states {
            self.go_to(history);
            for (event, alike) in possible(&oracle::after(history)) {
                let told = [history.as_slice(), &[event]].concat();
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

    fn tell_all(&mut self, histories: &[History]) -> usize {
        let mut events = 0;
        for history in histories {
            self.forget(history);
            while let Some(event) = history.get(self.history.len()) {
                self.put_back(self.way.len() - 1);
                self.history.push(*event);
                self.play_and_compare(*event, &oracle::after(&self.history));
                self.way.push(self.latest.clone());
                events += 1;
            }
        }
        events
    }

    /// Be in the state after this history: from the last state on the way that it shares.
    fn go_to(&mut self, history: &[Event]) {
        let shared = self.forget(history);
        for event in &history[shared..] {
            self.history.push(*event);
            self.put_back(self.way.len() - 1);
            self.runtime.block_on(self.stage.play(*event));
            self.latest = self.hand.take(&self.stage);
            self.way.push(self.latest.clone());
        }
    }

    /// What is not on the way to this history; how much of it is left.
    fn forget(&mut self, history: &[Event]) -> usize {
        let pairs = history.iter().zip(&self.history);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        self.history.truncate(shared);
        self.way.truncate(shared + 1);
        shared
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
        self.history.push(event);
        let world = oracle::after(&self.history);
        self.play_and_compare(event, &world);
        self.history.pop();
        let tables = self.hand.essence(&self.latest);
        format!("{}\n{tables}", essence(&world))
    }

    fn play_and_compare(&mut self, event: Event, world: &World) {
        self.runtime.block_on(self.stage.play(event));
        let seen = self.runtime.block_on(self.stage.look());
        assert_eq!(seen, expected(world), "after {:?}", self.history);
        self.latest = self.hand.take(&self.stage);
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

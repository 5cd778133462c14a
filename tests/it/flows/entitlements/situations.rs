//! Histories too long to tell every one: of all events at the ends of all of them, those that meet something
//! new. What an event does to an order's promise follows from the event, from the order, and from what the
//! other orders give of the same; what else there is does not come into it. That is a *situation*, and
//! each is told once, in a whole shop with everything compared. It is the oracle's account of an order that is
//! taken for all of it, where the full walk looks into the tables too: so some hundred of the events that are
//! passed over are told all the same, and some whole histories made by chance.

use std::collections::{BTreeMap, BTreeSet};

use bursar::id::Mint;

use super::history::{Course, Event};
use super::oracle::{self, Access, Claim, Deal, World};
use super::walk::{History, possible};

/// What to tell of the histories up to a length.
#[derive(Debug, Default)]
pub struct Choice {
    /// At the end of each something new is met.
    pub histories: Vec<History>,
    /// Some of those at whose end nothing new is met, and some made by chance.
    pub sample: Vec<History>,
    /// How many different events at the ends of histories these stand for, and how many histories.
    pub events: usize,
    pub stands_for: u64,
    pub situations: usize,
}

/// How many events that are passed over are told.
const PASSED_OVER: usize = 200;
/// How many whole histories.
const BY_CHANCE: usize = 60;

type Level = BTreeMap<String, (World, History, u64)>;

/// From the oracle alone, without the program.
pub fn choose(length: usize) -> Choice {
    let mut choice = Choice::default();
    let mut met = BTreeSet::new();
    let mut states = BTreeSet::new();
    let mut passed = Vec::new();
    let mut level = Level::from([(String::new(), (World::default(), History::new(), 1))]);
    for told in 1..=length {
        let mut next = Level::new();
        for (world, history, weight) in level.values() {
            for (event, alike) in possible(world) {
                let history = [history.as_slice(), &[event]].concat();
                choice.events += 1;
                choice.stands_for += weight * alike;
                // Each of them is met, also when the first was new.
                let before = met.len();
                met.extend(situations(world, event));
                if met.len() > before {
                    choice.histories.push(history.clone());
                } else {
                    passed.push(history.clone());
                }
                if told < length {
                    let after = oracle::then(world, event);
                    let place = next.entry(essence(&after));
                    place.or_insert((after, history, 0)).2 += weight * alike;
                }
            }
        }
        next.retain(|essence, _| states.insert(essence.clone()));
        level = next;
    }
    choice.situations = met.len();
    choice.sample = sample(passed, length);
    choice
}

fn sample(mut passed: Vec<History>, length: usize) -> Vec<History> {
    let chance = Mint::seeded(11);
    let mut some = Vec::new();
    while some.len() < PASSED_OVER && !passed.is_empty() {
        some.push(passed.swap_remove(pick(&chance, passed.len())));
    }
    some.extend((0..BY_CHANCE).map(|_| random(&chance, length)));
    some
}

/// A history as chance will have it.
pub fn random(chance: &Mint, length: usize) -> History {
    let mut history = History::new();
    while history.len() < length {
        let possible = possible(&oracle::after(&history));
        history.push(possible[pick(chance, possible.len())].0);
    }
    history
}

fn pick(chance: &Mint, of: usize) -> usize {
    usize::try_from(chance.bits() >> 32).unwrap() % of
}

/// What an event meets: one for each promise of each order that it is about.
fn situations(world: &World, event: Event) -> impl Iterator<Item = String> {
    let (about, what): (Vec<usize>, String) = match event {
        Event::Buy(_) | Event::BuyLate(_) | Event::Gift => (vec![], format!("{event:?}")),
        Event::Days | Event::Activate => ((0..world.deals.len()).collect(), format!("{event:?}")),
        Event::RefundLine(deal, course) => (vec![deal], format!("refund {course:?}")),
        Event::RefundAll(deal) => (vec![deal], "refund".to_owned()),
        Event::Dispute(deal) => (vec![deal], "dispute".to_owned()),
        Event::Win(deal) => (vec![deal], "win".to_owned()),
        Event::Lose(deal) => (vec![deal], "lose".to_owned()),
    };
    let mut met = Vec::new();
    if about.is_empty() {
        let bought = oracle::then(world, event);
        let new = &bought.deals[world.deals.len()];
        met.extend(others(world, None, new).map(|others| format!("{what}; {others}")));
    }
    for place in about {
        let deal = &world.deals[place];
        let own = portrait(deal, world.day);
        met.extend(others(world, Some(place), deal).map(|o| format!("{what}; {own}; {o}")));
    }
    met.into_iter()
}

/// An order as it is, its days counted from today. In one that is finished, what was kept of a course
/// whose money is gone for good decides nothing any more.
fn portrait(deal: &Deal, day: u32) -> String {
    let mut portrait = deal.clone();
    for promise in &mut portrait.promises {
        let left = |end: Option<u32>| end.map(|end| end.saturating_sub(day));
        let past = deal.finished.is_some() && deal.is_over(promise.course);
        promise.kept = promise.kept.map(left).filter(|_| !past);
    }
    format!("{portrait:?}")
}

/// For each promise of an order, what the others give of the same.
fn others(world: &World, place: Option<usize>, deal: &Deal) -> impl Iterator<Item = String> {
    deal.promises.iter().map(move |own: &oracle::Promise| {
        let others = world.deals.iter().enumerate();
        let others = others.filter(|(other, _)| Some(*other) != place);
        let same = others
            .flat_map(|(_, deal)| &deal.promises)
            .filter(|other| (other.course, other.files) == (own.course, own.files));
        let (mut given, mut waits, mut last) = (false, false, None);
        for promise in same {
            given |= promise.access == Access::Given;
            waits |= promise.access == Access::Waits;
            if promise.access == Access::Given {
                last = last.max(promise.kept.flatten().map(|end| end - world.day));
            }
        }
        let which: (Course, bool) = (own.course, own.files);
        format!("{which:?} given: {given} until {last:?}, waits: {waits}")
    })
}

/// All orders to which something can still happen, as they are and in no sequence.
fn essence(world: &World) -> String {
    let alive = |deal: &&Deal| {
        !deal.is_wholly_refunded() || deal.finished.is_none() || deal.claim == Claim::Open
    };
    let orders = world.deals.iter().filter(alive);
    let mut orders: Vec<String> = orders.map(|deal| portrait(deal, world.day)).collect();
    orders.sort_unstable();
    orders.join("\n")
}

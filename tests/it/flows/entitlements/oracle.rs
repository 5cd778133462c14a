//! The oracle: what must be so after a history, from the history alone. It shares no code, no table and no
//! word with the program. Time is in days; money in thousands of dong.

use std::collections::BTreeSet;

use super::history::{Course, Event, Ware};

/// One promise: a course's enrolment, or its files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promise {
    pub course: Course,
    pub files: bool,
    pub access: Access,
    /// Kept once: the day on which it ends; `None` never ends.
    #[expect(
        clippy::option_option,
        reason = "kept or not, and with an end or without: two questions"
    )]
    pub kept: Option<Option<u32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Not yet.
    Waits,
    Given,
    /// Not any more, or not at present.
    Taken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    None,
    Open,
    Won,
    Lost,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deal {
    pub ware: Ware,
    pub gift: bool,
    pub promises: Vec<Promise>,
    /// Courses whose money went back by themselves.
    pub returned: BTreeSet<Course>,
    pub refunded: u32,
    pub claim: Claim,
    /// Every promise was kept once or is over; whether all promises of a course were kept.
    pub finished: Option<bool>,
    /// Letters, sorted.
    pub letters: Vec<String>,
}

/// How things are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct World {
    pub day: u32,
    pub deals: Vec<Deal>,
    /// Courses that the platform has the learner in.
    pub enrolled: BTreeSet<Course>,
}

/// The whole oracle.
pub fn after(history: &[Event]) -> World {
    let mut world = World::default();
    for event in history {
        world.take(*event);
    }
    world
}

/// The same, one event further.
pub fn then(world: &World, event: Event) -> World {
    let mut world = world.clone();
    world.take(event);
    world
}

pub fn courses(ware: Ware) -> &'static [Course] {
    match ware {
        Ware::Single => &[Course::A],
        Ware::Trio => &[Course::A, Course::B, Course::C],
    }
}

/// What a course costs in it.
pub fn price(ware: Ware, course: Course) -> u32 {
    let alone = match course {
        Course::A => 100,
        Course::B => 500,
        Course::C => 200,
    };
    match ware {
        Ware::Single => alone,
        Ware::Trio => alone / 2,
    }
}

impl Deal {
    fn new(ware: Ware, gift: bool) -> Self {
        let promise = |course, files| Promise {
            course,
            files,
            access: Access::Waits,
            kept: None,
        };
        let promises = courses(ware).iter().flat_map(|course| match course {
            Course::A => vec![promise(Course::A, false), promise(Course::A, true)],
            Course::B => vec![promise(Course::B, false)],
            Course::C => vec![promise(Course::C, true)],
        });
        Self {
            ware,
            gift,
            promises: promises.collect(),
            returned: BTreeSet::new(),
            refunded: 0,
            claim: Claim::None,
            finished: None,
            letters: if gift {
                vec![]
            } else {
                vec!["receipt".to_owned()]
            },
        }
    }

    pub fn total(&self) -> u32 {
        let prices = courses(self.ware).iter().map(|c| price(self.ware, *c));
        if self.gift { 0 } else { prices.sum() }
    }

    /// All its money is gone, or as good as gone.
    pub fn is_wholly_refunded(&self) -> bool {
        !self.gift && self.refunded >= self.total()
    }

    /// Its money for this course went back.
    pub fn is_over(&self, course: Course) -> bool {
        self.is_wholly_refunded() || self.claim == Claim::Lost || self.returned.contains(&course)
    }

    fn finish(&mut self) {
        let over = |p: &Promise| p.kept.is_some() || self.is_over(p.course);
        if self.finished.is_some() || !self.promises.iter().all(over) {
            return;
        }
        let whole = |course: &&Course| {
            let mut own = self.promises.iter().filter(|p| p.course == **course);
            own.all(|p| p.kept.is_some())
        };
        self.finished = Some(courses(self.ware).iter().any(|c| whole(&c)));
        if !self.is_wholly_refunded() {
            self.letters.push("completed".to_owned());
        }
    }
}

impl World {
    pub fn something_waits(&self) -> bool {
        let mut all = self.deals.iter().flat_map(|deal| &deal.promises);
        all.any(|promise| promise.access == Access::Waits)
    }

    fn take(&mut self, event: Event) {
        self.happen(event);
        self.follow_on_platform();
        for deal in &mut self.deals {
            deal.finish();
            deal.letters.sort();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Buy(ware) => self.sell(Deal::new(ware, false), false),
            Event::BuyLate(ware) => self.sell(Deal::new(ware, false), true),
            Event::Gift => self.sell(Deal::new(Ware::Single, true), false),
            Event::Activate => self.activate(),
            Event::RefundLine(deal, course) => {
                let amount = price(self.deals[deal].ware, course);
                self.deals[deal].returned.insert(course);
                self.refund(deal, amount);
            }
            Event::RefundAll(deal) => {
                let amount = self.deals[deal].total() - self.deals[deal].refunded;
                self.refund(deal, amount);
            }
            Event::Dispute(deal) => self.claim(deal, Claim::Open),
            Event::Win(deal) => self.claim(deal, Claim::Won),
            Event::Lose(deal) => {
                self.deals[deal].refunded += self.deals[deal].total();
                self.claim(deal, Claim::Lost);
            }
            Event::Days => self.pass(),
        }
    }

    /// In as soon as one promise is kept; out when none is left to keep, or still to be kept.
    fn follow_on_platform(&mut self) {
        let enrolments = self.deals.iter().flat_map(|deal| &deal.promises);
        let enrolments: Vec<&Promise> = enrolments.filter(|p| !p.files).collect();
        let with = |access: Access| {
            let some = enrolments.iter().filter(move |p| p.access == access);
            some.map(|p| p.course).collect::<BTreeSet<_>>()
        };
        let (given, waits) = (with(Access::Given), with(Access::Waits));
        self.enrolled.retain(|course| waits.contains(course));
        self.enrolled.extend(given);
    }

    fn sell(&mut self, deal: Deal, late: bool) {
        let place = self.deals.len();
        let promises = deal.promises.clone();
        self.deals.push(deal);
        for (which, promise) in promises.iter().enumerate() {
            if promise.files || !late {
                self.keep(place, which);
            }
        }
    }

    /// Days are added to what the learner has of the same thing; an end that was given stays.
    fn keep(&mut self, deal: usize, which: usize) {
        let promise = self.deals[deal].promises[which].clone();
        let same = |p: &&Promise| (p.course, p.files) == (promise.course, promise.files);
        let all = self
            .deals
            .iter()
            .flat_map(|deal| &deal.promises)
            .filter(same);
        let given = all.filter(|p| p.access == Access::Given);
        let last = given.filter_map(|p| p.kept.flatten()).max();
        let end = (promise.course == Course::A).then(|| last.unwrap_or(0).max(self.day) + 30);
        let promise = &mut self.deals[deal].promises[which];
        promise.kept.get_or_insert(end);
        promise.access = Access::Given;
    }

    fn activate(&mut self) {
        for deal in 0..self.deals.len() {
            for which in 0..self.deals[deal].promises.len() {
                if self.deals[deal].promises[which].access == Access::Waits {
                    self.keep(deal, which);
                }
            }
        }
    }

    fn refund(&mut self, deal: usize, amount: u32) {
        self.deals[deal].refunded += amount;
        self.deals[deal].letters.push("refunded".to_owned());
        self.follow(deal);
    }

    fn claim(&mut self, deal: usize, claim: Claim) {
        self.deals[deal].claim = claim;
        self.follow(deal);
    }

    /// Access follows money: taken with it, and given again with it unless it would have ended meanwhile.
    fn follow(&mut self, place: usize) {
        for which in 0..self.deals[place].promises.len() {
            let deal = &mut self.deals[place];
            let over = deal.is_over(deal.promises[which].course);
            let promise = &mut deal.promises[which];
            let ended = promise.kept.flatten().is_some_and(|end| end <= self.day);
            if over || deal.claim == Claim::Open {
                promise.access = Access::Taken;
            } else if promise.access == Access::Taken && !ended {
                self.keep(place, which);
            }
        }
    }

    /// Thirty-one days. On the way, in the last seven days of what ends last, its buyer is told, once.
    fn pass(&mut self) {
        self.activate();
        self.day += 24;
        for place in 0..self.deals.len() {
            self.warn(place);
        }
        self.day += 7;
        for promise in self.deals.iter_mut().flat_map(|deal| &mut deal.promises) {
            if promise.kept.flatten().is_some_and(|end| end <= self.day) {
                promise.access = Access::Taken;
            }
        }
    }

    fn warn(&mut self, place: usize) {
        let ends = |promises: &mut dyn Iterator<Item = &Promise>, files: bool| {
            let given = promises.filter(|p| p.files == files && p.access == Access::Given);
            given.filter_map(|p| p.kept.flatten()).max()
        };
        let soon = |files: &bool| {
            let own = ends(&mut self.deals[place].promises.iter(), *files);
            let all = ends(&mut self.deals.iter().flat_map(|d| &d.promises), *files);
            own.is_some_and(|end| end <= self.day + 7) && own == all
        };
        let letter = "ending".to_owned();
        if [false, true].iter().any(soon) && !self.deals[place].letters.contains(&letter) {
            self.deals[place].letters.push(letter);
        }
    }
}

//! What an order costs, and which rule of the catalogue made it so. The cheapest total wins; list
//! price is the ceiling. A pure function: placing the order freezes its answer on the lines. A coupon
//! comes on top: see `coupon`.
//!
//! Bundles apply whole and do not share a course, except two that the buyer named: an order never
//! costs more than its items one by one. Combos take the dearest of the remaining courses. Exact up
//! to [`EXACT_BUNDLES`] bundles that save something; beyond that the greediest choices are compared.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::model::bundle::Bundle;
use crate::model::catalogue::{Catalogue, Item};
use crate::model::course::{Course, Slug};
use crate::money::{Money, share};

mod combos;
pub mod coupon;
mod rule;

use combos::Combos;
pub use rule::{Applied, Rule};

/// Bundles up to which every selection of them is tried.
pub const EXACT_BUNDLES: usize = 12;

/// The price of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// One for each course, in the order in which they were named.
    pub lines: Vec<QuoteLine>,
    /// What the courses cost one by one.
    pub list_total: Money,
    /// What is asked; the sum of the lines' prices.
    pub total: Money,
    /// What made the difference.
    pub rule: Rule,
}

/// The price of one course within an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteLine {
    /// The course.
    pub course: Slug,
    /// Its own price.
    pub list_price: Money,
    /// Its share of what is asked; never more than its own price.
    pub price: Money,
    /// The bundle whose price this is a share of.
    pub bundle: Option<Slug>,
}

/// The price of what the buyer named. A course named twice, by itself or within bundles, counts once.
#[must_use]
pub fn price(catalogue: &Catalogue, items: &[Item<'_>]) -> Quote {
    let basket = Basket::new(catalogue, items);
    let plan = basket.cheapest();
    basket.quote(&plan)
}

/// The courses of an order and the rules that could apply to them. Courses are numbers from here on:
/// places in `courses`.
struct Basket<'c> {
    courses: Vec<&'c Course>,
    dearest_first: Vec<usize>,
    bundles: Vec<Fit<'c>>,
    combos: Combos<'c>,
}

/// A bundle whose courses are all in the basket and cost more one by one.
struct Fit<'c> {
    bundle: &'c Bundle,
    courses: Vec<usize>,
    named: bool,
    saving: i64,
}

/// One way to price a basket.
struct Plan {
    /// Bundles to apply, in this order.
    bundles: Vec<usize>,
    /// Courses that combos take.
    by_combos: Vec<usize>,
    /// What all of it costs.
    total: i64,
    /// How many rules are at work.
    rules: usize,
}

impl<'c> Basket<'c> {
    fn new(catalogue: &'c Catalogue, items: &[Item<'c>]) -> Self {
        let mut places = HashMap::new();
        let mut courses: Vec<&Course> = Vec::new();
        for course in items.iter().flat_map(|item| expand(catalogue, *item)) {
            places.entry(&course.slug).or_insert_with(|| {
                courses.push(course);
                courses.len() - 1
            });
        }
        let mut dearest_first: Vec<usize> = (0..courses.len()).collect();
        dearest_first.sort_by_key(|&place| Reverse(courses[place].price.minor));
        let fits = catalogue.bundles.iter().filter_map(|bundle| {
            let within: Option<Vec<usize>> = bundle
                .courses
                .iter()
                .map(|slug| places.get(slug).copied())
                .collect();
            let within = within?;
            let list: i64 = within.iter().map(|&place| courses[place].price.minor).sum();
            Some(Fit {
                bundle,
                courses: within,
                named: items.contains(&Item::Bundle(bundle)),
                saving: list - bundle.price.minor,
            })
        });
        let bundles = fits.filter(|fit| fit.saving > 0).collect();
        let combos = Combos::new(&catalogue.combos, courses.len());
        Self {
            courses,
            dearest_first,
            bundles,
            combos,
        }
    }

    fn cheapest(&self) -> Plan {
        let selections = if self.bundles.len() <= EXACT_BUNDLES {
            self.every_selection()
        } else {
            self.greedy_selections()
        };
        let plans = selections.into_iter().map(|bundles| self.plan(bundles));
        let best = plans.min_by_key(|plan| (plan.total, plan.rules));
        best.unwrap_or_else(|| self.plan(Vec::new()))
    }

    fn every_selection(&self) -> Vec<Vec<usize>> {
        let mut selections = vec![Vec::new()];
        for next in 0..self.bundles.len() {
            let mut with_next: Vec<Vec<usize>> = selections
                .iter()
                .filter(|chosen| chosen.iter().all(|&other| self.go_together(other, next)))
                .cloned()
                .collect();
            for chosen in &mut with_next {
                chosen.push(next);
            }
            selections.append(&mut with_next);
        }
        selections
    }

    /// Those of greatest saving one after another, once out of all and once the named ones first;
    /// with every beginning of both, so that no bundle spoils a combo that saves more.
    fn greedy_selections(&self) -> Vec<Vec<usize>> {
        let mut by_saving: Vec<usize> = (0..self.bundles.len()).collect();
        by_saving.sort_by_key(|&place| Reverse(self.bundles[place].saving));
        let mut named_first = by_saving.clone();
        named_first.sort_by_key(|&place| !self.bundles[place].named);
        [by_saving, named_first]
            .iter()
            .flat_map(|order| beginnings(&self.taken_in_order(order)))
            .collect()
    }

    fn taken_in_order(&self, order: &[usize]) -> Vec<usize> {
        let mut chosen: Vec<usize> = Vec::new();
        let mut covered = vec![false; self.courses.len()];
        for &next in order {
            let fit = &self.bundles[next];
            let open = fit.courses.iter().filter(|&&place| !covered[place]);
            let open_list: i64 = open.map(|&place| self.list_price(place)).sum();
            let together = chosen.iter().all(|&other| self.go_together(other, next));
            if together && fit.bundle.price.minor < open_list {
                mark(&mut covered, &fit.courses);
                chosen.push(next);
            }
        }
        chosen
    }

    /// Two named bundles may overlap: the buyer could as well have ordered one after the other.
    fn go_together(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.bundles[one], &self.bundles[other]);
        let disjoint = !one
            .courses
            .iter()
            .any(|place| other.courses.contains(place));
        disjoint || (one.named && other.named)
    }

    fn plan(&self, bundles: Vec<usize>) -> Plan {
        let mut covered = vec![false; self.courses.len()];
        let mut bundle_total = 0;
        for &bundle in &bundles {
            let fit = &self.bundles[bundle];
            bundle_total += fit.bundle.price.minor;
            mark(&mut covered, &fit.courses);
        }
        let rest = self
            .dearest_first
            .iter()
            .copied()
            .filter(|&place| !covered[place]);
        let mut rest: Vec<usize> = rest.collect();
        let lists: Vec<i64> = rest.iter().map(|&place| self.list_price(place)).collect();
        let (by_combos, rest_total) = self.combos.cheapest(&lists);
        rest.truncate(by_combos);
        Plan {
            total: bundle_total + rest_total,
            rules: bundles.len() + self.combos.used_for(by_combos).len(),
            bundles,
            by_combos: rest,
        }
    }

    fn quote(&self, plan: &Plan) -> Quote {
        let lists: Vec<i64> = self
            .courses
            .iter()
            .map(|course| course.price.minor)
            .collect();
        let lines = self.courses.iter().zip(self.line_prices(plan)).enumerate();
        let lines = lines.map(|(place, (course, price))| QuoteLine {
            course: course.slug.clone(),
            list_price: course.price,
            price: Money::vnd(price),
            bundle: self.bundle_of(plan, place),
        });
        Quote {
            lines: lines.collect(),
            list_total: Money::vnd(lists.iter().sum()),
            total: Money::vnd(plan.total),
            rule: self.rule(plan),
        }
    }

    /// Each rule's price shared over its courses; one that two bundles hold belongs to the first.
    fn line_prices(&self, plan: &Plan) -> Vec<i64> {
        let mut prices: Vec<i64> = self
            .courses
            .iter()
            .map(|course| course.price.minor)
            .collect();
        let mut taken = vec![false; prices.len()];
        for &bundle in &plan.bundles {
            let fit = &self.bundles[bundle];
            let open = fit.courses.iter().copied().filter(|&place| !taken[place]);
            let open: Vec<usize> = open.collect();
            self.share_out(fit.bundle.price.minor, &open, &mut prices);
            mark(&mut taken, &open);
        }
        // All combos as one: apart, a dear combo could fall to cheap courses and exceed their price.
        let combos = self.combos.cost(plan.by_combos.len());
        self.share_out(combos, &plan.by_combos, &mut prices);
        prices
    }

    fn bundle_of(&self, plan: &Plan, place: usize) -> Option<Slug> {
        let mut chosen = plan.bundles.iter().map(|&bundle| &self.bundles[bundle]);
        let first = chosen.find(|fit| fit.courses.contains(&place))?;
        Some(first.bundle.slug.clone())
    }

    fn share_out(&self, total: i64, places: &[usize], prices: &mut [i64]) {
        let lists: Vec<i64> = places.iter().map(|&place| self.list_price(place)).collect();
        for (&place, part) in places.iter().zip(share(total, &lists)) {
            prices[place] = part;
        }
    }

    fn rule(&self, plan: &Plan) -> Rule {
        let bundles = plan.bundles.iter().map(|&place| self.bundles[place].bundle);
        let bundles = bundles.map(|bundle| Applied::Bundle {
            slug: bundle.slug.clone(),
            title: bundle.title.clone(),
            price: bundle.price,
        });
        let combos = self.combos.used_for(plan.by_combos.len());
        Rule(bundles.chain(combos).collect())
    }

    fn list_price(&self, place: usize) -> i64 {
        self.courses[place].price.minor
    }
}

fn expand<'c>(catalogue: &'c Catalogue, item: Item<'c>) -> Vec<&'c Course> {
    match item {
        Item::Course(course) => vec![course],
        Item::Bundle(bundle) => {
            let courses = bundle.courses.iter();
            courses.filter_map(|slug| catalogue.course(slug)).collect()
        }
    }
}

fn beginnings(chosen: &[usize]) -> Vec<Vec<usize>> {
    (0..=chosen.len())
        .map(|length| chosen[..length].to_vec())
        .collect()
}

fn mark(covered: &mut [bool], places: &[usize]) {
    for &place in places {
        covered[place] = true;
    }
}

//! What an order costs: examples, and an oracle that tries everything.

use std::collections::HashMap;

use bursar::fulfilment::price::{Applied, Quote, Rule, price};
use bursar::model::bundle::{Bundle, Combo};
use bursar::model::catalogue::{Catalogue, Item};
use bursar::model::course::{Benefit, Course, PageUrl, Rights, Slug};
use bursar::money::Money;
use bursar::words::Locale;
use proptest::prelude::*;

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

fn course(position: usize, price: i64) -> Course {
    Course {
        slug: slug(&format!("c{position}")),
        title: format!("Khóa {position}"),
        summary: "…".to_owned(),
        url: PageUrl::parse(&format!("https://shop.example/c{position}")).unwrap(),
        price: Money::vnd(price),
        rights: Rights::Own,
        access_days: None,
        cover: None,
        active: true,
        benefits: vec![Benefit::Enrolment {
            connection: "lms".to_owned(),
            course: format!("c{position}"),
        }],
        position,
    }
}

/// Courses `c0`, `c1`, … at these prices; bundles `b0`, … as (price, courses); combos as (N, price).
fn shop(prices: &[i64], bundles: &[(i64, &[usize])], combos: &[(usize, i64)]) -> Catalogue {
    let courses = prices
        .iter()
        .enumerate()
        .map(|(at, &price)| course(at, price));
    let bundles = bundles
        .iter()
        .enumerate()
        .map(|(at, (price, courses))| Bundle {
            slug: slug(&format!("b{at}")),
            title: format!("Bộ {at}"),
            summary: None,
            price: Money::vnd(*price),
            courses: courses
                .iter()
                .map(|course| slug(&format!("c{course}")))
                .collect(),
        });
    let combos = combos.iter().map(|&(courses, price)| Combo {
        courses,
        price: Money::vnd(price),
    });
    Catalogue {
        courses: courses.collect(),
        bundles: bundles.collect(),
        combos: combos.collect(),
    }
}

fn order(catalogue: &Catalogue, named: &[&str]) -> Quote {
    let items: Vec<Item<'_>> = named
        .iter()
        .map(|name| catalogue.find(name).unwrap())
        .collect();
    let quote = price(catalogue, &items);
    let sum: i64 = quote.lines.iter().map(|line| line.price.minor).sum();
    assert_eq!(sum, quote.total.minor, "lines add up to the total");
    quote
}

fn line_prices(quote: &Quote) -> Vec<(&str, i64)> {
    let lines = quote.lines.iter();
    lines
        .map(|line| (line.course.as_str(), line.price.minor))
        .collect()
}

fn bundle(at: usize, price: i64) -> Applied {
    Applied::Bundle {
        slug: slug(&format!("b{at}")),
        title: format!("Bộ {at}"),
        price: Money::vnd(price),
    }
}

fn combo(courses: usize, price: i64, times: usize) -> Applied {
    Applied::Combo {
        courses,
        price: Money::vnd(price),
        times,
    }
}

#[test]
fn without_a_rule_each_course_costs_its_list_price() {
    let shop = shop(&[100, 200], &[], &[(3, 10)]);
    let quote = order(&shop, &["c1", "c0"]);
    assert_eq!(quote.total, Money::vnd(300));
    assert_eq!(quote.list_total, Money::vnd(300));
    assert_eq!(quote.rule, Rule::default());
    assert_eq!(line_prices(&quote), [("c1", 200), ("c0", 100)]);
}

#[test]
fn nothing_ordered_costs_nothing() {
    let quote = order(&shop(&[100], &[], &[(2, 10)]), &[]);
    assert_eq!((quote.total, quote.lines.len()), (Money::vnd(0), 0));
}

#[test]
fn a_bundle_applies_when_all_its_courses_are_ordered_and_is_shared_by_list_price() {
    let shop = shop(&[100, 200, 400], &[(200, &[0, 1])], &[]);
    assert_eq!(order(&shop, &["c0", "c2"]).rule, Rule::default());
    let quote = order(&shop, &["c2", "c1", "c0"]);
    assert_eq!(quote.rule, Rule(vec![bundle(0, 200)]));
    assert_eq!(line_prices(&quote), [("c2", 400), ("c1", 133), ("c0", 67)]);
}

#[test]
fn a_bundle_ordered_by_its_slug_expands_and_a_course_named_twice_counts_once() {
    let shop = shop(&[100, 200, 400], &[(250, &[1, 0])], &[]);
    let quote = order(&shop, &["c2", "b0", "c0"]);
    assert_eq!(quote.total, Money::vnd(650));
    let courses: Vec<&str> = quote
        .lines
        .iter()
        .map(|line| line.course.as_str())
        .collect();
    assert_eq!(courses, ["c2", "c1", "c0"]);
}

#[test]
fn a_combo_takes_the_dearest_courses() {
    let shop = shop(&[100, 400, 300, 50], &[], &[(2, 350)]);
    let quote = order(&shop, &["c0", "c1", "c2"]);
    assert_eq!(quote.rule, Rule(vec![combo(2, 350, 1)]));
    assert_eq!(line_prices(&quote), [("c0", 100), ("c1", 200), ("c2", 150)]);
}

#[test]
fn several_combos_may_be_used_and_the_same_one_again() {
    let shop = shop(&[100; 9], &[], &[(2, 150), (5, 300)]);
    let all = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];
    let quote = order(&shop, &all);
    assert_eq!(quote.total, Money::vnd(600));
    assert_eq!(quote.rule, Rule(vec![combo(2, 150, 2), combo(5, 300, 1)]));
}

#[test]
fn a_combo_that_is_dearer_than_list_prices_does_not_apply() {
    let shop = shop(&[100, 100], &[], &[(2, 201)]);
    assert_eq!(order(&shop, &["c0", "c1"]).rule, Rule::default());
}

#[test]
fn a_bundle_and_a_combo_share_an_order_when_that_is_cheapest() {
    let shop = shop(
        &[100, 100, 300, 300],
        &[(120, &[0, 1])],
        &[(2, 400), (4, 530)],
    );
    let quote = order(&shop, &["c0", "c1", "c2", "c3"]);
    assert_eq!(quote.total, Money::vnd(520));
    assert_eq!(quote.rule, Rule(vec![bundle(0, 120), combo(2, 400, 1)]));
}

#[test]
fn two_bundles_that_share_a_course_do_not_both_apply_unless_both_were_named() {
    let shop = shop(&[100, 10, 100], &[(50, &[0, 1]), (50, &[1, 2])], &[]);
    assert_eq!(order(&shop, &["c0", "c1", "c2"]).total, Money::vnd(150));
    let quote = order(&shop, &["b0", "b1"]);
    assert_eq!(quote.total, Money::vnd(100));
    assert_eq!(line_prices(&quote), [("c0", 45), ("c1", 5), ("c2", 50)]);
}

#[test]
fn between_equal_totals_the_fewest_rules_win() {
    let shop = shop(&[100; 4], &[(150, &[0, 1]), (150, &[2, 3])], &[(4, 300)]);
    let quote = order(&shop, &["c0", "c1", "c2", "c3"]);
    assert_eq!(quote.rule, Rule(vec![combo(4, 300, 1)]));
}

#[test]
fn the_rule_reads_well_in_both_languages_and_survives_storage() {
    let rule = Rule(vec![
        bundle(0, 1_199_000),
        combo(5, 1_999_000, 1),
        combo(2, 99_000, 3),
    ]);
    let vi = "Trọn bộ “Bộ 0” 1.199.000 ₫ + Combo 5 khóa 1.999.000 ₫ + 3 × combo 2 khóa 99.000 ₫";
    assert_eq!(rule.say(Locale::Vi), vi);
    let en = "Bundle “Bộ 0” 1.199.000 ₫ + Any 5 courses for 1.999.000 ₫ \
              + 3 × any 2 courses for 99.000 ₫";
    assert_eq!(rule.say(Locale::En), en);
    assert_eq!(Rule::default().say(Locale::Vi), "Giá niêm yết");
    let json = rule.to_json().unwrap();
    assert_eq!(Rule::from_json(&json).unwrap(), rule);
    assert_eq!(Rule::default().to_json().unwrap(), "[]");
    assert!(Rule::from_json("{}").is_err());
}

#[test]
fn more_bundles_than_can_be_tried_are_still_never_dearer_than_the_items_one_by_one() {
    let pairs: Vec<[usize; 2]> = (0..20).map(|at| [at, at + 1]).collect();
    let bundles: Vec<(i64, &[usize])> = pairs.iter().map(|pair| (150, &pair[..])).collect();
    let shop = shop(&[100; 21], &bundles, &[(21, 1400)]);
    let courses: Vec<String> = (0..21).map(|at| format!("c{at}")).collect();
    let courses: Vec<&str> = courses.iter().map(String::as_str).collect();
    assert_eq!(order(&shop, &courses).rule, Rule(vec![combo(21, 1400, 1)]));
    let twenty = order(&shop, &courses[..20]);
    assert_eq!(twenty.total, Money::vnd(1500));
    assert!(order(&shop, &["b3", "c7", "b9"]).total.minor <= 400);
}

/// The cheapest way to cover the courses of a bit set, by trying every rule on its lowest course.
struct Oracle {
    prices: Vec<i64>,
    bundles: Vec<(i64, u32)>,
    combos: Vec<(usize, i64)>,
    known: HashMap<u32, i64>,
}

impl Oracle {
    fn cheapest(&mut self, set: u32) -> i64 {
        if set == 0 {
            return 0;
        }
        if let Some(&known) = self.known.get(&set) {
            return known;
        }
        let lowest = set.trailing_zeros();
        let mut best = self.prices[lowest as usize] + self.cheapest(set & !(1 << lowest));
        for (price, courses) in self.bundles.clone() {
            if courses & set == courses && courses >> lowest & 1 == 1 {
                best = best.min(price + self.cheapest(set & !courses));
            }
        }
        let mut part = set;
        while part != 0 {
            for (count, price) in self.combos.clone() {
                if part.count_ones() as usize == count && part >> lowest & 1 == 1 {
                    best = best.min(price + self.cheapest(set & !part));
                }
            }
            part = (part - 1) & set;
        }
        self.known.insert(set, best);
        best
    }
}

type Rules = (Vec<i64>, Vec<(i64, Vec<usize>)>, Vec<(usize, i64)>);

fn rules(bundles: std::ops::Range<usize>) -> impl Strategy<Value = Rules> {
    proptest::collection::vec(1_i64..100, 1..7).prop_flat_map(move |prices| {
        let count = prices.len();
        let places: Vec<usize> = (0..count).collect();
        let courses = proptest::sample::subsequence(places, 2.min(count)..=count);
        let bundle = (1_i64..200, courses);
        let combo = (2_usize..5, 1_i64..300);
        (
            Just(prices),
            proptest::collection::vec(bundle, bundles.clone()),
            proptest::collection::vec(combo, 0..4),
        )
    })
}

fn shop_of((prices, bundles, combos): &Rules) -> Catalogue {
    let bundles: Vec<(i64, &[usize])> = bundles
        .iter()
        .map(|(price, courses)| (*price, &courses[..]))
        .collect();
    shop(prices, &bundles, combos)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_price_is_the_one_that_trying_everything_finds(rules in rules(0..6), set in 0_u32..64) {
        let shop = shop_of(&rules);
        let set = set & ((1 << rules.0.len()) - 1);
        let named: Vec<String> =
            (0..rules.0.len()).filter(|at| set >> at & 1 == 1).map(|at| format!("c{at}")).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        let quote = order(&shop, &named);
        let bits = |courses: &[usize]| courses.iter().fold(0, |bits, at| bits | 1 << at);
        let mut oracle = Oracle {
            prices: rules.0.clone(),
            bundles: rules.1.iter().map(|(price, courses)| (*price, bits(courses))).collect(),
            combos: rules.2.clone(),
            known: HashMap::new(),
        };
        prop_assert_eq!(quote.total.minor, oracle.cheapest(set));
    }

    #[test]
    fn no_order_costs_more_than_its_items_one_by_one(
        rules in rules(0..20),
        named in proptest::collection::vec(0_usize..40, 0..8),
    ) {
        let shop = shop_of(&rules);
        let items: Vec<Item<'_>> = named.iter().filter_map(|&at| {
            let bundle = at.checked_sub(10).and_then(|at| shop.bundles.get(at));
            let course = shop.courses.get(at).map(Item::Course);
            bundle.map(Item::Bundle).or(course)
        }).collect();
        let quote = price(&shop, &items);
        let one_by_one: i64 = items.iter().map(|item| match item {
            Item::Course(course) => course.price.minor,
            Item::Bundle(bundle) => bundle.price.minor,
        }).sum();
        prop_assert!(quote.total.minor <= one_by_one);
        prop_assert!(quote.total.minor <= quote.list_total.minor);
        let sum: i64 = quote.lines.iter().map(|line| line.price.minor).sum();
        prop_assert_eq!(sum, quote.total.minor);
        for line in &quote.lines {
            prop_assert!(0 <= line.price.minor && line.price.minor <= line.list_price.minor);
        }
    }

    #[test]
    fn the_rules_that_are_named_explain_the_total(rules in rules(0..6)) {
        let shop = shop_of(&rules);
        let items: Vec<Item<'_>> = shop.courses.iter().map(Item::Course).collect();
        let quote = price(&shop, &items);
        let mut covered: Vec<bool> = vec![false; items.len()];
        let (mut paid, mut left_to_combos) = (0, 0);
        for applied in &quote.rule.0 {
            match applied {
                Applied::Bundle { slug, price, .. } => {
                    paid += price.minor;
                    let bundle = shop.bundles.iter().find(|bundle| &bundle.slug == slug).unwrap();
                    for course in &bundle.courses {
                        let at = shop.courses.iter().position(|c| &c.slug == course).unwrap();
                        prop_assert!(!std::mem::replace(&mut covered[at], true));
                    }
                }
                Applied::Combo { courses, price, times } => {
                    paid += price.minor * i64::try_from(*times).unwrap();
                    left_to_combos += courses * times;
                }
                Applied::Coupon { .. } => prop_assert!(false, "no coupon was given"),
            }
        }
        let rest = rules.0.iter().zip(covered).filter(|(_, covered)| !covered);
        let mut rest: Vec<i64> = rest.map(|(price, _)| *price).collect();
        rest.sort_unstable();
        rest.truncate(rest.len() - left_to_combos);
        prop_assert_eq!(quote.total.minor, paid + rest.iter().sum::<i64>());
    }
}

//! Who may download beside whom, and how much.

use std::net::IpAddr;
use std::time::Duration;

use bursar::clock::Timestamp;
use bursar::config::Downloads;
use bursar::id::GrantId;
use bursar::web::downloads::traffic::{Full, Traffic, budget};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const DAY: Duration = Duration::from_hours(24);
const GIGABYTE: u64 = 1_000_000_000;

fn limits() -> Downloads {
    Downloads {
        connections_per_link: 2,
        connections_per_address: 3,
        gigabytes_per_address: 2,
        budget: 5,
        ..Downloads::default()
    }
}

fn grant(name: &str) -> GrantId {
    GrantId(name.to_owned())
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_link_and_an_address_have_so_many_places_and_get_them_back() {
    let (traffic, limits) = (Traffic::default(), limits());
    let enter = |name: &str, from: &str| traffic.enter(&limits, &grant(name), address(from), NOW);
    let soon = Full::Crowded(Duration::from_secs(30));
    let first = enter("a", "192.0.2.1").ok().unwrap();
    let second = enter("a", "192.0.2.2").ok().unwrap();
    assert_eq!(enter("a", "192.0.2.3").err(), Some(soon));
    let third = enter("b", "192.0.2.1").ok().unwrap();
    let fourth = enter("c", "192.0.2.1").ok().unwrap();
    assert_eq!(enter("d", "192.0.2.1").err(), Some(soon));
    drop(first);
    let again = enter("a", "192.0.2.1").ok().unwrap();
    drop((second, third, fourth, again));
    assert_eq!(traffic.remembered().0, 0);
}

#[test]
fn the_neighbours_of_one_ipv6_household_are_one_address() {
    let (traffic, limits) = (Traffic::default(), limits());
    let enter = |name: &str, from: &str| traffic.enter(&limits, &grant(name), address(from), NOW);
    let held: Vec<_> = ["1", "2", "3"]
        .map(|last| enter(last, &format!("2001:db8::{last}")).ok().unwrap())
        .into();
    assert!(enter("4", "2001:db8::4").is_err());
    assert!(enter("4", "2001:db8:0:1::4").is_ok());
    drop(held);
}

#[test]
fn an_address_that_took_its_gigabytes_goes_on_a_day_after_it_began() {
    let (traffic, limits) = (Traffic::default(), limits());
    let from = address("192.0.2.1");
    let enter = |now| traffic.enter(&limits, &grant("a"), from, now);
    let place = enter(NOW).ok().unwrap();
    place.sent(2 * GIGABYTE - 1);
    let later = NOW.plus(Duration::from_hours(1));
    assert!(enter(later).is_ok());
    place.sent(1);
    drop(place);
    assert_eq!(enter(later).err(), Some(Full::Spent(NOW.plus(DAY))));
    assert!(enter(NOW.plus(DAY)).is_ok());
    let without = Downloads {
        gigabytes_per_address: 0,
        ..limits.clone()
    };
    assert!(traffic.enter(&without, &grant("a"), from, later).is_ok());
}

#[test]
fn addresses_are_forgotten_after_a_day_unless_something_runs() {
    let (traffic, limits) = (Traffic::default(), limits());
    let enter = |from: &str, now| {
        traffic
            .enter(&limits, &grant(from), address(from), now)
            .ok()
    };
    let runs = enter("192.0.2.1", NOW).unwrap();
    drop(enter("192.0.2.2", NOW));
    assert_eq!(traffic.remembered().1, 2);
    drop(enter("192.0.2.3", NOW.plus(DAY)));
    assert_eq!(traffic.remembered(), (1, 2));
    drop(runs);
}

#[test]
fn what_is_on_its_way_counts_until_it_is_written_down() {
    let (traffic, limits) = (Traffic::default(), limits());
    let place = traffic.enter(&limits, &grant("a"), address("192.0.2.1"), NOW);
    let place = place.ok().unwrap();
    place.sent(300);
    place.written(100);
    assert_eq!(traffic.unwritten(&grant("a")), 200);
    place.written(5000);
    assert_eq!(traffic.unwritten(&grant("a")), 0);
    assert_eq!(traffic.unwritten(&grant("b")), 0);
}

#[test]
fn a_budget_is_times_the_course_and_never_less_than_a_gigabyte() {
    for (times, course, most) in [
        (5, 20 * GIGABYTE, Some(100 * GIGABYTE)),
        (5, 1000, Some(GIGABYTE)),
        (1, 0, Some(GIGABYTE)),
        (0, 1000, None),
        (1000, u64::MAX, Some(u64::MAX)),
    ] {
        let limits = Downloads {
            budget: times,
            ..limits()
        };
        assert_eq!(budget(&limits, course), most);
    }
}

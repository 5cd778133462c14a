//! What combos can do for a number of courses. Which courses those are is decided in `price`.

use super::Applied;
use crate::model::bundle::Combo;

/// The cheapest combos for each exact number of courses; any of them may be used several times.
pub(super) struct Combos<'c> {
    /// For each number of courses: the cost, and the combo used last. `None`: no combos add up to it.
    cheapest: Vec<Option<(i64, Option<&'c Combo>)>>,
}

impl<'c> Combos<'c> {
    pub(super) fn new(combos: &'c [Combo], most: usize) -> Self {
        let mut cheapest: Vec<Option<(i64, Option<&Combo>)>> = vec![Some((0, None))];
        for number in 1..=most {
            let ways = combos.iter().filter_map(|combo| {
                let before = number.checked_sub(combo.courses)?;
                let (cost, _) = cheapest.get(before).copied().flatten()?;
                Some((cost + combo.price.minor, Some(combo)))
            });
            let best = ways.min_by_key(|(cost, _)| *cost);
            cheapest.push(best);
        }
        Self { cheapest }
    }

    /// How many of these prices, dearest first, are best left to combos, and what all then cost.
    pub(super) fn cheapest(&self, dearest_first: &[i64]) -> (usize, i64) {
        let mut uncovered: i64 = dearest_first.iter().sum();
        let mut best = (0, uncovered);
        for (before, price) in dearest_first.iter().enumerate() {
            uncovered -= price;
            let Some((cost, _)) = self.cheapest[before + 1] else {
                continue;
            };
            if cost + uncovered < best.1 {
                best = (before + 1, cost + uncovered);
            }
        }
        best
    }

    /// What so many courses cost by combos alone.
    pub(super) fn cost(&self, number: usize) -> i64 {
        self.cheapest[number].map_or(0, |(cost, _)| cost)
    }

    /// The combos that so many courses are left to.
    pub(super) fn used_for(&self, mut number: usize) -> Vec<Applied> {
        let mut times: Vec<(&Combo, usize)> = Vec::new();
        while let Some((_, Some(combo))) = self.cheapest[number] {
            number -= combo.courses;
            match times.iter_mut().find(|(other, _)| *other == combo) {
                Some((_, count)) => *count += 1,
                None => times.push((combo, 1)),
            }
        }
        let applied = times.into_iter().map(|(combo, times)| Applied::Combo {
            courses: combo.courses,
            price: combo.price,
            times,
        });
        applied.collect()
    }
}

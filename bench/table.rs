//! Figures: medians, percentiles, and one line of a table.

/// The middle one; of an even number the lower middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    percentile(&figures, 50)
}

/// Of sorted figures.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// One row: the first cell wide, the others to the right.
pub fn row(cells: &[&str]) {
    let (first, rest) = cells.split_first().unwrap_or((&"", &[]));
    let rest: Vec<String> = rest.iter().map(|cell| format!("{cell:>12}")).collect();
    println!("{first:<34}{}", rest.join(""));
}

/// A number with as many decimals as it deserves.
pub fn number(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}

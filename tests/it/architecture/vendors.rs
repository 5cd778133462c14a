//! Only `connectors/` and the settings name a vendor. Comments may: they say where a rule comes from.

use super::Fault;
use super::source::Source;

/// `VietQR` is none: a national standard, which the public API serves as such.
const VENDORS: &[&str] = &[
    "sepay",
    "stripe",
    "payos",
    "frappe",
    "moodle",
    "canvas",
    "openedx",
    "udemy",
    "teachable",
];

/// Where a vendor may be named, and why.
const PLACES: &[(&str, &str)] = &[
    ("src/connectors/", "the outside world"),
    ("src/config", "each vendor's settings have its name"),
    ("src/cli/demo", "the demo plays the vendors' part"),
    (
        "src/web/webhooks.rs",
        "a gateway's address and its proof are part of the public contract",
    ),
    (
        "src/web/api/admin/older.rs",
        "an address of an older system that sellers' tools call",
    ),
    ("src/web/router.rs", "the same: one route for each gateway"),
    ("src/web/api/openapi.rs", "the same, described"),
    (
        "src/model/code.rs",
        "words that memos carry and that are no order codes: facts about memos",
    ),
];

pub(super) fn faults(sources: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for source in sources {
        if PLACES
            .iter()
            .any(|(place, _)| source.path.starts_with(place))
        {
            continue;
        }
        for (line, text) in source.spoken.lines().enumerate() {
            let text = text.to_lowercase();
            for vendor in VENDORS.iter().filter(|vendor| text.contains(**vendor)) {
                let what = format!(
                    "{vendor} is a vendor: give the connector's contract a word for it and ask that \
                     (src/connectors/), or explain the place in tests/it/architecture/vendors.rs"
                );
                faults.push(Fault::at(&source.path, line + 1, what));
            }
        }
    }
    faults
}

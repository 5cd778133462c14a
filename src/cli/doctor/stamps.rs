//! Which PDFs of stamped courses cannot be stamped, told before a buyer meets one.

use futures_util::StreamExt;

use super::Findings;
use crate::config;
use crate::connectors::stores::manifest::ManifestFile;
use crate::connectors::stores::{Store, manifest};
use crate::web::downloads::stamp::{self, Mark, Unstampable};

const MEGABYTE: u64 = 1_000_000;
/// Files that are named; of the rest there is a count.
const NAMED: usize = 5;

/// Try the mark on every PDF of a course's folder, in memory.
pub(super) async fn examine(
    what: &str,
    store: &dyn Store,
    folder: &str,
    settings: &config::Stamp,
    findings: &mut Findings,
) {
    // A folder that cannot be listed is a finding already.
    let Ok(manifest) = manifest::of(store, folder).await else {
        return;
    };
    let (mut sound, mut wrong) = (0, Vec::new());
    for file in manifest.files.iter().filter(|file| is_pdf(&file.path)) {
        match try_on(store, file, settings).await {
            Ok(()) => sound += 1,
            Err(why) => wrong.push(format!("{:?}: {why}", file.path)),
        }
    }
    let verdict = if wrong.is_empty() {
        Ok(format!("{sound} PDF(s) can be stamped"))
    } else {
        let more = wrong.len().saturating_sub(NAMED);
        wrong.truncate(NAMED);
        let what_buyers_get = match settings.otherwise {
            config::Unstampable::Refuse => "buyers get an error page",
            config::Unstampable::Plain => "buyers get it as it is",
        };
        let and_more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let list = wrong.join(", ");
        Err(format!(
            "cannot be stamped, so {what_buyers_get}: {list}{and_more}"
        ))
    };
    findings.note(&format!("{what}, stamps"), verdict);
}

async fn try_on(
    store: &dyn Store,
    file: &ManifestFile,
    settings: &config::Stamp,
) -> Result<(), String> {
    if file.entry.size > u64::from(settings.limit_megabytes) * MEGABYTE {
        return Err(Unstampable::TooLarge.to_string());
    }
    let mut pdf = Vec::new();
    let opened = store.open(&file.entry, None).await;
    let mut flow = opened.map_err(|fault| fault.to_string())?;
    while let Some(piece) = flow.next().await {
        pdf.extend_from_slice(&piece.map_err(|fault| fault.to_string())?);
    }
    let mark = Mark {
        email: "buyer@example.com".to_owned(),
        code: "DHK7M2QX9A".to_owned(),
    };
    let tried = tokio::task::spawn_blocking(move || stamp::stamped(&pdf, &mark).map(drop));
    let tried = tried.await.unwrap_or(Err(Unstampable::Broken));
    tried.map_err(|why| why.to_string())
}

fn is_pdf(path: &str) -> bool {
    let end = path.rsplit_once('.').map(|(_, end)| end);
    end.is_some_and(|end| end.eq_ignore_ascii_case("pdf"))
}

//! Recorded answers: each file in a folder of `fixtures` is one answer (status, headers and body),
//! and what it means to each call that can meet it.

use std::collections::BTreeMap;
use std::path::Path;

use bursar::connectors::lms::fake::Canned;
use serde_json::Value;

use super::*;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    #[expect(dead_code, reason = "for the reader of the fixture")]
    seen: String,
    status: u16,
    content_type: String,
    header: Option<Header>,
    body: Value,
    pub means: BTreeMap<String, String>,
    says: Option<String>,
    after_seconds: Option<u64>,
}

#[derive(serde::Deserialize)]
struct Header {
    name: String,
    value: String,
}

impl Row {
    pub fn canned(&self) -> Canned {
        Canned {
            status: self.status,
            content_type: self.content_type.clone(),
            header: self
                .header
                .as_ref()
                .map(|h| (h.name.clone(), h.value.clone())),
            body: match &self.body {
                Value::String(page) => page.clone(),
                json => json.to_string(),
            },
        }
    }

    /// That the fault is what the fixture says.
    pub fn assert_means(&self, at: &str, meaning: &str, fault: Option<&Fault>) {
        let found = fault.map_or("success", kind);
        assert_eq!(found, meaning, "{at}: {fault:?}");
        let Some(fault) = fault else { return };
        assert_fit_to_show(fault);
        let says = self.says.as_deref().unwrap_or_default();
        assert!(fault.to_string().contains(says), "{at}: {fault}");
        if let Fault::Transient { after, .. } = fault {
            let asked = self.after_seconds.map(Duration::from_secs);
            assert_eq!(*after, asked, "{at}");
        }
    }
}

/// By file name.
pub fn rows(platform: &str) -> Vec<(String, Row)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = std::fs::read_dir(folder.join(platform)).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let row = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, row)
        })
        .collect()
}

//! The progress of publishing, for who looks on. Without a terminal it draws nothing.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::app::publish::{Watcher, Way};

pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::no_length();
        let template = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self(bar)
    }
}

impl Watcher for Bar {
    fn listed(&self, _: u64, bytes: u64, done: u64) {
        self.0.set_length(bytes);
        self.0.set_position(done);
        // The speed is that of this run.
        self.0.reset_eta();
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn again(&self, bytes: u64) {
        self.0.dec(bytes);
    }

    fn done(&self, path: &str, _: Way) {
        self.0.set_message(path.to_owned());
    }

    fn waits(&self, why: &str, pause: Duration) {
        let seconds = pause.as_secs();
        self.0.println(format!("{why}; tried again in {seconds} s"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

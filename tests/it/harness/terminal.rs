//! A person at a terminal: a command with a pseudo-terminal, and the conversation it leads there.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// More than any answer takes, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the person does at a prompt.
pub enum Keys {
    Typed(String),
    /// Once the terminal does not show what is typed.
    Unseen(String),
    /// It is no prompt.
    None,
}

impl Keys {
    pub fn typed(text: &str) -> Self {
        Self::Typed(text.to_owned())
    }
}

/// What is seen on the screen, as it comes.
pub struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// How much of it was waited for already.
    read: usize,
}

impl Terminal {
    /// Lead this conversation: wait for a prompt, answer it, and so on. Everything that was shown, and
    /// how the command ended.
    pub fn run(mut command: Command, talk: &[(&str, Keys)]) -> (String, i32) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let side = || {
            let mut options = File::options();
            options.read(true).write(true);
            options.custom_flags(i32::try_from(OFlags::NOCTTY.bits()).unwrap());
            options.open(name.to_str().unwrap()).unwrap()
        };
        command.stdin(side()).stdout(side()).stderr(side());
        let mut child = command.spawn().unwrap();
        // It holds the other side open until then.
        drop(command);
        let keyboard = File::from(master);
        let mut terminal = Self {
            screen: watch(keyboard.try_clone().unwrap()),
            keyboard,
            shown: String::new(),
            read: 0,
        };
        for (prompt, keys) in talk {
            terminal.wait_for(prompt);
            match keys {
                Keys::Typed(text) => terminal.type_in(text),
                Keys::Unseen(text) => {
                    terminal.wait_for_the_dark();
                    terminal.type_in(text);
                }
                Keys::None => {}
            }
        }
        while let Ok(some) = terminal.screen.recv_timeout(PATIENCE) {
            terminal.shown += &String::from_utf8_lossy(&some);
        }
        (terminal.shown, child.wait().unwrap().code().unwrap())
    }

    fn type_in(&mut self, text: &str) {
        let keys = format!("{text}\n");
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn wait_for_the_dark(&self) {
        let begun = std::time::Instant::now();
        let shows = || {
            let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
            modes.contains(LocalModes::ECHO)
        };
        while shows() {
            assert!(begun.elapsed() < PATIENCE, "what is typed would be shown");
            std::thread::yield_now();
        }
    }

    fn wait_for(&mut self, prompt: &str) {
        loop {
            if let Some(at) = self.shown[self.read..].find(prompt) {
                self.read += at + prompt.len();
                return;
            }
            let some = self.screen.recv_timeout(PATIENCE);
            let Ok(some) = some else {
                panic!("no {prompt:?} in {}", self.shown);
            };
            self.shown += &String::from_utf8_lossy(&some);
        }
    }
}

/// Until the command has closed its side, which reads as an error.
fn watch(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(length @ 1..) = screen.read(&mut some) {
            if sender.send(some[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

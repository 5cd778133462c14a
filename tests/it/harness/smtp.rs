//! A mail server over real TCP that answers as its script says. A fake: it delivers nothing and
//! speaks no TLS.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it answers, stage by stage.
#[derive(Clone)]
pub struct Script {
    pub greeting: &'static str,
    pub extensions: &'static [&'static str],
    pub auth: &'static str,
    pub sender: &'static str,
    pub recipient: &'static str,
    pub data: &'static str,
    pub end: End,
}

/// What happens after the letter's last line.
#[derive(Clone, Copy)]
pub enum End {
    Answer(&'static str),
    /// The letter is kept, and the line is cut without an answer.
    CutAfterAccepting,
    /// The letter is kept, and nothing more is said.
    Silence,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 fake.example.vn ESMTP",
            extensions: &["PIPELINING", "8BITMIME", "AUTH PLAIN LOGIN"],
            auth: "235 2.7.0 Accepted",
            sender: "250 2.1.0 Ok",
            recipient: "250 2.1.5 Ok",
            data: "354 Go ahead",
            end: End::Answer("250 2.0.0 Ok: queued as ABC123"),
        }
    }
}

/// What it saw.
#[derive(Default, Clone)]
pub struct Seen {
    pub connections: usize,
    pub commands: Vec<String>,
    /// Whole letters, dots unstuffed.
    pub letters: Vec<Vec<u8>>,
}

pub struct FakeSmtp {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl FakeSmtp {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(converse(stream, script.clone(), Arc::clone(&shared)));
            }
        });
        Self { port, seen }
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

/// Ends quietly when the other side hangs up.
async fn converse(stream: TcpStream, script: Script, seen: Arc<Mutex<Seen>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    say(&mut stream, script.greeting).await?;
    loop {
        let command = String::from_utf8(hear(&mut stream).await?).unwrap();
        let command = command.trim_end().to_owned();
        seen.lock().unwrap().commands.push(command.clone());
        let word = command.split(' ').next().unwrap().to_uppercase();
        match word.as_str() {
            "EHLO" => say(&mut stream, &greeting(&script)).await?,
            "AUTH" => say(&mut stream, script.auth).await?,
            "MAIL" => say(&mut stream, script.sender).await?,
            "RCPT" => say(&mut stream, script.recipient).await?,
            "DATA" => {
                say(&mut stream, script.data).await?;
                if script.data.starts_with('3') {
                    let letter = take_letter(&mut stream).await?;
                    seen.lock().unwrap().letters.push(letter);
                    finish(&mut stream, script.end).await?;
                }
            }
            "QUIT" => return say(&mut stream, "221 Bye").await,
            _ => say(&mut stream, "250 Ok").await?,
        }
    }
}

fn greeting(script: &Script) -> String {
    let mut lines = vec!["250-fake.example.vn".to_owned()];
    lines.extend(script.extensions.iter().map(|e| format!("250-{e}")));
    lines.push("250 HELP".to_owned());
    lines.join("\r\n")
}

async fn take_letter(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut letter = Vec::new();
    loop {
        let line = hear(stream).await?;
        if line == b".\r\n" {
            return Some(letter);
        }
        letter.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

async fn finish(stream: &mut BufReader<TcpStream>, end: End) -> Option<()> {
    match end {
        End::Answer(text) => say(stream, text).await,
        End::CutAfterAccepting => None,
        End::Silence => std::future::pending().await,
    }
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> Option<()> {
    let line = format!("{text}\r\n");
    stream.get_mut().write_all(line.as_bytes()).await.ok()
}

async fn hear(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let length = stream.read_until(b'\n', &mut line).await.ok()?;
    (length > 0).then_some(line)
}

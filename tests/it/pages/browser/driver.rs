//! A headless Chromium of its own for one test, spoken to in plain JSON. It needs Debian's
//! `chromium` and `chromium-driver`. Browser and driver end when this is dropped, also by a panic.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest that anything in a page may take, on a busy machine: the one limit of every wait.
const PATIENCE: Duration = Duration::from_mins(1);
/// Lets a page look again and again by itself until something is so.
const WATCH: &str =
    "const [test, tell] = [new Function('return (' + arguments[0] + ')'), arguments[1]];
    const look = () => (test() ? tell(true) : setTimeout(look, 20)); look();";

/// Whether the browser runs the pages' scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

pub struct Browser {
    scripts: Scripts,
    session: String,
    http: reqwest::Client,
    driver: Child,
    port: u16,
    /// Goes after the browser.
    profile: TempDir,
}

impl Browser {
    /// A new one, or none where `BURSAR_SKIP_BROWSER` asks for that.
    pub async fn open(scripts: Scripts) -> Option<Self> {
        if std::env::var_os("BURSAR_SKIP_BROWSER").is_some() {
            eprintln!("BURSAR_SKIP_BROWSER is set: this test saw no browser.");
            return None;
        }
        let (driver, port) = start_driver();
        let mut browser = Self {
            scripts,
            session: format!("http://127.0.0.1:{port}/session"),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            driver,
            port,
            profile: tempfile::tempdir().unwrap(),
        };
        let wanted = capabilities(browser.profile.path().to_str().unwrap(), scripts);
        let made = browser.post("", &wanted).await.unwrap();
        let id = made["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        let limit = u64::try_from(PATIENCE.as_millis()).unwrap();
        browser
            .post("/timeouts", &json!({ "script": limit }))
            .await
            .unwrap();
        Some(browser)
    }

    pub async fn go(&self, url: &str) {
        self.post("/url", &json!({ "url": url })).await.unwrap();
    }

    pub async fn reload(&self) {
        self.post("/refresh", &json!({})).await.unwrap();
    }

    /// Run this in the page.
    pub async fn js(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", &body).await.unwrap()
    }

    /// Run this in the page; it ends by calling `tell(value)`.
    pub async fn js_later(&self, script: &str) -> Value {
        let script = format!("const tell = arguments[0]; {script}");
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/async", &body).await.unwrap()
    }

    /// Until this is true in the page, over navigations too.
    pub async fn until(&self, expression: &str) {
        self.look_until(expression, false).await;
    }

    /// The same, where only a new page can tell.
    pub async fn reload_until(&self, expression: &str) {
        self.look_until(expression, true).await;
    }

    async fn look_until(&self, expression: &str, reloading: bool) {
        let looking = async {
            while self.sees(expression).await != Ok(json!(true)) {
                if reloading {
                    self.reload().await;
                }
            }
        };
        if tokio::time::timeout(PATIENCE, looking).await.is_err() {
            let shown = self.js("return document.body.innerText").await;
            panic!("never came true: {expression}; the page says {shown}");
        }
    }

    /// An error while one page goes and the next comes. Without scripts a page cannot watch itself.
    async fn sees(&self, expression: &str) -> Result<Value, String> {
        if self.scripts == Scripts::On {
            let body = json!({ "script": WATCH, "args": [expression] });
            return self.post("/execute/async", &body).await;
        }
        let script = format!("return Boolean({expression})");
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", &body).await
    }

    /// Click as a person does: it must be there to be seen.
    pub async fn click(&self, css: &str) {
        self.with(css, "click", Some(json!({}))).await;
    }

    pub async fn type_into(&self, css: &str, text: &str) {
        self.with(css, "value", Some(json!({ "text": text }))).await;
    }

    /// What can be read of an element.
    pub async fn text(&self, css: &str) -> String {
        let text = self.with(css, "text", None).await;
        text.as_str().unwrap().to_owned()
    }

    /// With an element, once it is there. Between finding it and using it a page may have drawn itself
    /// anew: then with the one in its place.
    async fn with(&self, css: &str, what: &str, body: Option<Value>) -> Value {
        let trying = async {
            loop {
                let Ok(element) = self.element(css).await else {
                    continue;
                };
                let path = format!("/element/{element}/{what}");
                let done = match &body {
                    Some(body) => self.post(&path, body).await,
                    None => self.get(&path).await,
                };
                match done {
                    Err(error) if is_gone(&error) => {}
                    other => return other.unwrap(),
                }
            }
        };
        let done = tokio::time::timeout(PATIENCE, trying).await;
        done.unwrap_or_else(|_| panic!("{css} was never there to {what}"))
    }

    pub async fn has(&self, css: &str) -> bool {
        let body = json!({ "using": "css selector", "value": css });
        let found = self.post("/elements", &body).await.unwrap();
        !found.as_array().unwrap().is_empty()
    }

    /// A window of this width, in the `light` or `dark` scheme.
    pub async fn look(&self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The whole page as PNG, in phone widths as fine as phones show it.
    pub async fn picture(&self) -> Vec<u8> {
        let page = self
            .js("return [innerWidth, document.documentElement.scrollHeight]")
            .await;
        let scale = if page[0].as_u64() < Some(600) { 2 } else { 1 };
        let clip = json!({ "x": 0, "y": 0, "width": page[0], "height": page[1], "scale": scale });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.devtools("Page.captureScreenshot", wanted).await;
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        let body = json!({ "cmd": command, "params": params });
        self.post("/goog/cdp/execute", &body).await.unwrap()
    }

    /// What the console has been told since the last look: errors, refusals of the content policy.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({ "type": "browser" })).await;
        let entries = log.unwrap();
        let all = entries.as_array().unwrap().iter();
        all.filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    async fn element(&self, css: &str) -> Result<String, String> {
        let body = json!({ "using": "css selector", "value": css });
        let found = self.post("/element", &body).await?;
        let id = found.as_object().unwrap().values().next().unwrap();
        Ok(id.as_str().unwrap().to_owned())
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let request = self.http.get(format!("{}{path}", self.session));
        value(request).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.http.post(format!("{}{path}", self.session));
        value(request.json(body)).await
    }
}

impl Drop for Browser {
    /// The driver takes its browser with it only when asked to.
    fn drop(&mut self) {
        if let Ok(mut line) = TcpStream::connect(("127.0.0.1", self.port)) {
            let ask = "GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
            let _ended_already = line.write_all(ask.as_bytes());
            let _no_answer_needed = line.read_to_end(&mut Vec::new());
        }
        let _ended_already = self.driver.kill();
        let _ended_already = self.driver.wait();
    }
}

async fn value(request: reqwest::RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let good = answer.status().is_success();
    let body: Value = answer.json().await.map_err(|error| error.to_string())?;
    if good {
        Ok(body["value"].clone())
    } else {
        Err(body["value"]["message"].to_string())
    }
}

/// The element was found, and then its page, or its part of the page, was replaced. Nothing was done.
fn is_gone(error: &str) -> bool {
    error.contains("stale element reference")
}

/// It takes a free port and says which.
fn start_driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect(
            "chromedriver of Debian's chromium-driver; BURSAR_SKIP_BROWSER=1 leaves browsers out",
        );
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.unwrap();
        let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // It must be able to go on writing.
    std::thread::spawn(move || lines.for_each(drop));
    (driver, port.expect("chromedriver names its port"))
}

fn capabilities(profile: &str, scripts: Scripts) -> Value {
    let mut arguments = vec![
        "--headless=new".to_owned(),
        // Chromium refuses to run as root otherwise; it opens nothing but our own pages.
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--disable-quic".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--hide-scrollbars".to_owned(),
        // A click would miss what is still being scrolled to.
        "--force-prefers-reduced-motion".to_owned(),
        format!("--user-data-dir={profile}"),
    ];
    if scripts == Scripts::Off {
        arguments.push("--blink-settings=scriptEnabled=false".to_owned());
    }
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    }}})
}

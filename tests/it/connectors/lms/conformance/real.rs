//! A real server, named by the environment; trouble on the wire comes from a proxy before it. What is
//! written there is taken away again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bursar::clock::Clock;
use bursar::config::{LmsConnection, Secret};
use bursar::connectors::http::Limits;
use bursar::connectors::lms::{Learner, Lms, Standing, connect_within};
use reqwest::Url;
use serde_json::{Value, json};

use super::proxy::{Proxy, Shape};
use super::{CASES, Platform, Trouble, Verdict, run_all};

/// Rows that tidying removes for one learner and course.
const MOST_ROWS: usize = 8;

pub struct Real {
    /// Straight to the server.
    truth: LmsConnection,
    course: String,
    other_course: String,
    proxy: Proxy,
    settings: Mutex<LmsConnection>,
    /// In every address of this instance.
    mark: String,
    learners: Mutex<BTreeSet<String>>,
    patience: Duration,
}

impl Real {
    pub async fn to(truth: LmsConnection, courses: [String; 2], patience: Duration) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = Clock::system().now();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let upstream: Url = address_of(&truth).parse().expect("BURSAR_CONFORMANCE_URL");
        let proxy = Proxy::before(&upstream, Shape::of(&truth.kind)).await;
        let settings = Mutex::new(through(&truth, &proxy));
        let [course, other_course] = courses;
        Self {
            truth,
            course,
            other_course,
            proxy,
            settings,
            mark: format!("{:x}-{count}", now.0),
            learners: Mutex::default(),
            patience,
        }
    }

    /// As the environment says.
    pub async fn named() -> Self {
        let variable = |name: &str| std::env::var(format!("BURSAR_CONFORMANCE_{name}")).ok();
        let needed = |name: &str| {
            variable(name).unwrap_or_else(|| panic!("BURSAR_CONFORMANCE_{name} is not set"))
        };
        let options = variable("OPTIONS").unwrap_or_else(|| "{}".to_owned());
        let options: toml::Table = toml::from_str(&format!("options = {options}")).unwrap();
        let mut connection: LmsConnection = options["options"].clone().try_into().unwrap();
        connection.kind = needed("KIND");
        connection.base_url = needed("URL");
        connection.api_key = variable("KEY").map(Secret::new);
        connection.api_secret = variable("SECRET").map(Secret::new);
        let courses = [needed("COURSE"), needed("OTHER_COURSE")];
        Self::to(connection, courses, Duration::from_secs(8)).await
    }

    fn called(&self, name: &str) -> Learner {
        Learner {
            email: format!("bursar-conformance-{}-{name}@example.com", self.mark),
            name: "Bursar Conformance".to_owned(),
        }
    }

    /// Past the proxy, as somebody else would come.
    fn lms(&self) -> Arc<dyn Lms> {
        connect_within(&self.truth, Limits::default()).unwrap()
    }

    async fn remove_rows(&self, lms: &dyn Lms, learner: &Learner, course: &str) -> Option<String> {
        for _ in 0..MOST_ROWS {
            match lms.read_enrolment(learner, course).await {
                Ok(None) => return None,
                Ok(Some(found)) if found.standing == Standing::Suspended => {
                    return Some("suspended".to_owned());
                }
                Ok(Some(found)) => {
                    if let Err(fault) = lms.withdraw(learner, course, &found.id).await {
                        return Some(fault.to_string());
                    }
                }
                Err(fault) => return Some(fault.to_string()),
            }
        }
        Some("it stays, however often it is removed".to_owned())
    }

    /// Whether the account is gone; a platform whose accounts we cannot remove keeps it.
    async fn remove_account(&self, email: &str) -> bool {
        let key = self.truth.api_key.as_ref().map_or("", Secret::expose);
        match self.truth.kind.as_str() {
            "frappe" => {
                let secret = self.truth.api_secret.as_ref().map_or("", Secret::expose);
                let asked = self
                    .request("DELETE", &format!("/api/resource/User/{email}"))
                    .header("Authorization", format!("token {key}:{secret}"));
                let answer = asked.send().await;
                answer.is_ok_and(|a| a.status().is_success() || a.status() == 404)
            }
            "moodle" => self.remove_moodle_user(key, email).await,
            _ => false,
        }
    }

    async fn remove_moodle_user(&self, token: &str, email: &str) -> bool {
        let find = [("field", "email"), ("values[0]", email)];
        let found = self
            .moodle(token, "core_user_get_users_by_field", &find)
            .await;
        let Some(users) = found.as_array() else {
            return false;
        };
        for user in users {
            let id = user["id"].to_string();
            let gone = self
                .moodle(token, "core_user_delete_users", &[("userids[0]", &id)])
                .await;
            if !gone.is_null() {
                return false;
            }
        }
        true
    }

    async fn moodle(&self, token: &str, function: &str, fields: &[(&str, &str)]) -> Value {
        let mut form = vec![
            ("wstoken", token),
            ("wsfunction", function),
            ("moodlewsrestformat", "json"),
        ];
        form.extend_from_slice(fields);
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let asked = self
            .request("POST", "/webservice/rest/server.php")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body);
        let failed = json!({"exception": "no answer"});
        match asked.send().await {
            Ok(answer) => answer.json().await.unwrap_or(failed),
            Err(_) => failed,
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.truth.base_url.trim_end_matches('/'));
        let client = bursar::connectors::http().unwrap();
        client.request(method.parse().unwrap(), url)
    }

    /// Somebody else enrols, past the proxy.
    async fn enrol_before(&self, learner: &Learner) -> Result<(), &'static str> {
        let lms = self.lms();
        lms.ensure_learner(learner).await.unwrap();
        let key = "by-somebody-else";
        lms.enrol(learner, &self.course, key).await.unwrap();
        Ok(())
    }

    async fn suspend_before(&self, learner: &Learner) -> Result<(), &'static str> {
        let lms = self.lms();
        if !lms.capabilities().suspends {
            return Err("it knows no suspension");
        }
        self.enrol_before(learner).await?;
        let made = lms.read_enrolment(learner, &self.course).await.unwrap();
        let id = made.unwrap().id;
        lms.withdraw(learner, &self.course, &id).await.unwrap();
        Ok(())
    }
}

fn address_of(connection: &LmsConnection) -> &str {
    match &connection.confirm {
        Some(confirm) => &confirm.url,
        None => &connection.base_url,
    }
}

fn through(truth: &LmsConnection, proxy: &Proxy) -> LmsConnection {
    let mut connection = truth.clone();
    match &mut connection.confirm {
        Some(confirm) => confirm.url = proxy.in_place_of(&confirm.url),
        None => connection.base_url = proxy.in_place_of(&truth.base_url),
    }
    connection
}

fn spoilt(secret: &mut Option<Secret>) -> bool {
    let Some(right) = secret else { return false };
    *secret = Some(Secret::new(format!("{}x", right.expose())));
    true
}

#[async_trait]
impl Platform for Real {
    fn kind(&self) -> &str {
        &self.truth.kind
    }

    fn connection(&self) -> LmsConnection {
        self.settings.lock().unwrap().clone()
    }

    fn course(&self) -> &str {
        &self.course
    }

    fn other_course(&self) -> &str {
        &self.other_course
    }

    fn unknown_course(&self) -> &str {
        match self.truth.kind.as_str() {
            "moodle" => "999999999",
            _ => "no-such-course-of-bursar",
        }
    }

    fn learner(&self, name: &str) -> Learner {
        self.learners.lock().unwrap().insert(name.to_owned());
        self.called(name)
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        use Trouble as T;
        match trouble {
            T::AnswerLostAfterWrite
            | T::AnswerLostBeforeWrite
            | T::HangAfterWrite
            | T::Hang
            | T::CutConnection
            | T::Throttled(_)
            | T::Maintenance
            | T::HtmlInsteadOfJson
            | T::OversizedBody
            | T::EndlessBody
            | T::RedirectOnWrite(_)
            | T::RedirectOnRead(_) => self.proxy.set(Some(trouble)),
            T::RefusedConnection => {
                let mut settings = self.settings.lock().unwrap();
                let nowhere = "http://127.0.0.1:1".to_owned();
                match &mut settings.confirm {
                    Some(confirm) => confirm.url = nowhere,
                    None => settings.base_url = nowhere,
                }
            }
            T::BadCredentials => {
                let mut settings = self.settings.lock().unwrap();
                if !spoilt(&mut settings.api_secret) && !spoilt(&mut settings.api_key) {
                    return Err("its credentials are of another form");
                }
            }
            T::EnrolledBefore => return self.enrol_before(learner).await,
            T::SuspendedBefore => return self.suspend_before(learner).await,
            _ => return Err("only the server's administrator could arrange it"),
        }
        Ok(())
    }

    async fn behave(&self) {
        self.proxy.set(None);
        *self.settings.lock().unwrap() = through(&self.truth, &self.proxy);
    }

    /// By a connector of its own, past the proxy.
    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        let lms = self.lms();
        if !lms.capabilities().reads_back {
            return None;
        }
        let read = lms.read_enrolment(learner, course).await.unwrap();
        Some(read.map_or(0, |found| match found.standing {
            Standing::Suspended => 0,
            _ => found.rows,
        }))
    }

    async fn tidy(&self) -> Vec<String> {
        let names = std::mem::take(&mut *self.learners.lock().unwrap());
        let (lms, mut left) = (self.lms(), Vec::new());
        for name in names {
            let learner = self.called(&name);
            let mut rows = Vec::new();
            for course in [&self.course, &self.other_course] {
                if lms.capabilities().withdraws {
                    let stays = self.remove_rows(lms.as_ref(), &learner, course).await;
                    rows.extend(stays.map(|why| format!("enrolment in {course} ({why})")));
                }
            }
            if !self.remove_account(&learner.email).await {
                rows.push("the account, if there is one".to_owned());
                left.push(format!("{}: {}", learner.email, rows.join(", ")));
            }
        }
        left
    }
}

pub fn assert_all_pass(results: &[Verdict]) {
    let mut failed = Vec::new();
    for (case, result) in CASES.iter().zip(results) {
        eprintln!("{:<70} {result:?}", case.name);
        if let Verdict::Failed(why) = result {
            failed.push(format!("{}: {why}", case.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
#[ignore = "needs a server: ./test --conformance with BURSAR_CONFORMANCE_URL"]
async fn a_real_server_conforms() {
    let results =
        run_all(|| Box::pin(async { Box::new(Real::named().await) as Box<dyn Platform> }));
    assert_all_pass(&Box::pin(results).await);
}

/// The way to a real server, tried on a fake one that stands for it.
#[tokio::test]
async fn the_way_to_a_real_server_conforms() {
    let results =
        run_all(|| Box::pin(async { Box::new(Pretended::start().await) as Box<dyn Platform> }));
    assert_all_pass(&Box::pin(results).await);
}

/// A fake that is treated as a real server, kept alive.
struct Pretended {
    real: Real,
    fake: bursar::connectors::lms::fake::FakeLms,
}

impl Pretended {
    async fn start() -> Self {
        let fake = super::frappe::fake(bursar::connectors::lms::fake::Framework::V15).await;
        let courses = super::frappe::COURSES.map(|(id, _)| id.to_owned());
        Self {
            real: Real::to(fake.connection(), courses, Duration::from_millis(300)).await,
            fake,
        }
    }
}

#[async_trait]
impl Platform for Pretended {
    fn kind(&self) -> &'static str {
        "frappe"
    }

    fn connection(&self) -> LmsConnection {
        self.real.connection()
    }

    fn course(&self) -> &str {
        self.real.course()
    }

    fn other_course(&self) -> &str {
        self.real.other_course()
    }

    fn learner(&self, name: &str) -> Learner {
        self.real.learner(name)
    }

    fn patience(&self) -> Duration {
        self.real.patience()
    }

    async fn misbehave(&self, trouble: Trouble, learner: &Learner) -> Result<(), &'static str> {
        self.real.misbehave(trouble, learner).await
    }

    async fn behave(&self) {
        self.real.behave().await;
    }

    async fn count(&self, learner: &Learner, course: &str) -> Option<usize> {
        self.real.count(learner, course).await
    }

    async fn tidy(&self) -> Vec<String> {
        let left = self.real.tidy().await;
        assert_eq!(self.fake.enrolments(), [], "nothing is left behind");
        assert!(self.fake.users().is_empty(), "no account is left behind");
        left
    }
}

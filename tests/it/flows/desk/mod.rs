//! The seller's pages over real HTTP: who comes in, what each form does, and what every page says to
//! the browser. A [`Desk`] is a browser with a session: it follows no redirect and sends no script.

use std::sync::Arc;

use bursar::model::api_key::{self, Scope};
use bursar::model::audit::Actor;
use bursar::model::transfer::{self, Transfer};
use reqwest::redirect::Policy;
use serde_json::Value;

use crate::harness::server::{self, Answer, Server};

mod deciding;
mod entering;
mod keeping;

/// A person at the seller's pages.
struct Desk {
    server: Arc<Server>,
    browser: reqwest::Client,
    cookie: String,
}

/// A key with these scopes, made as the command line makes it.
async fn key(server: &Server, name: &str, scopes: &[Scope]) -> String {
    let (name, scopes) = (name.to_owned(), scopes.to_vec());
    let moment = server.app.moment(Actor::Operator("test".to_owned()));
    let made = server.app.db.write(move |tx| {
        Box::pin(async move { api_key::create(tx, &moment, &name, &scopes).await })
    });
    made.await.unwrap()
}

fn browser() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy();
    builder.redirect(Policy::none()).build().unwrap()
}

/// Sign in with this key; the answer.
async fn enter(server: &Server, browser: &reqwest::Client, key: &str) -> Answer {
    let url = format!("{}/admin/sign-in", server.url);
    let form = [("key", key), ("next", "/admin/transfers?due=yes")];
    server::answer(browser.post(url).form(&form)).await
}

/// The cookie of an answer, as a browser sends it back.
fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Tell a story at a desk of somebody who may do everything, over each kind of database.
async fn each(story: impl AsyncFn(Desk)) {
    server::each(async |server| story(Desk::over(server, Scope::ALL).await).await).await;
}

impl Desk {
    async fn over(server: Server, scopes: &[Scope]) -> Self {
        Self::of(Arc::new(server), "lan", scopes).await
    }

    /// Somebody else at another browser, in the same shop.
    async fn over_again(desk: &Self, name: &str) -> Self {
        Self::of(desk.server.clone(), name, Scope::ALL).await
    }

    async fn of(server: Arc<Server>, name: &str, scopes: &[Scope]) -> Self {
        let browser = browser();
        let key = key(&server, name, scopes).await;
        let entered = enter(&server, &browser, &key).await;
        assert_eq!(entered.status, 303, "{}", entered.text);
        let cookie = format!("{}; lang=en", cookie_of(&entered));
        Self {
            server,
            browser,
            cookie,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.server.url);
        server::answer(self.browser.get(url).header("Cookie", &self.cookie)).await
    }

    /// A page that must be there.
    async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    /// Send a form as it is.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let url = format!("{}{path}", self.server.url);
        let request = self.browser.post(url).header("Cookie", &self.cookie);
        server::answer(request.form(fields)).await
    }

    /// Fill in the form of this page that posts to `action`: what stands in it, with these values in
    /// its place. It must be there.
    async fn fill(&self, page: &str, action: &str, values: &[(&str, &str)]) -> Answer {
        let html = self.page(page).await;
        let mut fields = form(&html, action).expect("the page has this form");
        for (name, value) in values {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => (*value).clone_into(known),
                None => fields.push(((*name).to_owned(), (*value).to_owned())),
            }
        }
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.post(action, &fields).await
    }

    /// The same, and it leads on; the page that it leads to.
    async fn decide(&self, page: &str, action: &str, values: &[(&str, &str)]) -> String {
        let answer = self.fill(page, action, values).await;
        assert_eq!(answer.status, 303, "{action}: {}", answer.text);
        let next = answer.headers["location"].to_str().unwrap().to_owned();
        self.page(&next).await
    }

    /// The token that forms of this session carry.
    async fn token(&self) -> String {
        let html = self.page("/admin").await;
        let fields = form(&html, "/admin/sign-out").unwrap();
        fields[0].1.clone()
    }

    /// The transfers that wait.
    async fn inbox(&self) -> Vec<Transfer> {
        let read = &self.server.app.db;
        read.read(|tx| Box::pin(transfer::waiting(tx, 100)))
            .await
            .unwrap()
    }

    /// Money comes in that waits for a person; the address of its page.
    async fn waiting(&self, dong: i64, memo: &str) -> String {
        let known = self.inbox().await.len();
        let body = self.server.transfer(dong, memo);
        assert_eq!(self.server.webhook(&body).await.status, 200);
        let inbox = self.inbox().await;
        assert_eq!(inbox.len(), known + 1, "it waits");
        format!("/admin/transfers/{}", inbox[known].id)
    }

    /// What the public API says of an order's money.
    async fn payment(&self, order: &Value) -> String {
        let path = format!("/api/v1/payment/check-status/{}", code(order));
        let answer = self.server.get(&path).await;
        answer.json["paymentStatus"].as_str().unwrap().to_owned()
    }
}

/// The code of the order that create-order answered with.
fn code(order: &Value) -> &str {
    order["orderCode"].as_str().unwrap()
}

/// The fields of the first form that posts to `action`, or has a button that does, as they stand.
fn form(html: &str, action: &str) -> Option<Vec<(String, String)>> {
    let mut forms = html.split("<form").skip(1);
    let text = forms.find_map(|rest| {
        let text = rest.split("</form>").next()?;
        text.contains(&format!("action=\"{action}\""))
            .then_some(text)
    })?;
    let inputs = text.split("<input").skip(1).filter_map(|input| {
        let input = input.split('>').next()?;
        let name = attribute(input, "name")?;
        let ticked = !input.contains("type=\"checkbox\"");
        ticked.then(|| (name, attribute(input, "value").unwrap_or_default()))
    });
    Some(inputs.collect())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split(&format!(" {name}=\"")).nth(1)?;
    Some(
        rest.split('"')
            .next()?
            .replace("&#39;", "'")
            .replace("&#38;", "&"),
    )
}

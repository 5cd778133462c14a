//! The program on stage: each event by the road on which it comes in life, then the queue worked empty;
//! and what can be seen afterwards, in the oracle's words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use bursar::clock::Timestamp;
use bursar::connectors::Fault;
use bursar::connectors::lms::{
    Capabilities, Enrolment, Learner, LearnerRef, Lms, RemoteCourse, Standing,
};
use bursar::db::Kind;
use bursar::fact::{DisputeStage, RefundProgress};
use bursar::fulfilment::{gift, place};
use bursar::id::OrderId;
use bursar::model::email::{self, Email, EmailState, Letter};
use bursar::model::grant::{self, Benefit, Grant, GrantState};
use bursar::model::line::{self, Line};
use bursar::model::order::{self, Order, OrderKind, OrderStatus, PaymentStatus};
use bursar::web::router::router;
use bursar::words::Locale;
use tower::ServiceExt;

use super::history::{Course, Event, Ware};
use super::oracle::{Access, Claim, Promise, World};
use crate::harness::shop::{BUYER, START, Setup, Shop, till};

const DAY: Duration = Duration::from_hours(24);

/// Which row the platform has for a learner's course.
pub type Rows = BTreeMap<(String, String), String>;

/// A platform in this process's memory, which can refuse learners. A fake.
#[derive(Default)]
pub struct Platform {
    refuses: AtomicBool,
    made: AtomicU64,
    pub rows: Mutex<Rows>,
}

impl Platform {
    fn asked(&self) -> Result<MutexGuard<'_, Rows>, Fault> {
        if self.refuses.load(Ordering::SeqCst) {
            let why = "the account is disabled".to_owned();
            return Err(Fault::LearnerProblem { why });
        }
        Ok(self.rows.lock().unwrap())
    }
}

fn place_of(learner: &Learner, course: &str) -> (String, String) {
    (learner.email.clone(), course.to_owned())
}

#[async_trait]
impl Lms for Platform {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            reads_back: true,
            repeat_is_safe: true,
            withdraws: true,
            suspends: false,
            lists_courses: false,
        }
    }

    async fn ping(&self) -> Result<String, Fault> {
        self.asked().map(|_| "a fake".to_owned())
    }

    async fn find_course(&self, course: &str) -> Result<Option<RemoteCourse>, Fault> {
        let (id, title) = (course.to_owned(), course.to_owned());
        self.asked().map(|_| Some(RemoteCourse { id, title }))
    }

    async fn ensure_learner(&self, learner: &Learner) -> Result<LearnerRef, Fault> {
        let (id, created) = (learner.email.clone(), false);
        self.asked().map(|_| LearnerRef { id, created })
    }

    async fn read_enrolment(
        &self,
        learner: &Learner,
        course: &str,
    ) -> Result<Option<Enrolment>, Fault> {
        let found = self.asked()?.get(&place_of(learner, course)).cloned();
        Ok(found.map(|id| Enrolment {
            id,
            standing: Standing::Active,
            rows: 1,
        }))
    }

    async fn enrol(
        &self,
        learner: &Learner,
        course: &str,
        _: &str,
    ) -> Result<Option<String>, Fault> {
        let id = format!("row-{}", self.made.fetch_add(1, Ordering::SeqCst));
        let twice = self.asked()?.insert(place_of(learner, course), id.clone());
        assert_eq!(twice, None, "enrolled twice in {course}");
        Ok(Some(id))
    }

    async fn withdraw(
        &self,
        learner: &Learner,
        course: &str,
        enrolment: &str,
    ) -> Result<(), Fault> {
        let gone = self.asked()?.remove(&place_of(learner, course));
        assert_eq!(gone.as_deref(), Some(enrolment), "removed from {course}");
        Ok(())
    }
}

/// What can be seen of an order.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    payment: &'static str,
    refunded: i64,
    disputed: bool,
    status: &'static str,
    promises: Vec<Promise>,
    /// Courses whose files its links open.
    open: BTreeSet<Course>,
    letters: Vec<String>,
}

/// What can be seen of everything.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    orders: Vec<Seen>,
    enrolled: BTreeSet<Course>,
    /// Tasks that are not done, by kind.
    left: Vec<String>,
}

pub struct Stage {
    pub shop: Shop,
    pub platform: Arc<Platform>,
    /// In the sequence in which they came about.
    pub orders: Vec<Order>,
    learner: String,
    begun: Timestamp,
    doors: axum::Router,
}

impl Stage {
    pub async fn open(kind: Kind) -> Self {
        let platform = Arc::new(Platform::default());
        let mut setup = Setup::on(kind);
        setup.in_memory = true;
        setup.platforms.push(("lms", platform.clone()));
        let shop = Shop::set_up(setup).await;
        let doors = router(shop.app.clone());
        Self {
            shop,
            platform,
            orders: Vec::new(),
            learner: BUYER.to_owned(),
            begun: START,
            doors,
        }
    }

    /// From here on it is another learner's history; the last one's ends with what waits being kept.
    pub async fn begin_anew(&mut self, learner: String) {
        self.play(Event::Activate).await;
        self.orders.clear();
        self.learner = learner;
        self.begun = self.shop.clock.now();
    }

    /// One event, and all that follows from it.
    pub async fn play(&mut self, event: Event) {
        match event {
            Event::Buy(ware) => self.buy(ware).await,
            Event::BuyLate(ware) => {
                self.platform.refuses.store(true, Ordering::SeqCst);
                self.buy(ware).await;
                self.shop.drain().await;
                self.platform.refuses.store(false, Ordering::SeqCst);
                return;
            }
            Event::Gift => self.give().await,
            Event::Activate => self.press_again().await,
            Event::RefundLine(order, course) => {
                let paid_back = self.shop.pay_back(&self.orders[order], Some(slug(course)));
                paid_back.await.unwrap();
            }
            Event::RefundAll(order) => {
                let now = self.shop.order_now(&self.orders[order].id).await;
                let left = now.received.minor - now.refunded.minor;
                let (name, paid) = (format!("re_{}", now.id), payment(&now));
                let fact = till::refund(&name, &paid, left, RefundProgress::Succeeded);
                self.shop.tell(fact).await;
            }
            Event::Dispute(order) => self.claim(order, DisputeStage::Open).await,
            Event::Win(order) => self.claim(order, DisputeStage::Won).await,
            Event::Lose(order) => self.claim(order, DisputeStage::Lost).await,
            Event::Days => {
                self.press_again().await;
                for days in [24, 7] {
                    self.shop.drain().await;
                    self.shop.advance(DAY * days);
                    self.shop.sweep().await;
                }
            }
        }
        self.shop.drain().await;
    }

    async fn buy(&mut self, ware: Ware) {
        let slug = match ware {
            Ware::Single => "month",
            Ware::Trio => "trio",
        };
        let (order, _) = self.shop.bought_by_card_of(&self.learner, &[slug]).await;
        self.orders.push(order);
    }

    async fn give(&mut self) {
        let catalogue = self.shop.app.catalogue().await.unwrap();
        let policy = self.shop.app.desk.policy.clone();
        let courses = vec!["month".to_owned()];
        let basket = place::basket(&catalogue, &policy, &courses).unwrap();
        let request = place::Request {
            email: self.learner.clone(),
            name: "Nguyễn An".to_owned(),
            phone: None,
            locale: Locale::En,
            courses,
            coupon: None,
            idempotency: None,
            kind: OrderKind::Gift,
        };
        let given = self.shop.step(move |tx, moment| {
            Box::pin(
                async move { gift::give(tx, &moment, &policy, &request, &basket, "a prize").await },
            )
        });
        self.orders.push(given.await.unwrap().order);
    }

    /// The seller presses *try again* on all that waits, oldest first.
    async fn press_again(&self) {
        for order in &self.orders {
            for grant in self.shop.grants(order).await {
                if grant.state == GrantState::ActionNeeded {
                    self.shop.retry(&grant.id).await.unwrap();
                }
            }
        }
    }

    async fn claim(&self, order: usize, stage: DisputeStage) {
        let order = &self.orders[order];
        let name = format!("dp_{}", order.id);
        let fact = till::disputed(&name, &payment(order), order.total.minor, stage);
        self.shop.tell(fact).await;
    }

    pub async fn look(&self) -> View {
        let ids: Vec<OrderId> = self.orders.iter().map(|order| order.id.clone()).collect();
        let read = self.shop.app.db.read(move |tx| {
            Box::pin(async move {
                let mut read = Vec::new();
                for id in &ids {
                    let order = order::get(tx, id).await?;
                    let lines = line::of_order(tx, id).await?;
                    let grants = grant::of_order(tx, id).await?;
                    read.push((order, lines, grants, email::of_order(tx, id).await?));
                }
                Ok(read)
            })
        });
        let mut orders = Vec::new();
        for (order, lines, grants, emails) in read.await.unwrap() {
            orders.push(self.look_at(&order, &lines, &grants, &emails).await);
        }
        let mut left = self.shop.tasks().await;
        left.retain(|task| task.state != "done");
        let rows = self.platform.rows.lock().unwrap();
        let own = rows.keys().filter(|(learner, _)| *learner == self.learner);
        View {
            orders,
            enrolled: own
                .map(|(_, id)| course_of(id.trim_start_matches("c-")))
                .collect(),
            left: left.into_iter().map(|task| task.kind).collect(),
        }
    }

    async fn look_at(
        &self,
        order: &Order,
        lines: &[Line],
        grants: &[Grant],
        emails: &[Email],
    ) -> Seen {
        let (mut promises, mut open) = (Vec::new(), BTreeSet::new());
        for grant in grants {
            let line = lines.iter().find(|line| line.id == grant.line).unwrap();
            let course = course_of(&line.course);
            if grant.benefit == Benefit::Files && self.opens(grant, order).await {
                open.insert(course);
            }
            promises.push(self.promise(course, grant));
        }
        promises.sort();
        Seen {
            payment: order.payment_status.as_str(),
            refunded: order.refunded.minor,
            disputed: order.disputed,
            status: order.order_status.as_str(),
            promises,
            open,
            letters: letters(emails),
        }
    }

    fn promise(&self, course: Course, grant: &Grant) -> Promise {
        let day = |end: Timestamp| u32::try_from(end.since(self.begun).as_secs() / 86_400);
        Promise {
            course,
            files: grant.benefit == Benefit::Files,
            access: match grant.state {
                GrantState::ActionNeeded => Access::Waits,
                GrantState::Active => Access::Given,
                GrantState::Revoked => Access::Taken,
                other => panic!("a grant of {course:?} is {other}"),
            },
            kept: grant
                .activated_at
                .map(|_| grant.expires_at.map(|end| day(end).unwrap())),
        }
    }

    /// A click on the link that was in the letter.
    async fn opens(&self, grant: &Grant, order: &Order) -> bool {
        let path = self.shop.app.desk.landing_path(grant, order);
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = self.doors.clone().oneshot(request).await.unwrap();
        answer.status() == 200
    }
}

fn letters(emails: &[Email]) -> Vec<String> {
    let kind = |email: &Email| {
        assert_eq!(email.state, EmailState::Sent, "{:?}", email.letter);
        match &email.letter {
            Letter::Ending(_) => "ending".to_owned(),
            Letter::Refunded(_) => "refunded".to_owned(),
            other => other.word(),
        }
    };
    let mut kinds: Vec<String> = emails.iter().map(kind).collect();
    kinds.sort();
    kinds
}

/// What the oracle says can be seen.
pub fn expected(world: &World) -> View {
    let orders = world.deals.iter().map(|deal| {
        let mut promises = deal.promises.clone();
        promises.sort();
        let open = promises
            .iter()
            .filter(|p| p.files && p.access == Access::Given);
        let refunded = match deal.refunded {
            0 => PaymentStatus::Paid,
            _ if deal.is_wholly_refunded() => PaymentStatus::Refunded,
            _ => PaymentStatus::PartiallyRefunded,
        };
        let status = match deal.finished {
            None => OrderStatus::Processing,
            Some(true) => OrderStatus::Completed,
            Some(false) => OrderStatus::Failed,
        };
        Seen {
            payment: refunded.as_str(),
            refunded: i64::from(deal.refunded) * 1000,
            disputed: deal.claim == Claim::Open,
            status: status.as_str(),
            open: open.map(|p| p.course).collect(),
            promises,
            letters: deal.letters.clone(),
        }
    });
    let mut waiting = world
        .deals
        .iter()
        .flat_map(|deal| &deal.promises)
        .collect::<Vec<_>>();
    waiting.retain(|promise| promise.access == Access::Waits);
    View {
        orders: orders.collect(),
        enrolled: world.enrolled.clone(),
        left: waiting.iter().map(|_| "enrol".to_owned()).collect(),
    }
}

fn payment(order: &Order) -> String {
    format!("pi_{}", order.id)
}

fn slug(course: Course) -> &'static str {
    match course {
        Course::A => "month",
        Course::B => "enrol",
        Course::C => "files",
    }
}

fn course_of(slug: &str) -> Course {
    match slug {
        "month" => Course::A,
        "enrol" => Course::B,
        "files" => Course::C,
        other => panic!("a course called {other}"),
    }
}

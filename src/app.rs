//! What a running Bursar holds, put together once. [`Desk`] is what steps and the database halves of
//! tasks may see; [`Connectors`] is the outside world. Nothing is handed both at once but [`App`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::broadcast;

use crate::clock::{Clock, Timestamp};
use crate::config::{BankAccount, Config, Mode, PartialRefund, Shop};
use crate::connectors::Connectors;
use crate::connectors::destinations::links::{LANDING_LIFE, Links};
use crate::connectors::gateways::teller::{Abilities, Listing};
use crate::connectors::gateways::{Gateway, Gateways, Tellers, tellers, vietqr};
use crate::connectors::lms;
use crate::db::Db;
use crate::error::Result;
use crate::fulfilment::{Policy, plan};
use crate::id::{Mint, OrderId};
use crate::model::audit::Actor;
use crate::model::catalogue::{self, Catalogue};
use crate::model::grant::Grant;
use crate::model::order::Order;
use crate::model::{Moment, code, key};
use crate::web::downloads::copies::Copies;
use crate::web::downloads::traffic::Traffic;
use crate::web::limits::Limits;

pub mod checkout;
pub mod files;
pub mod intake;
pub mod polling;
pub mod publish;

/// A copy of the catalogue is asked for its revision no more often than this.
const CATALOGUE_AGE: Duration = Duration::from_secs(2);
/// Changes of orders that a slow page may fall behind before it simply looks again.
const BACKLOG: usize = 1024;

/// The server's whole state.
pub struct App {
    /// Settings, checked.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// What database halves may see.
    pub desk: Arc<Desk>,
    /// The outside world.
    pub world: Arc<Connectors>,
    /// The only source of the time.
    pub clock: Clock,
    /// Where ids and secrets come from.
    pub mint: Mint,
    /// Rate limits per address.
    pub limits: Limits,
    /// Downloads that run.
    pub traffic: Traffic,
    /// Copies of PDFs that carry their buyer's address.
    pub copies: Arc<Copies>,
    /// Pages that watch orders.
    pub live: Live,
    shelf: Shelf,
}

/// Plain values and pure functions: no connection to anywhere.
pub struct Desk {
    /// The seller's decisions.
    pub policy: Policy,
    /// The shop as buyers see it.
    pub shop: Shop,
    /// Where buyers reach us, without a slash at the end.
    pub public_url: String,
    /// Where buyers transfer to; they are shown the first.
    pub accounts: Vec<BankAccount>,
    /// Verifies and reads gateways' messages.
    pub gateways: Gateways,
    /// Signs and reads download links.
    pub links: Links,
    people_per_folder: BTreeMap<String, i64>,
    listings: Vec<(&'static str, Listing)>,
    course_pages: BTreeMap<String, lms::CoursePage>,
}

impl Desk {
    /// The buyer's page of an order.
    #[must_use]
    pub fn order_url(&self, secret: &str) -> String {
        format!("{}/o/{secret}", self.public_url)
    }

    /// Where a learner finds a course on a connection's platform.
    #[must_use]
    pub fn course_page(&self, connection: &str, course: &str) -> Option<String> {
        self.course_pages.get(connection)?.url(course)
    }

    /// How many buyers share one folder on a Drive, by the connection of its tasks; none: it is not
    /// configured any more.
    #[must_use]
    pub fn people_per_folder(&self, drive: &str) -> Option<i64> {
        self.people_per_folder.get(drive).copied()
    }

    /// The connections of all Drives.
    pub fn drive_lanes(&self) -> impl Iterator<Item = String> {
        self.people_per_folder.keys().cloned()
    }

    /// The gateway and the listing that a poll is about: `GATEWAY/LISTING`.
    #[must_use]
    pub fn listing(&self, subject: &str) -> Option<(&'static str, &Listing)> {
        let known = self.listings.iter();
        known
            .map(|(gateway, listing)| (*gateway, listing))
            .find(|(gateway, listing)| *subject == format!("{gateway}/{}", listing.name))
    }

    /// Every list that a configured gateway keeps, as polls name them.
    pub fn polls(&self) -> impl Iterator<Item = String> {
        let known = self.listings.iter();
        known.map(|(gateway, listing)| format!("{gateway}/{}", listing.name))
    }

    /// The connections of all gateways that keep lists.
    pub fn list_lanes(&self) -> impl Iterator<Item = String> {
        let gateways: BTreeSet<&str> = self.listings.iter().map(|(gateway, _)| *gateway).collect();
        gateways.into_iter().map(plan::lists_of)
    }

    /// A course on the shop's front page, ticked.
    #[must_use]
    pub fn course_in_shop(&self, slug: &str) -> String {
        format!("{}/?course={slug}#order", self.public_url)
    }

    /// The path of the page that lists a grant's files: always the same for the same grant. The
    /// right is asked for at each click, not here.
    #[must_use]
    pub fn landing_path(&self, grant: &Grant, order: &Order) -> String {
        let expires = order.created_at.plus(LANDING_LIFE);
        format!("/f/{}", self.links.mint_landing(&grant.id, expires))
    }

    /// The same page, for letters.
    #[must_use]
    pub fn landing_url(&self, grant: &Grant, order: &Order) -> String {
        format!("{}{}", self.public_url, self.landing_path(grant, order))
    }
}

impl App {
    /// Put it together over an open database. Makes the link key on first use.
    pub async fn new(
        config: Config,
        db: Db,
        world: Connectors,
        clock: Clock,
        mint: Mint,
    ) -> anyhow::Result<Arc<Self>> {
        check(&config)?;
        let gateways = Gateways::new(&config.payments);
        let links = links(&config, &db, &clock, &mint).await?;
        let desk = Desk {
            policy: policy(&config, &gateways, &world.tellers),
            shop: config.shop.clone(),
            public_url: config.public_url.clone(),
            accounts: config.payments.accounts.clone(),
            people_per_folder: people_per_folder(&config),
            listings: listings(&world.tellers),
            gateways,
            links,
            course_pages: course_pages(&config),
        };
        let limits = Limits::new(&config.limits);
        let copies = Arc::new(Copies::new(&config.downloads.stamp));
        Ok(Arc::new(Self {
            config,
            db,
            desk: Arc::new(desk),
            world: Arc::new(world),
            clock,
            mint,
            limits,
            traffic: Traffic::default(),
            copies,
            live: Live(broadcast::Sender::new(BACKLOG)),
            shelf: Shelf::default(),
        }))
    }

    /// Now, by this actor.
    #[must_use]
    pub fn moment(&self, actor: Actor) -> Moment {
        Moment {
            now: self.clock.now(),
            mint: self.mint.clone(),
            actor,
        }
    }

    /// Outside services are faked and labelled so.
    #[must_use]
    pub fn is_demo(&self) -> bool {
        self.config.mode == Mode::Demo
    }

    /// The catalogue as it is on sale; at most two seconds behind an import by another process.
    pub async fn catalogue(&self) -> Result<Arc<Catalogue>> {
        let now = self.clock.now();
        let held = self.shelf.get();
        if let Some((checked, _, catalogue)) = &held
            && now.since(*checked) < CATALOGUE_AGE
        {
            return Ok(catalogue.clone());
        }
        let known = held.map(|(_, revision, catalogue)| (revision, catalogue));
        let (revision, catalogue) = self.db.read(|tx| Box::pin(fresh(tx, known))).await?;
        self.shelf.put(now, revision, catalogue.clone());
        Ok(catalogue)
    }
}

async fn fresh(
    tx: &mut crate::db::Tx<'_>,
    known: Option<(i64, Arc<Catalogue>)>,
) -> Result<(i64, Arc<Catalogue>)> {
    let revision = catalogue::revision(tx).await?;
    match known {
        Some((held, catalogue)) if held == revision => Ok((revision, catalogue)),
        _ => Ok((revision, Arc::new(catalogue::load(tx).await?))),
    }
}

/// When it was checked, its revision, and the copy.
type Held = (Timestamp, i64, Arc<Catalogue>);

#[derive(Default)]
struct Shelf(RwLock<Option<Held>>);

impl Shelf {
    fn get(&self) -> Option<Held> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn put(&self, checked: Timestamp, revision: i64, catalogue: Arc<Catalogue>) {
        let held = Some((checked, revision, catalogue));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// Tells open pages of this process that an order changed. A hint: pages compare versions.
#[derive(Clone)]
pub struct Live(broadcast::Sender<OrderId>);

impl Live {
    /// This order changed.
    pub fn tell(&self, order: &OrderId) {
        // Nobody watching is the usual case, and no error.
        drop(self.0.send(order.clone()));
    }

    /// Hear of every change from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<OrderId> {
        self.0.subscribe()
    }
}

/// What settings mean to the parts that use them; their form was checked when they were read.
pub fn check(config: &Config) -> anyhow::Result<()> {
    let prefix = config.shop.code_prefix.as_str();
    code::check_prefix(prefix)
        .map_err(|why| anyhow::anyhow!("shop.code_prefix {prefix:?} {why}"))?;
    for (place, account) in config.payments.accounts.iter().enumerate() {
        vietqr::pay_into(account, 1, prefix)
            .map_err(|why| anyhow::anyhow!("payments.accounts[{place}]: {why}"))?;
    }
    Ok(())
}

fn course_pages(config: &Config) -> BTreeMap<String, lms::CoursePage> {
    let pages = config
        .lms
        .iter()
        .map(|(name, c)| (name.clone(), lms::CoursePage::of(c)));
    pages.collect()
}

fn people_per_folder(config: &Config) -> BTreeMap<String, i64> {
    let drives = config.drives.iter();
    drives
        .map(|(name, drive)| (plan::at_drive(name), i64::from(drive.people_per_folder)))
        .collect()
}

fn listings(tellers: &Tellers) -> Vec<(&'static str, Listing)> {
    let all = tellers.iter();
    all.flat_map(|(gateway, teller)| {
        let listings = teller.abilities().listings.iter();
        listings.map(|listing| (*gateway, *listing))
    })
    .collect()
}

/// The seller's decisions in these settings, for a command that runs a step beside the server.
pub fn policy_of(config: &Config) -> anyhow::Result<Policy> {
    check(config)?;
    let tellers = tellers(&config.payments)?;
    Ok(policy(config, &Gateways::new(&config.payments), &tellers))
}

fn policy(config: &Config, gateways: &Gateways, tellers: &Tellers) -> Policy {
    let able = |ability: fn(&Abilities) -> bool| -> Vec<&'static str> {
        let able = tellers.iter().filter(|(_, t)| ability(&t.abilities()));
        able.map(|(gateway, _)| *gateway).collect()
    };
    let checkouts = able(|can| can.checkout);
    let watching = gateways.iter().filter(|g| g.watches_accounts());
    Policy {
        gateways: watching.map(Gateway::name).collect(),
        checkouts,
        refunders: able(|can| can.refunds),
        partial_refund_ends_access: config.payments.partial_refund == PartialRefund::Revoke,
        prefix: config.shop.code_prefix.clone(),
        order_ttl: Duration::from_hours(1) * config.payments.order_ttl_hours,
        tolerance: config.payments.tolerance,
        accounts: config
            .payments
            .accounts
            .iter()
            .map(|a| a.number.clone())
            .collect(),
        give_up_after: Duration::from_hours(1) * config.fulfilment.give_up_after_hours,
        courses_per_order: config.limits.courses_per_order,
    }
}

async fn links(config: &Config, db: &Db, clock: &Clock, mint: &Mint) -> anyhow::Result<Links> {
    let previous = config
        .downloads
        .previous_key
        .as_ref()
        .map(|key| key.expose().as_bytes());
    if let Some(key) = &config.downloads.signing_key {
        return Links::new(key.expose().as_bytes(), previous);
    }
    let actor = Actor::Machine("start");
    let moment = Moment {
        now: clock.now(),
        mint: mint.clone(),
        actor,
    };
    let made =
        db.write(move |tx| Box::pin(async move { key::keep(tx, &moment, "downloads").await }));
    Links::new(
        made.await
            .map_err(crate::error::Error::into_anyhow)?
            .as_bytes(),
        previous,
    )
}

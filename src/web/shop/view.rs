//! What the shop front says, as plain values.

use crate::money::Money;
use crate::web::frame::Frame;
use crate::web::order_page::{Offer, Totals};
use crate::words::Locale;

/// The shop front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShopView {
    /// The surroundings.
    pub frame: Frame,
    /// Where the form posts to.
    pub action: String,
    /// Everything on sale.
    pub courses: Vec<CourseCard>,
    /// Named sets at one price.
    pub bundles: Vec<BundleCard>,
    /// "Any so many courses at one price".
    pub combos: Vec<ComboOffer>,
    /// What was typed, and what was wrong with it.
    pub form: OrderForm,
    /// What the ticked courses cost, once that was asked for.
    pub price: Option<Totals>,
}

/// One course on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CourseCard {
    /// What the form sends.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// A sentence or two.
    pub summary: String,
    /// Its picture.
    pub cover: Option<String>,
    /// Its price alone.
    pub price: Money,
    /// By what right it is sold.
    pub rights: Rights,
    /// What the buyer gets.
    pub gives: Vec<Gives>,
    /// How long access lasts; `None` is for good.
    pub access_days: Option<u32>,
    /// Ticked.
    pub chosen: bool,
}

/// By what right a course is sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// The seller made it.
    Own,
    /// The seller is licensed to distribute it.
    Licensed,
    /// Under an open licence.
    Open,
}

/// One thing that a course gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// A seat on the learning platform.
    Enrolment,
    /// Files to download.
    Files,
}

/// A named set at one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleCard {
    /// Its title.
    pub title: String,
    /// Its courses: slug and title.
    pub courses: Vec<(String, String)>,
    /// The price of the set.
    pub price: Money,
    /// What its courses cost one by one.
    pub list: Money,
}

/// Any so many courses at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComboOffer {
    /// How many.
    pub count: usize,
    /// For how much.
    pub price: Money,
}

/// What was typed, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderForm {
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The phone number.
    pub phone: String,
    /// The coupon.
    pub coupon: String,
    /// The faults found; empty at first.
    pub faults: Vec<FormFault>,
}

/// One fault: the field's name in the form (`course`, `email`, `name`, `phone`, `coupon`, or empty for
/// the whole form) and the sentence for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormFault {
    /// The field.
    pub field: String,
    /// What is wrong and what to do.
    pub text: String,
}

impl OrderForm {
    /// What is wrong with a field.
    #[must_use]
    pub fn fault(&self, field: &str) -> Option<&str> {
        self.faults
            .iter()
            .find(|fault| fault.field == field)
            .map(|fault| fault.text.as_str())
    }
}

impl Rights {
    pub(super) fn words(self, frame: &Frame) -> String {
        let key = match self {
            Self::Own => "shop.rights.own",
            Self::Licensed => "shop.rights.licensed",
            Self::Open => "shop.rights.open",
        };
        frame.say(key).into_owned()
    }
}

impl Gives {
    pub(super) fn words(self, frame: &Frame) -> String {
        let key = match self {
            Self::Enrolment => "shop.gives.enrolment",
            Self::Files => "shop.gives.files",
        };
        frame.say(key).into_owned()
    }
}

impl BundleCard {
    /// The link that ticks its courses.
    pub(super) fn href(&self, path: &str) -> String {
        let slugs: Vec<String> = self
            .courses
            .iter()
            .map(|(slug, _)| format!("course={slug}"))
            .collect();
        format!("{path}?{}#order", slugs.join("&"))
    }

    pub(super) fn saved(&self) -> Option<Money> {
        let minor = self.list.minor - self.price.minor;
        (minor > 0).then_some(Money {
            minor,
            currency: self.price.currency,
        })
    }
}

impl ShopView {
    /// Every state, by name.
    #[must_use]
    pub fn samples(frame: &Frame) -> Vec<(&'static str, Self)> {
        let shop = sample(frame);
        let bare = Self {
            courses: Vec::new(),
            bundles: Vec::new(),
            combos: Vec::new(),
            ..shop.clone()
        };
        let mut refused = shop.clone();
        refused.courses[0].chosen = true;
        let (missing, address, used_up) = match frame.locale {
            Locale::Vi => (
                "Một khóa học đã ngừng bán và được bỏ chọn.",
                "Địa chỉ này thiếu dấu @.",
                "Mã giảm giá “TET20” đã hết lượt dùng.",
            ),
            Locale::En => (
                "One course is no longer on sale and was taken out.",
                "This address has no @.",
                "The coupon “TET20” is used up.",
            ),
        };
        let fault = |field: &str, text: &str| FormFault {
            field: field.to_owned(),
            text: text.to_owned(),
        };
        refused.form = OrderForm {
            email: "bich.gmail.com".to_owned(),
            name: "Trần Thị Bích".to_owned(),
            phone: String::new(),
            coupon: "TET20".to_owned(),
            faults: vec![
                fault("course", missing),
                fault("email", address),
                fault("coupon", used_up),
            ],
        };
        let mut priced = shop.clone();
        for card in &mut priced.courses {
            card.chosen = true;
        }
        "TET20".clone_into(&mut priced.form.coupon);
        priced.price = Some(Totals {
            list: Money::vnd(997_000),
            total: Money::vnd(719_200),
            offers: vec![Offer::Bundle("Kỹ năng văn phòng".to_owned())],
            coupon: Some(("TET20".to_owned(), Money::vnd(179_800))),
        });
        vec![
            ("shop", shop),
            ("shop_refused", refused),
            ("shop_priced", priced),
            ("shop_empty", bare),
        ]
    }
}

fn sample(frame: &Frame) -> ShopView {
    let mut frame = frame.clone();
    "/".clone_into(&mut frame.path);
    let both = [Gives::Enrolment, Gives::Files];
    let courses = vec![
        course("excel", "Excel cho người đi làm", 299_000, &both),
        course(
            "photo",
            "Nhiếp ảnh bằng điện thoại",
            399_000,
            &[Gives::Enrolment],
        ),
        course("english", "Tiếng Anh giao tiếp công sở", 299_000, &both),
    ];
    let named = |card: &CourseCard| (card.slug.clone(), card.title.clone());
    ShopView {
        frame,
        action: "/orders".to_owned(),
        bundles: vec![BundleCard {
            title: "Kỹ năng văn phòng".to_owned(),
            courses: courses.iter().map(named).collect(),
            price: Money::vnd(899_000),
            list: Money::vnd(997_000),
        }],
        courses,
        combos: vec![
            ComboOffer {
                count: 5,
                price: Money::vnd(1_299_000),
            },
            ComboOffer {
                count: 10,
                price: Money::vnd(2_299_000),
            },
        ],
        form: OrderForm::default(),
        price: None,
    }
}

fn course(slug: &str, title: &str, price: i64, gives: &[Gives]) -> CourseCard {
    CourseCard {
        slug: slug.to_owned(),
        title: title.to_owned(),
        summary: "Học theo từng việc thật, mỗi bài mười phút, có tệp mẫu để làm theo ngay."
            .to_owned(),
        cover: (slug != "photo").then(|| format!("/covers/{slug}.svg")),
        price: Money::vnd(price),
        rights: Rights::Own,
        gives: gives.to_vec(),
        access_days: (slug != "photo").then_some(365),
        chosen: false,
    }
}

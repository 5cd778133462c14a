//! Reading a catalogue file: the whole file is gone through, every fault is listed with its line,
//! and one fault is enough for nothing to be accepted.

use std::collections::HashMap;
use std::hash::Hash;

use toml::de::DeTable;

use super::fields::{CatalogueFault, Faults, Fields, Value};
use super::{COURSES_MAX, Catalogue, FILE_MAX, values};
use crate::model::bundle::{Bundle, Combo};
use crate::model::course::{Benefit, Course, Destination, PageUrl, Slug};
use crate::money::Money;

const FILE: &[&str] = &["course", "bundle", "combo"];
const COURSE: &[&str] = &[
    "slug",
    "title",
    "summary",
    "url",
    "price",
    "rights",
    "access_days",
    "cover",
    "benefit",
];
const ENROLMENT: &[&str] = &["kind", "connection", "course"];
const FILES: &[&str] = &["kind", "source", "folder", "destination", "drive", "stamp"];
const BUNDLE: &[&str] = &["slug", "title", "summary", "price", "courses"];
const COMBO: &[&str] = &["courses", "price"];

const BENEFITS_MAX: usize = 20;
const BUNDLES_MAX: usize = 1000;
const BUNDLE_COURSES_MAX: usize = 200;
const COMBOS_MAX: usize = 20;

/// The names that benefits may use.
#[derive(Debug, Clone, Copy)]
pub struct Known<'n> {
    /// Connections to learning platforms in the configuration.
    pub connections: &'n [&'n str],
    /// Sources of files in the configuration.
    pub sources: &'n [&'n str],
    /// Drives in the configuration.
    pub drives: &'n [&'n str],
}

/// Reads a file without looking at whether the configuration has the names it uses.
pub fn read(text: &str) -> Result<Catalogue, Vec<CatalogueFault>> {
    read_whole(text, None)
}

/// Reads a file; a benefit with a connection or source that is not `known` is a fault too.
pub fn read_for(text: &str, known: &Known<'_>) -> Result<Catalogue, Vec<CatalogueFault>> {
    read_whole(text, Some(known))
}

fn read_whole(text: &str, known: Option<&Known<'_>>) -> Result<Catalogue, Vec<CatalogueFault>> {
    let faults = Faults::new(text);
    if text.len() > FILE_MAX {
        faults.add(&(0..0), format!("the file is larger than {FILE_MAX} bytes"));
        return Err(faults.into_list());
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        faults.add(&span, format!("not TOML: {}", error.message()));
    }
    if !errors.is_empty() {
        return Err(faults.into_list());
    }
    let file = Fields::top(&document, &faults);
    file.only(FILE);
    let catalogue = Reader::new(known).catalogue(&file);
    if faults.is_empty() {
        Ok(catalogue)
    } else {
        Err(faults.into_list())
    }
}

/// What was met so far, so that each name is given once and bundles name courses that exist. It
/// also remembers courses with faults: one fault should not bring forth others.
struct Reader<'r> {
    known: Option<&'r Known<'r>>,
    slugs: HashMap<Slug, usize>,
    pages: HashMap<String, usize>,
    prices: HashMap<Slug, Option<Money>>,
    counts: HashMap<usize, usize>,
}

impl<'r> Reader<'r> {
    fn new(known: Option<&'r Known<'r>>) -> Self {
        Self {
            known,
            slugs: HashMap::new(),
            pages: HashMap::new(),
            prices: HashMap::new(),
            counts: HashMap::new(),
        }
    }

    fn catalogue(&mut self, file: &Fields<'_>) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for (at, value) in elements(file, "course", COURSES_MAX) {
            catalogue.courses.extend(self.course(file, value, at));
        }
        for (_, value) in elements(file, "bundle", BUNDLES_MAX) {
            catalogue.bundles.extend(self.bundle(file, value));
        }
        for (_, value) in elements(file, "combo", COMBOS_MAX) {
            catalogue.combos.extend(self.combo(file, value));
        }
        catalogue
    }

    fn course<'t>(
        &mut self,
        file: &Fields<'t>,
        value: &'t Value<'t>,
        position: usize,
    ) -> Option<Course> {
        let fields = file.below(value, "course")?;
        fields.only(COURSE);
        let slug = self.slug(&fields);
        let title = fields.required("title", values::line);
        let summary = fields.required("summary", values::paragraphs);
        let url = self.page(&fields);
        let price = fields.required("price", values::dong);
        let rights = fields.required("rights", values::rights);
        let access_days = fields.optional("access_days", values::days);
        let cover = fields.optional("cover", values::cover);
        let benefits = self.benefits(&fields);
        let slug = slug?;
        self.prices.insert(slug.clone(), price);
        Some(Course {
            slug,
            title: title?,
            summary: summary?,
            url: url?,
            price: price?,
            rights: rights?,
            access_days,
            cover,
            active: true,
            benefits,
            position,
        })
    }

    fn slug(&mut self, fields: &Fields<'_>) -> Option<Slug> {
        let slug = fields.required("slug", values::slug)?;
        once(&mut self.slugs, slug.clone(), fields, "slug");
        Some(slug)
    }

    fn page(&mut self, fields: &Fields<'_>) -> Option<PageUrl> {
        let page = fields.required("url", values::page)?;
        once(&mut self.pages, page.key().to_owned(), fields, "url");
        Some(page)
    }

    fn benefits(&self, course: &Fields<'_>) -> Vec<Benefit> {
        let Some(values) = course.list("benefit", BENEFITS_MAX) else {
            return Vec::new();
        };
        if values.is_empty() {
            course.add(&course.span, "it needs at least one [[course.benefit]]");
        }
        let mut benefits: Vec<Benefit> = Vec::new();
        for value in values {
            let Some(benefit) = self.benefit(course, value) else {
                continue;
            };
            if benefits.iter().any(|other| other.is_same_promise(&benefit)) {
                course.add(&value.span(), "this benefit is promised twice");
            }
            benefits.push(benefit);
        }
        benefits
    }

    fn benefit<'t>(&self, course: &Fields<'t>, value: &'t Value<'t>) -> Option<Benefit> {
        let fields = course.below(value, "benefit")?;
        if fields.required("kind", values::kind)? == "enrolment" {
            self.enrolment(&fields)
        } else {
            self.files(&fields)
        }
    }

    fn enrolment(&self, fields: &Fields<'_>) -> Option<Benefit> {
        fields.only(ENROLMENT);
        let connections = self.known.map(|known| known.connections);
        let connection = fields.required("connection", |value| values::name(value, connections));
        let course = fields.required("course", values::line);
        Some(Benefit::Enrolment {
            connection: connection?,
            course: course?,
        })
    }

    fn files(&self, fields: &Fields<'_>) -> Option<Benefit> {
        fields.only(FILES);
        let sources = self.known.map(|known| known.sources);
        let source = fields.required("source", |value| values::name(value, sources));
        let folder = fields.required("folder", values::folder);
        let destination = fields.optional("destination", values::destination);
        let drives = self.known.map(|known| known.drives);
        let drive = fields.optional("drive", |value| values::name(value, drives));
        let stamp = fields.optional("stamp", values::switch);
        let by_worker = destination == Some(Destination::Worker);
        if by_worker && stamp == Some(true) {
            let what =
                "stamp is for the download server: a worker of yours gets the files as they are";
            fields.add(&fields.place("stamp"), what);
        }
        if drive.is_some() && stamp == Some(true) {
            let what =
                "stamp is for the download server: a folder on a Drive is one for all its buyers";
            fields.add(&fields.place("stamp"), what);
        }
        if drive.is_some() && by_worker {
            let what =
                "drive stands beside destination = \"worker\": one of them hands the files over";
            fields.add(&fields.place("drive"), what);
        }
        Some(Benefit::Files {
            source: source?,
            folder: folder?,
            destination: destination.unwrap_or_default(),
            drive,
            stamp: stamp.unwrap_or_default(),
        })
    }

    fn bundle<'t>(&mut self, file: &Fields<'t>, value: &'t Value<'t>) -> Option<Bundle> {
        let fields = file.below(value, "bundle")?;
        fields.only(BUNDLE);
        let slug = self.slug(&fields);
        let title = fields.required("title", values::line);
        let summary = fields.optional("summary", values::paragraphs);
        let price = fields.required("price", values::dong);
        let courses = self.bundle_courses(&fields);
        self.refuse_dearer(&fields, price, &courses);
        Some(Bundle {
            slug: slug?,
            title: title?,
            summary,
            price: price?,
            courses,
        })
    }

    fn bundle_courses(&self, fields: &Fields<'_>) -> Vec<Slug> {
        let Some(values) = fields.list("courses", BUNDLE_COURSES_MAX) else {
            return Vec::new();
        };
        if values.len() < 2 {
            let what = "courses must name at least two courses";
            fields.add(&fields.place("courses"), what);
        }
        let mut courses = Vec::new();
        for value in values {
            let Some(course) = fields.parse("courses", value, values::slug) else {
                continue;
            };
            if !self.prices.contains_key(&course) {
                let what = format!("course {:?} is not in this file", course.as_str());
                fields.add(&value.span(), &what);
            }
            if courses.contains(&course) {
                let what = format!("course {:?} is named twice", course.as_str());
                fields.add(&value.span(), &what);
            }
            courses.push(course);
        }
        courses
    }

    fn refuse_dearer(&self, fields: &Fields<'_>, price: Option<Money>, courses: &[Slug]) {
        let lists = courses.iter().map(|course| *self.prices.get(course)?);
        let list: Option<i64> = lists.map(|price| Some(price?.minor)).sum();
        let (Some(price), Some(list)) = (price, list) else {
            return;
        };
        if list > 0 && price.minor > list {
            let what = format!("price {} is more than its courses' {list}", price.minor);
            fields.add(&fields.place("price"), &what);
        }
    }

    fn combo<'t>(&mut self, file: &Fields<'t>, value: &'t Value<'t>) -> Option<Combo> {
        let fields = file.below(value, "combo")?;
        fields.only(COMBO);
        let courses = fields.required("courses", values::count);
        let price = fields.required("price", values::dong);
        if let Some(courses) = courses {
            once(&mut self.counts, courses, &fields, "courses");
        }
        Some(Combo {
            courses: courses?,
            price: price?,
        })
    }
}

fn elements<'t>(
    file: &Fields<'t>,
    key: &str,
    most: usize,
) -> impl Iterator<Item = (usize, &'t Value<'t>)> {
    file.list(key, most).unwrap_or_default().iter().enumerate()
}

/// Puts down a fault where the value of `name` was met before.
fn once<K: Eq + Hash>(seen: &mut HashMap<K, usize>, key: K, fields: &Fields<'_>, name: &str) {
    let place = fields.place(name);
    if let Some(line) = seen.get(&key) {
        fields.add(&place, &format!("{name} is the same as on line {line}"));
        return;
    }
    seen.insert(key, fields.line(&place));
}

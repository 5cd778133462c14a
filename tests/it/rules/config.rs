//! Settings: the example is the manual, faults come all at once, secrets stay secret.

use std::path::Path;

use bursar::config::{
    BankAccount, Config, ConfigFault, HttpConfirm, LmsConnection, Mode, Place, Secret, SourceFolder,
};

const EXAMPLE: &str = include_str!("../../../bursar.example.toml");
const HIDDEN: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";

/// What the example says when each optional setting is taken into use.
fn example_with_everything() -> String {
    EXAMPLE.lines().map(uncommented).collect()
}

fn uncommented(line: &str) -> String {
    let setting = line
        .strip_prefix('#')
        .filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()));
    format!("{}\n", setting.unwrap_or(line))
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<ConfigFault>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bursar.toml");
    std::fs::write(&file, text).unwrap();
    load_file(&file, variables)
}

fn load_file(file: &Path, variables: &[(&str, &str)]) -> Result<Config, Vec<ConfigFault>> {
    let pairs = variables
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Config::load(Some(file), pairs)
}

/// Development needs nothing, so that a test shows only what it is about.
fn development(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<ConfigFault>> {
    load(&format!("mode = \"development\"\n{text}"), variables)
}

fn settings(faults: &[ConfigFault]) -> Vec<&str> {
    faults.iter().map(|fault| fault.setting.as_str()).collect()
}

/// Variables that make the example a shop that may start.
const PRODUCTION: [(&str, &str); 7] = [
    ("BURSAR_PUBLIC_URL", "https://shop.example.vn"),
    ("BURSAR_SHOP__SUPPORT_EMAIL", "hotro@shop.example.vn"),
    ("BURSAR_MAIL__TRANSPORT", "smtp"),
    ("BURSAR_MAIL__FROM", "Shop <shop@shop.example.vn>"),
    ("BURSAR_MAIL__HOST", "smtp.example.vn"),
    ("BURSAR_MAIL__USER", "shop"),
    ("BURSAR_MAIL__PASSWORD", HIDDEN),
];

#[test]
fn the_example_file_shows_exactly_the_defaults() {
    let shown: Config = toml::from_str(EXAMPLE).unwrap();
    assert_eq!(shown, Config::default());
}

#[test]
fn the_example_with_everything_taken_into_use_starts_in_production() {
    let config = load(&example_with_everything(), &PRODUCTION).unwrap();
    assert_eq!(config.payments.accounts[0].bank, "Vietcombank");
    assert_eq!(config.lms["academy"].kind, "frappe");
    assert_eq!(
        config.lms["bootcamp"].confirm.as_ref().unwrap().auth,
        "bearer"
    );
    assert_eq!(config.sources["videos"].path, Path::new("/srv/courses"));
    assert!(config.downloads.previous_key.is_some() && config.worker.secret.is_some());
}

/// The names come from the reader itself, so a new setting without a line in the manual fails here.
#[test]
fn the_example_file_names_every_setting_there_is() {
    let sections = [
        "",
        "shop",
        "payments",
        "payments.sepay",
        "payments.accounts.0",
        "lms.campus.moodle",
        "lms.school.canvas",
        "lms.bootcamp",
        "lms.bootcamp.confirm",
        "lms.seats.scim",
        "lms.university.openedx",
        "sources.videos",
        "stores.lectures",
        "content",
        "drives.school",
        "downloads",
        "mail",
        "queue",
        "fulfilment",
        "worker",
        "limits",
    ];
    let full = example_with_everything();
    let mut seen = 0;
    for section in sections {
        let variable = format!("{section}.no_such_setting")
            .replace('.', "__")
            .to_uppercase();
        let variable = format!("BURSAR_{}", variable.trim_start_matches("__"));
        let faults = load(&full, &[&PRODUCTION[..], &[(&variable, "1")]].concat()).unwrap_err();
        assert_eq!(faults.len(), 1, "{section}: {faults:?}");
        for name in faults[0].remedy.split('`').skip(1).step_by(2) {
            seen += 1;
            let is_line = |line: &str| {
                let line = line.trim_start_matches('#').trim_start_matches('[');
                let rest = line.strip_prefix(name).or_else(|| {
                    line.strip_prefix(section)?
                        .strip_prefix('.')?
                        .strip_prefix(name)
                });
                // Each kind of platform shows its own section under a name of its own.
                let of_a_kind = ["lms.", "stores."].iter().any(|of| {
                    let is_own = section.starts_with(of) && line.starts_with(of);
                    is_own && line.ends_with(&format!(".{name}]"))
                });
                of_a_kind || rest.is_some_and(|rest| rest.starts_with([' ', ']', '.']))
            };
            assert!(
                EXAMPLE.lines().any(is_line),
                "{section}.{name} is not in the example"
            );
        }
    }
    assert!(seen > 60, "only {seen} settings were looked at");
}

#[test]
fn every_fault_is_listed_at_once_with_its_line_or_variable() {
    let text = r#"
databas = "sqlite:x.db"
listen = "eighty"

[payments]
tolerance = -5
order_ttl_hours = "a day"
tolerence = 3

[lms.academy]
kind = "moodel"

[queue]
slots = 99999
"#;
    let faults = load(
        text,
        &[
            ("BURSAR_LIMITS__COURSES_PER_ORDER", "0"),
            ("BURSAR_COLOUR", "x"),
        ],
    )
    .unwrap_err();
    let find = |setting: &str| {
        let found = faults.iter().find(|fault| fault.setting == setting);
        found.unwrap_or_else(|| panic!("no fault at {setting}: {faults:#?}"))
    };
    let line = |setting: &str| match &find(setting).place {
        Place::Line(_, line) => *line,
        other => panic!("{setting} is at {other}"),
    };
    assert_eq!(line("databas"), 2);
    assert_eq!(line("listen"), 3);
    assert_eq!(line("payments.tolerance"), 6);
    assert_eq!(line("payments.order_ttl_hours"), 7);
    assert_eq!(line("payments.tolerence"), 8);
    assert_eq!(line("lms.academy.kind"), 11);
    assert_eq!(line("queue.slots"), 14);
    let variable = |name: &str| Place::Variable(name.to_owned());
    let courses = find("limits.courses_per_order");
    assert_eq!(courses.place, variable("BURSAR_LIMITS__COURSES_PER_ORDER"));
    assert_eq!(find("colour").place, variable("BURSAR_COLOUR"));
    for required in [
        "public_url",
        "payments.accounts",
        "payments.sepay.api_key",
        "mail.transport",
    ] {
        find(required);
    }
    assert!(
        faults
            .iter()
            .all(|fault| !fault.what.is_empty() && !fault.remedy.is_empty())
    );
}

#[test]
fn a_fault_reads_as_a_sentence_with_what_to_do() {
    let faults = development("[payments]\ntolerance = -5\n", &[]).unwrap_err();
    let text = faults[0].to_string();
    assert!(
        text.ends_with(
            "bursar.toml, line 3: payments.tolerance is -5. Give a whole number from 0 to 100000."
        ),
        "{text}"
    );
}

#[test]
fn all_syntax_errors_are_listed() {
    let faults = development("[payments\ntolerance = = 5\n", &[]).unwrap_err();
    let lines: Vec<_> = faults.iter().map(|fault| fault.place.clone()).collect();
    let on = |wanted: usize| {
        let is = |place: &Place| matches!(place, Place::Line(_, line) if *line == wanted);
        lines.iter().any(is)
    };
    assert!(on(2) && on(3), "{faults:#?}");
}

#[test]
fn variables_win_over_the_file_and_keep_its_types() {
    let text = "[payments]\ntolerance = 5\n[[payments.accounts]]\nbank = \"ACB\"\n\
                number = \"0123\"\nholder = \"A\"\n";
    let config = development(
        text,
        &[
            ("BURSAR_PAYMENTS__TOLERANCE", "2000"),
            ("BURSAR_PAYMENTS__ACCOUNTS__0__NUMBER", "0071000888888"),
            ("BURSAR_PAYMENTS__ACCOUNTS__1__BANK", "970436"),
            ("BURSAR_PAYMENTS__ACCOUNTS__1__NUMBER", "9999"),
            ("BURSAR_PAYMENTS__ACCOUNTS__1__HOLDER", "B"),
            ("BURSAR_LIMITS__BEHIND_PROXY", "true"),
            ("BURSAR_LMS__MAIN__KIND", "fake"),
            ("BURSAR_SHOP__NAME", ""),
            ("BURSAR_LOG", "debug"),
            ("HOME", "/root"),
        ],
    )
    .unwrap();
    assert_eq!(config.payments.tolerance, 2000);
    assert_eq!(config.payments.accounts[0].number, "0071000888888");
    assert_eq!(config.payments.accounts[1].bank, "970436");
    assert!(config.limits.behind_proxy);
    assert_eq!(config.lms["main"].kind, "fake");
    assert_eq!(config.shop.name, "Bursar", "set to nothing is not set");
}

#[test]
fn a_gap_in_a_list_of_variables_is_a_fault() {
    let faults = development("", &[("BURSAR_PAYMENTS__ACCOUNTS__1__BANK", "ACB")]).unwrap_err();
    assert_eq!(settings(&faults), ["payments.accounts.1.bank"]);
}

#[test]
fn every_unknown_variable_is_named_even_below_an_unknown_section() {
    let faults =
        development("", &[("BURSAR_MAILS__A", "1"), ("BURSAR_MAILS__B", "2")]).unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| fault.place.to_string()).collect();
    assert_eq!(
        places,
        ["variable BURSAR_MAILS__A", "variable BURSAR_MAILS__B"]
    );
}

#[test]
fn the_older_names_are_understood() {
    let config = development(
        "",
        &[
            ("SEPAY_API_KEY", "sepay-key-of-the-shop"),
            ("API_SECRET_KEY", "sixteen-letters-or-more"),
            ("FRAPPE_LMS_BASE_URL", "https://learn.example.vn/"),
            ("FRAPPE_LMS_API_KEY", "key:se:cret"),
            ("EMAIL_USER", "shop@gmail.com"),
            ("EMAIL_PASSWORD", "app password"),
        ],
    )
    .unwrap();
    assert!(
        config
            .payments
            .sepay
            .api_key
            .unwrap()
            .matches(b"sepay-key-of-the-shop")
    );
    assert!(
        config
            .worker
            .secret
            .unwrap()
            .matches(b"sixteen-letters-or-more")
    );
    let lms = &config.lms["lms"];
    assert_eq!(
        (lms.kind.as_str(), lms.base_url.as_str()),
        ("frappe", "https://learn.example.vn")
    );
    assert!(lms.api_key.as_ref().unwrap().matches(b"key"));
    assert!(lms.api_secret.as_ref().unwrap().matches(b"se:cret"));
    let mail = &config.mail;
    assert_eq!(
        (mail.transport.as_str(), mail.host.as_str()),
        ("smtp", "smtp.gmail.com")
    );
    assert_eq!(
        (mail.user.as_str(), mail.from.as_str()),
        ("shop@gmail.com", "shop@gmail.com")
    );
    assert!(mail.password.as_ref().unwrap().matches(b"app password"));
}

#[test]
fn what_email_user_implies_yields_to_what_is_said() {
    let config = development(
        "[mail]\nfrom = \"Shop <hello@shop.example.vn>\"\nhost = \"smtp.example.vn\"\n",
        &[
            ("EMAIL_USER", "shop@gmail.com"),
            ("EMAIL_PASSWORD", "x"),
            ("BURSAR_MAIL__TRANSPORT", "folder"),
        ],
    )
    .unwrap();
    assert_eq!(config.mail.transport, "folder");
    assert_eq!(config.mail.host, "smtp.example.vn");
    assert_eq!(config.mail.from, "Shop <hello@shop.example.vn>");
}

#[test]
fn a_bursar_variable_wins_over_an_older_name() {
    let config = development(
        "",
        &[
            ("API_SECRET_KEY", "the-older-secret-key"),
            ("BURSAR_WORKER__SECRET", "the-newer-secret-key"),
        ],
    )
    .unwrap();
    assert!(
        config
            .worker
            .secret
            .unwrap()
            .matches(b"the-newer-secret-key")
    );
}

#[test]
fn an_email_user_elsewhere_needs_a_host() {
    let pairs = [("EMAIL_USER", "shop@example.vn"), ("EMAIL_PASSWORD", "x")];
    let faults = development("", &pairs).unwrap_err();
    assert_eq!(settings(&faults), ["mail.host"]);
}

#[test]
fn one_gateway_is_enough_for_production_and_none_is_not() {
    let faults = |payments: &str| match load(payments, &PRODUCTION) {
        Ok(_) => Vec::new(),
        Err(faults) => settings(&faults).into_iter().map(str::to_owned).collect(),
    };
    let stripe = "[payments.stripe]\nsecret_key = \"sk_test_12345678\"\n\
                  webhook_secret = \"whsec_12345678\"\n";
    let payos = "[payments.payos]\nclient_id = \"12345678\"\napi_key = \"12345678\"\n\
                 checksum_key = \"12345678\"\n";
    let account = "[[payments.accounts]]\nbank = \"ACB\"\nnumber = \"12345678\"\nholder = \"A\"\n";
    let sepay = "[payments.sepay]\napi_key = \"12345678\"\n";
    let [no_account, no_proof] = ["payments.accounts", "payments.sepay.api_key"];
    assert_eq!(faults(""), [no_account, no_proof]);
    for enough in [stripe, payos, &format!("{account}{sepay}")] {
        assert_eq!(faults(enough), [""; 0], "{enough}");
    }
    assert_eq!(faults(&format!("{sepay}{stripe}")), [no_account]);
    assert_eq!(faults(&format!("{account}{stripe}")), [no_proof]);
}

#[test]
fn production_never_starts_with_a_silent_mailbox() {
    let without = |name: &str| {
        let kept: Vec<_> = PRODUCTION
            .iter()
            .filter(|(n, _)| *n != name)
            .copied()
            .collect();
        load(&example_with_everything(), &kept).unwrap_err()
    };
    assert_eq!(
        settings(&without("BURSAR_MAIL__TRANSPORT")),
        ["mail.transport"]
    );
    assert_eq!(settings(&without("BURSAR_MAIL__HOST")), ["mail.host"]);
    assert_eq!(settings(&without("BURSAR_MAIL__USER")), ["mail.user"]);
    assert_eq!(settings(&without("BURSAR_MAIL__FROM")), ["mail.from"]);
    assert_eq!(settings(&without("BURSAR_PUBLIC_URL")), ["public_url"]);
}

/// One wrong setting each, and the setting that the fault must name.
const WRONG: &[(&str, &str)] = &[
    ("database = \"mysql://x\"", "database"),
    ("database = \"sqlite:\"", "database"),
    ("public_url = \"shop.example.vn\"", "public_url"),
    ("public_url = \"https://shop.example.vn/\"", "public_url"),
    ("public_url = \"https://\"", "public_url"),
    ("mode = \"demo\"", "mode"),
    ("mode = \"prod\"", "mode"),
    ("[shop]\nname = \"\"", "shop.name"),
    ("[shop]\nname = \"a\\nb\"", "shop.name"),
    ("[shop]\nsupport_email = \"nobody\"", "shop.support_email"),
    ("[shop]\nlocale = \"fr\"", "shop.locale"),
    ("[shop]\ncode_prefix = \"D\"", "shop.code_prefix"),
    ("[shop]\ncode_prefix = \"dh\"", "shop.code_prefix"),
    ("[shop]\ncode_prefix = \"ĐH\"", "shop.code_prefix"),
    ("[shop]\ncode_prefix = \"ABCDEF\"", "shop.code_prefix"),
    (
        "[shop]\nutc_offset_minutes = 900",
        "shop.utc_offset_minutes",
    ),
    (
        "[payments]\norder_ttl_hours = 0",
        "payments.order_ttl_hours",
    ),
    (
        "[payments]\norder_ttl_hours = -1",
        "payments.order_ttl_hours",
    ),
    ("payments = 5", "payments"),
    ("[payments]\naccounts = [5]", "payments.accounts.0"),
    (
        "[[payments.accounts]]\nbank = \"ACB\"\nnumber = \"12 34\"\nholder = \"A\"",
        "payments.accounts.0.number",
    ),
    (
        "[[payments.accounts]]\nbank = \"ACB\"\nnumber = \"1234\"",
        "payments.accounts.0.holder",
    ),
    (
        "[payments.sepay]\napi_key = \"short\"",
        "payments.sepay.api_key",
    ),
    (
        "[payments.sepay]\nwindow_seconds = 1",
        "payments.sepay.window_seconds",
    ),
    ("[lms.a]\nkind = \"\"", "lms.a.kind"),
    ("[lms.a]\nkind = \"http_confirm\"", "lms.a.confirm"),
    (
        "[lms.a]\nkind = \"moodle\"\nbase_url = \"https://a.example\"",
        "lms.a.moodle.token",
    ),
    (
        "[lms.a]\nkind = \"moodle\"\nbase_url = \"https://a.example\"\napi_key = \"t\"\n\
         [lms.a.moodle]\nauth = \"O Auth\"",
        "lms.a.moodle.auth",
    ),
    (
        "[lms.a]\nkind = \"canvas\"\nbase_url = \"https://a.example\"",
        "lms.a.canvas.token",
    ),
    (
        "[lms.a]\nkind = \"canvas\"\nbase_url = \"https://a.example\"\napi_key = \"t\"\n\
         [lms.a.canvas]\naccount_id = \"Main\"",
        "lms.a.canvas.account_id",
    ),
    ("[lms.\"A b\"]\nkind = \"fake\"", "lms.A b"),
    (
        "[lms.a]\nkind = \"fake\"\nconcurrency = 0",
        "lms.a.concurrency",
    ),
    ("[sources.a]\n", "sources.a.path"),
    (
        "[sources.a]\npath = \"a\"\n[stores.a]\nkind = \"folder\"\npath = \"b\"",
        "stores.a",
    ),
    ("[stores.a]\nkind = \"attic\"", "stores.a.kind"),
    ("[stores.a]\nkind = \"folder\"", "stores.a.path"),
    (
        "[stores.a]\nkind = \"s3\"\nbucket = \"b\"\naccount = \"k\"",
        "stores.a.secret",
    ),
    (
        "[stores.a]\nkind = \"s3\"\nsecret = \"s\"\naccount = \"k\"",
        "stores.a.bucket",
    ),
    (
        "[stores.a]\nkind = \"gcs\"\nbucket = \"b\"\nendpoint = \"https://k:s@host\"",
        "stores.a.endpoint",
    ),
    (
        "[stores.a]\nkind = \"b2\"\nbucket = \"b\"\naccount = \"k\"\nsecret = \"s\"",
        "stores.a.bucket_id",
    ),
    ("[content]\nstore = \"attic\"", "content.store"),
    (
        "[content]\nstore = \"a\"\n[stores.a]\nkind = \"http\"\nendpoint = \"https://host\"",
        "content.store",
    ),
    (
        "[downloads]\nsigning_key = \"short\"",
        "downloads.signing_key",
    ),
    ("[downloads]\nlink_hours = 0", "downloads.link_hours"),
    ("[mail]\ntransport = \"pigeon\"", "mail.transport"),
    ("[mail]\nfrom = \"nobody\"", "mail.from"),
    ("[mail]\ntransport = \"smtp\"", "mail.host"),
    ("[mail]\nport = 70000", "mail.port"),
    ("[queue]\nlease_seconds = 1", "queue.lease_seconds"),
    ("[queue]\npoll_seconds = 0", "queue.poll_seconds"),
    (
        "[fulfilment]\ngive_up_after_hours = 0",
        "fulfilment.give_up_after_hours",
    ),
    ("[worker]\nsecret = \"fifteen-letters\"", "worker.secret"),
    (
        "[worker]\naccept_secret_in_body = true",
        "worker.accept_secret_in_body",
    ),
    (
        "[limits]\norders_per_minute = 0",
        "limits.orders_per_minute",
    ),
    ("[limits]\nbehind_proxy = \"yes\"", "limits.behind_proxy"),
];

#[test]
fn each_rule_names_its_setting() {
    for (text, setting) in WRONG {
        let mode = if text.contains("mode") {
            ""
        } else {
            "mode = \"development\"\n"
        };
        let faults = load(&format!("{mode}{text}\n"), &[]).unwrap_err();
        assert!(settings(&faults).contains(setting), "{text}: {faults:#?}");
        let alone = text.contains("mode =") || faults.len() == 1;
        assert!(alone, "{text} has one fault, not {faults:#?}");
    }
}

#[test]
fn an_lms_connection_needs_what_its_kind_needs() {
    let faults = development("[lms.a]\nkind = \"frappe\"\n", &[]).unwrap_err();
    assert_eq!(
        settings(&faults),
        ["lms.a.api_key", "lms.a.api_secret", "lms.a.base_url"]
    );
    let text = "[lms.a]\nkind = \"http_confirm\"\n[lms.a.confirm]\nauth = \"bearer\"\n\
                success = \"message = ok\"\n";
    let faults = development(text, &[]).unwrap_err();
    assert_eq!(
        settings(&faults),
        [
            "lms.a.confirm.success",
            "lms.a.confirm.body",
            "lms.a.confirm.credential",
            "lms.a.confirm.url"
        ]
    );
    let mut config = Config {
        mode: Mode::Production,
        ..Config::default()
    };
    config.lms.insert(
        "a".into(),
        LmsConnection {
            kind: "fake".into(),
            ..Default::default()
        },
    );
    assert!(
        settings(&config.faults()).contains(&"lms.a.kind"),
        "no fakes in production"
    );
}

#[test]
fn a_named_file_must_exist() {
    let faults = load_file(Path::new("/nowhere/bursar.toml"), &[]).unwrap_err();
    assert_eq!(faults[0].place, Place::File("/nowhere/bursar.toml".into()));
    let named = ("BURSAR_CONFIG".to_owned(), "/nowhere/else.toml".to_owned());
    let faults = Config::load(None, [named]).unwrap_err();
    assert_eq!(faults[0].place, Place::File("/nowhere/else.toml".into()));
}

fn full_of_secrets() -> Config {
    let secret = || Some(Secret::new(HIDDEN));
    let mut config = Config {
        database: format!("postgres://bursar:{HIDDEN}@db/bursar?password={HIDDEN}"),
        ..Config::default()
    };
    let account = BankAccount {
        bank: "ACB".into(),
        number: "1234".into(),
        holder: "A".into(),
    };
    config.payments.accounts.push(account);
    config.payments.sepay.api_key = secret();
    config.payments.sepay.hmac_secret = secret();
    config.downloads.signing_key = secret();
    config.downloads.previous_key = secret();
    config.mail.password = secret();
    config.worker.secret = secret();
    config.sources.insert(
        "a".into(),
        SourceFolder {
            path: "/srv".into(),
        },
    );
    let confirm = HttpConfirm {
        url: format!("https://x.example/enrol?key={HIDDEN}"),
        credential: secret(),
        body: format!("{{\"key\":\"{HIDDEN}\"}}"),
        ..HttpConfirm::default()
    };
    let connection = LmsConnection {
        kind: "frappe".into(),
        base_url: format!("https://user:{HIDDEN}@x.example"),
        api_key: secret(),
        api_secret: secret(),
        confirm: Some(confirm),
        ..LmsConnection::default()
    };
    config.lms.insert("a".into(), connection);
    config
}

#[test]
fn a_configuration_full_of_secrets_prints_none() {
    let config = full_of_secrets();
    for printed in [format!("{config:?}"), format!("{config:#?}")] {
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.matches("***").count() >= 10 && printed.contains("db/bursar"));
    }
}

#[test]
fn a_fault_about_a_secret_never_shows_it() {
    let text = r#"
mode = 4242424242
database = "mysql://root:hunter2@x"
public_url = "https://me:hunter2@shop.example.vn"
[payments.sepay]
api_key = 4242424242
hmac_secret = ["hunter2"]
[lms.a]
kind = "frappe"
base_url = "ftp://me:hunter2@x"
api_key = { key = "hunter2" }
api_secret = 4242424242.5
[worker]
secret = "hunter2"
[mail]
transport = "smtp"
password = true
"#;
    let variables = [
        ("BURSAR_DOWNLOADS__SIGNING_KEY", "hunter2"),
        ("BURSAR_PAYMENTS__TOLERANCE", "hunter2"),
        ("BURSAR_HUNTER", "hunter2"),
    ];
    let faults = load(text, &variables).unwrap_err();
    assert!(faults.len() >= 12, "{faults:#?}");
    for printed in [
        format!("{faults:?}"),
        faults.iter().map(ToString::to_string).collect(),
    ] {
        assert!(
            !printed.contains("hunter2") && !printed.contains("4242"),
            "{printed}"
        );
    }
}

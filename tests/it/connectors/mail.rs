//! Mail over real TCP against a scripted server, and into a folder. Letters are read back with a
//! parser that has nothing to do with the library that wrote them.

use std::time::Duration;

use bursar::clock::Timestamp;
use bursar::config::{Mail, Secret};
use bursar::connectors::mail::{Letter, MailFault, Mailer, Patience};
use bursar::id::EmailId;
use mail_parser::{Message, MessageParser};

use crate::harness::smtp::{End, FakeSmtp, Script};

const SUBJECT: &str = "Đã nhận thanh toán cho đơn hàng DH7K2M9QXA – Trường Sa Số Học";
const TEXT: &str = "Chào bạn,\n\nKhóa học của bạn đã sẵn sàng: “Lập trình Rust” giá 499.000 ₫.\n\
                    .\n.một dòng bắt đầu bằng dấu chấm\n";

fn letter() -> Letter {
    Letter {
        to: "buyer@example.com".into(),
        to_name: "Nguyễn Thị Ánh".into(),
        subject: SUBJECT.into(),
        text: TEXT.into(),
        html: format!(
            "<p>{}</p>",
            "Chào bạn, đây là một dòng rất dài. ".repeat(200)
        ),
        message_id: "<eml_01@shop.example.vn>".into(),
        reply_to: Some("hotro@shop.example.vn".into()),
        date: Timestamp(1_790_000_000_000),
    }
}

fn settings(port: u16) -> Mail {
    Mail {
        transport: "smtp".into(),
        host: "127.0.0.1".into(),
        port,
        security: "none".into(),
        from: "Trường Số <shop@shop.example.vn>".into(),
        ..Mail::default()
    }
}

async fn server(script: Script) -> (FakeSmtp, Mailer) {
    let fake = FakeSmtp::start(script).await;
    let mailer = Mailer::from_config(&settings(fake.port)).unwrap();
    (fake, mailer)
}

async fn fault_of(script: Script) -> (FakeSmtp, MailFault) {
    let (fake, mailer) = server(script).await;
    let fault = mailer.send(&letter()).await.unwrap_err();
    (fake, fault)
}

fn parse(raw: &[u8]) -> Message<'_> {
    MessageParser::default().parse(raw).unwrap()
}

fn text_of(message: &Message<'_>) -> String {
    message.body_text(0).unwrap().replace("\r\n", "\n")
}

#[tokio::test]
async fn a_vietnamese_letter_arrives_intact() {
    let (fake, mailer) = server(Script::default()).await;
    let receipt = mailer.send(&letter()).await.unwrap();
    assert_eq!(receipt.message_id, "<eml_01@shop.example.vn>");
    assert_eq!(receipt.answer, "2.0.0 Ok: queued as ABC123");

    let seen = fake.seen();
    let message = parse(&seen.letters[0]);
    assert_eq!(message.subject().unwrap(), SUBJECT);
    assert_eq!(message.message_id().unwrap(), "eml_01@shop.example.vn");
    let to = message.to().unwrap().first().unwrap();
    assert_eq!(to.name().unwrap(), "Nguyễn Thị Ánh");
    assert_eq!(to.address().unwrap(), "buyer@example.com");
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(from.name().unwrap(), "Trường Số");
    let reply_to = message.reply_to().unwrap().first().unwrap();
    assert_eq!(reply_to.address().unwrap(), "hotro@shop.example.vn");
    assert_eq!(message.date().unwrap().to_timestamp(), 1_790_000_000);
    assert_eq!(
        message.header_raw("Auto-Submitted").unwrap().trim(),
        "auto-generated"
    );
    assert_eq!(text_of(&message).trim_end(), TEXT.trim_end());
    assert_eq!(message.body_html(0).unwrap().trim_end(), letter().html);
    assert!(
        seen.commands
            .contains(&"MAIL FROM:<shop@shop.example.vn>".to_owned())
    );
    assert!(
        seen.commands
            .contains(&"RCPT TO:<buyer@example.com>".to_owned())
    );
}

#[tokio::test]
async fn every_line_on_the_wire_is_short_ascii_whatever_the_letter_holds() {
    let (fake, mailer) = server(Script::default()).await;
    let mut long = letter();
    long.text = "một_từ_không_có_dấu_cách".repeat(200);
    long.html = "x".repeat(5000);
    long.subject = "Rất dài ".repeat(14);
    mailer.send(&long).await.unwrap();
    let raw = &fake.seen().letters[0];
    assert!(raw.is_ascii());
    let longest = raw.split(|b| *b == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(
        longest <= 999,
        "RFC 5321 allows 998 characters, found {longest}"
    );
    let message = parse(raw);
    assert_eq!(text_of(&message).trim_end(), long.text);
    assert_eq!(message.body_html(0).unwrap().trim_end(), long.html);
    assert_eq!(message.subject().unwrap().trim(), long.subject.trim());
}

#[tokio::test]
async fn a_line_break_in_a_name_or_subject_begins_no_header() {
    let (fake, mailer) = server(Script::default()).await;
    let mut hostile = letter();
    hostile.to_name = "An\r\nBcc: everyone@example.com\r\n\r\nBuy now".into();
    hostile.subject = "Hello\nX-Evil: 1\r\n\r\n<script>".into();
    hostile.message_id = "<eml_02@shop.example.vn>\r\nX-Evil: 2".into();
    mailer.send(&hostile).await.unwrap();
    let seen = fake.seen();
    let message = parse(&seen.letters[0]);
    assert!(message.bcc().is_none() && message.header_raw("X-Evil").is_none());
    let name = message.to().unwrap().first().unwrap().name().unwrap();
    assert_eq!(name, "An Bcc: everyone@example.com Buy now");
    assert_eq!(message.subject().unwrap(), "Hello X-Evil: 1 <script>");
    assert_eq!(text_of(&message).trim_end(), TEXT.trim_end());
    assert_eq!(
        seen.commands
            .iter()
            .filter(|c| c.starts_with("RCPT"))
            .count(),
        1
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_before_anything_is_sent() {
    let (fake, mailer) = server(Script::default()).await;
    for address in [
        "",
        "nobody",
        "a@b\r\nRCPT TO:<c@d.vn>",
        "<a@b.vn>, c@d.vn",
        "a b@c.vn",
    ] {
        let wrong = Letter {
            to: address.into(),
            ..letter()
        };
        let fault = mailer.send(&wrong).await.unwrap_err();
        assert!(
            matches!(fault, MailFault::Refused { .. }),
            "{address:?}: {fault:?}"
        );
    }
    assert_eq!(fake.seen().connections, 0);
}

#[tokio::test]
async fn the_same_letter_is_the_same_bytes() {
    let (fake, mailer) = server(Script::default()).await;
    mailer.send(&letter()).await.unwrap();
    mailer.send(&letter()).await.unwrap();
    let seen = fake.seen();
    assert_eq!(seen.letters[0], seen.letters[1]);
    assert_eq!(
        seen.connections, 1,
        "the second letter uses the same connection"
    );
    let id = mailer.message_id(&EmailId::from("eml_01"));
    assert_eq!(id, "<eml_01@shop.example.vn>");
}

#[tokio::test]
async fn a_line_cut_after_the_letter_left_is_unknown() {
    let end = End::CutAfterAccepting;
    let (fake, fault) = fault_of(Script {
        end,
        ..Script::default()
    })
    .await;
    assert!(matches!(fault, MailFault::Unknown { .. }), "{fault:?}");
    assert_eq!(fake.seen().letters.len(), 1, "the server has it");
}

#[tokio::test]
async fn no_answer_to_the_letter_is_unknown() {
    let fake = FakeSmtp::start(Script {
        end: End::Silence,
        ..Script::default()
    })
    .await;
    let patience = Patience {
        delivery: Duration::from_millis(50),
        ..Patience::default()
    };
    let mailer = match Mailer::from_config(&settings(fake.port)).unwrap() {
        Mailer::Smtp { from, server } => Mailer::Smtp {
            from,
            server: Box::new(server.with_patience(patience)),
        },
        Mailer::Folder { .. } => unreachable!("the settings say smtp"),
    };
    let fault = mailer.send(&letter()).await.unwrap_err();
    assert!(matches!(fault, MailFault::Unknown { .. }), "{fault:?}");
}

#[tokio::test]
async fn not_now_is_transient_at_every_stage() {
    let base = Script::default;
    let stages = [
        Script {
            greeting: "421 4.3.2 Try later",
            ..base()
        },
        Script {
            sender: "451 4.3.0 Try later",
            ..base()
        },
        Script {
            recipient: "450 4.2.0 Greylisted",
            ..base()
        },
        Script {
            data: "451 4.3.0 Try later",
            ..base()
        },
        Script {
            end: End::Answer("452 4.3.1 Disk full"),
            ..base()
        },
        Script {
            end: End::Answer("550 5.4.5 Daily sending limit exceeded"),
            ..base()
        },
    ];
    for script in stages {
        let (_fake, fault) = fault_of(script).await;
        assert!(matches!(fault, MailFault::Transient { .. }), "{fault:?}");
    }
}

#[tokio::test]
async fn nobody_listening_is_transient() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let mailer = Mailer::from_config(&settings(port)).unwrap();
    let fault = mailer.send(&letter()).await.unwrap_err();
    assert!(matches!(fault, MailFault::Transient { .. }), "{fault:?}");
}

#[tokio::test]
async fn a_no_to_the_address_is_the_buyers_problem_and_hides_the_address() {
    let recipient = "550 5.1.1 <buyer@example.com>: Recipient address rejected: User unknown";
    let (_fake, fault) = fault_of(Script {
        recipient,
        ..Script::default()
    })
    .await;
    let MailFault::Refused { why } = fault else {
        panic!("{fault:?}")
    };
    assert!(why.contains("550") && why.contains("User unknown"), "{why}");
    assert!(!why.contains("buyer@"), "{why}");
}

#[tokio::test]
async fn a_no_to_us_is_a_broken_connection() {
    let base = Script::default;
    let stages = [
        Script {
            greeting: "554 5.7.1 Your address is listed",
            ..base()
        },
        Script {
            sender: "530 5.7.0 Authentication required",
            ..base()
        },
        Script {
            recipient: "554 5.7.1 <buyer@example.com>: Relay access denied",
            ..base()
        },
        Script {
            end: End::Answer("550 5.7.26 Unauthenticated mail is prohibited"),
            ..base()
        },
    ];
    for script in stages {
        let (_fake, fault) = fault_of(script).await;
        assert!(matches!(fault, MailFault::Broken { .. }), "{fault:?}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_full_at_the_end_is_the_buyers_problem() {
    let end = End::Answer("552 5.2.2 Mailbox full");
    let (_fake, fault) = fault_of(Script {
        end,
        ..Script::default()
    })
    .await;
    assert!(matches!(fault, MailFault::Refused { .. }), "{fault:?}");
}

#[tokio::test]
async fn a_wrong_password_is_a_broken_connection_and_shows_nothing() {
    let auth = "535 5.7.8 Username and Password not accepted for shop@example.vn";
    let fake = FakeSmtp::start(Script {
        auth,
        ..Script::default()
    })
    .await;
    let mut mail = settings(fake.port);
    mail.user = "shop@example.vn".into();
    mail.password = Some(Secret::new("hunter2"));
    let mailer = Mailer::from_config(&mail).unwrap();
    for fault in [
        mailer.send(&letter()).await.unwrap_err(),
        mailer.ping().await.unwrap_err(),
    ] {
        assert!(matches!(fault, MailFault::Broken { .. }), "{fault:?}");
        let shown = format!("{fault:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("shop@"),
            "{shown}"
        );
    }
    assert!(fake.seen().letters.is_empty());
}

#[tokio::test]
async fn the_password_is_sent_only_where_it_can_be_trusted() {
    let fake = FakeSmtp::start(Script::default()).await;
    let mut mail = settings(fake.port);
    mail.security = "starttls".into();
    mail.user = "shop".into();
    mail.password = Some(Secret::new("hunter2"));
    let mailer = Mailer::from_config(&mail).unwrap();
    let fault = mailer.send(&letter()).await.unwrap_err();
    assert!(
        matches!(fault, MailFault::Broken { .. }),
        "no STARTTLS there: {fault:?}"
    );
    assert!(!fake.seen().commands.iter().any(|c| c.starts_with("AUTH")));

    mail.security = "tls".into();
    let fault = Mailer::from_config(&mail)
        .unwrap()
        .ping()
        .await
        .unwrap_err();
    assert!(
        matches!(fault, MailFault::Broken { .. }),
        "plain text there: {fault:?}"
    );
}

#[tokio::test]
async fn signing_in_works_and_ping_says_so() {
    let fake = FakeSmtp::start(Script::default()).await;
    let mut mail = settings(fake.port);
    mail.user = "shop".into();
    mail.password = Some(Secret::new("hunter2"));
    let mailer = Mailer::from_config(&mail).unwrap();
    let answer = mailer.ping().await.unwrap();
    assert_eq!(answer, format!("127.0.0.1:{}, signed in", fake.port));
    mailer.send(&letter()).await.unwrap();
    let seen = fake.seen();
    let sign_ins = seen.commands.iter().filter(|c| c.starts_with("AUTH PLAIN"));
    assert_eq!((sign_ins.count(), seen.letters.len()), (1, 1));
}

#[tokio::test]
async fn a_folder_keeps_each_letter_once_and_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("made/when/needed");
    let mail = Mail {
        folder: folder.clone(),
        from: "shop@shop.example.vn".into(),
        ..Mail::default()
    };
    let mailer = Mailer::from_config(&mail).unwrap();
    let receipt = mailer.send(&letter()).await.unwrap();
    mailer.send(&letter()).await.unwrap();
    mailer.ping().await.unwrap();
    let names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["eml_01.eml"]);
    let raw = std::fs::read(&receipt.answer).unwrap();
    assert_eq!(parse(&raw).subject().unwrap(), SUBJECT);
}

#[tokio::test]
async fn a_folder_letter_cannot_leave_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let mail = Mail {
        folder: place.path().join("outbox"),
        ..Mail::default()
    };
    let mailer = Mailer::from_config(&mail).unwrap();
    let hostile = Letter {
        message_id: "<../../etc/passwd@x>".into(),
        ..letter()
    };
    let receipt = mailer.send(&hostile).await.unwrap();
    assert!(
        receipt.answer.ends_with("outbox/______etc_passwd.eml"),
        "{}",
        receipt.answer
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_says_so() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let mail = Mail {
        folder: file,
        ..Mail::default()
    };
    let mailer = Mailer::from_config(&mail).unwrap();
    assert!(mailer.ping().await.is_err() && mailer.send(&letter()).await.is_err());
}

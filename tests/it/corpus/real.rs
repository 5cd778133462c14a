//! Memos that public integrations quote, anonymised: as they are, when they name no order of ours;
//! and with a code of ours in the place of theirs.

use super::{Case, Memo, Scene};

/// A quoted memo: the gateway's own extraction, the content, the code in it that is replaced.
type Quoted = (Option<&'static str>, &'static str, &'static str);

const QUOTED: &[Quoted] = &[
    // The gateway found no code although it stands there.
    (
        None,
        "MBVCB.16220089552.6268BFTVGL1LMZNM.TBCSBGRY6WMQM.CT tu 0123456789 NGUYEN VAN A toi 0987654321 CUA HANG tai TPBANK",
        "TBCSBGRY6WMQM",
    ),
    // It took the following word for a part of the code.
    (
        Some("TBCSBGRY6WMQMCT"),
        "MBVCB.16220089552.6268BFTVGL1LMZNM.TBCSBGRY6WMQMCT tu 0123456789 NGUYEN VAN A",
        "TBCSBGRY6WMQM",
    ),
    (
        Some("NT0888382699"),
        "MBVCB.12625223638.943148.NT0888382699.CT tu 0721000000 toi 0888000000 tai MB- Ma GD ACSP/ ih943148",
        "NT0888382699",
    ),
    (
        None,
        "103968932085-DH95295F-CHUYEN TIEN-OQCH0002sFyH-MOMO103968932085MOMO",
        "DH95295F",
    ),
    (
        None,
        "Qaetep9929  SEPAY6747 1  103968932085-DH952915-CHUYEN TIEN-OQCH0002sFyH-MOMO103968932085MOMO",
        "DH952915",
    ),
    (
        None,
        "CT DEN:123 NAP AB23CD chuyen tien | IBFT TBQ20824761 | MUAHANGKAT3JZ9T - Ma giao dich/ Trace 587293 | QR - chuyen khoan nhanh qua Zalo",
        "KAT3JZ9T",
    ),
    (
        None,
        "CT DEN:123 NAP AB23CD chuyen tien | IBFT TBQ20824761 | MUAHANGKAT3JZ9T - Ma giao dich/ Trace 587293 | QR - chuyen khoan nhanh qua Zalo",
        "AB23CD",
    ),
    (Some("DH102969"), "DH102969 chuyen tien", "DH102969"),
    (None, "CSM1W5K8S37 Thanh Toan", "CSM1W5K8S37"),
    (None, "V1TH1375842", "V1TH1375842"),
    (
        None,
        "115140912829-Thanh toan PAY001-CHUYEN TIEN-OQCH0006Hkqg-MOMO115140912829MOMO",
        "PAY001",
    ),
    (
        None,
        "MVPAS568SKpxh - Ma giao dich/ Trace252260",
        "MVPAS568SKpxh",
    ),
    (
        None,
        "CUSTOMER toilauser - Ma giao dich/ Trace7033 50 Trace 703350",
        "toilauser",
    ),
];

/// Quoted memos without anything to replace.
const WITHOUT: &[&str] = &[
    "chuyen tien mua iphone",
    "78706985528-MAI NGUYEN DUY KHANH chuyen tien qua MoMo-CHUYEN TIEN-OQCH56930575-MOMO78706985528MOMO",
    "IB LE NGOC T chuyen khoan",
    "104519048749-01679135103-Thanh toan goi Goi Chuyen Nghiep",
    "MOMO-CASHIN-0966000000-OQCIiknGSqJC-71736718996",
    "CUSTOMER DO QUANG L chuyen khoan - Ma gia o dich/ Trace 401309",
];

/// Each as it is, and those with a code once more with ours.
pub(super) fn cases(scene: &Scene) -> Vec<Case> {
    let mut cases = Vec::new();
    for (field, content, theirs) in QUOTED {
        cases.push(scene.waiting("quoted, of another shop", |_| Memo {
            code: field.map(str::to_owned),
            ..Memo::of((*content).to_owned())
        }));
        cases.push(scene.paying("quoted, with our code", |code| Memo {
            code: field.map(|field| field.replace(theirs, code)),
            ..Memo::of(content.replace(theirs, code))
        }));
    }
    for content in WITHOUT {
        cases.push(scene.waiting("quoted, without a code", |_| {
            Memo::of((*content).to_owned())
        }));
    }
    cases
}

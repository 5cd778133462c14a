//! Banks of Vietnam that take part in NAPAS transfers, by their BIN. Short codes (CTG, ICB, ..) differ
//! from list to list, so the key is the BIN; banks merge and change names, so a BIN that is
//! not in the table works too.

/// A bank, for a QR payload and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bank {
    /// Six digits.
    pub bin: String,
    /// What everybody calls it (`Vietcombank`); the BIN where the table does not know it.
    pub name: String,
    /// Its full name in Vietnamese; the BIN where the table does not know it.
    pub full_name: String,
}

/// The bank of a BIN, or of a name as in the table whatever its case, blanks and dashes
/// (`mb bank` is `MBBank`); former and common other names count. Any six digits are some bank.
#[must_use]
pub fn find(bin_or_name: &str) -> Option<Bank> {
    let wanted = plain(bin_or_name);
    let current = OTHER_NAMES.iter().find(|(name, _)| plain(name) == wanted);
    let wanted = current.map_or(wanted, |(_, bin)| (*bin).to_owned());
    let known = BANKS
        .iter()
        .find(|(bin, name, _)| *bin == wanted || plain(name) == wanted);
    match known {
        Some((bin, name, full_name)) => Some(bank(bin, name, full_name)),
        None if is_bin(&wanted) => Some(bank(&wanted, &wanted, &wanted)),
        None => None,
    }
}

/// What people call a bank that the settings name: as it stands there where the table does not know it.
#[must_use]
pub fn name_of(bin_or_name: &str) -> String {
    find(bin_or_name).map_or_else(|| bin_or_name.to_owned(), |bank| bank.name)
}

/// Every bank of the table, the most used first.
pub fn all() -> impl Iterator<Item = Bank> {
    BANKS.iter().map(|(bin, name, full)| bank(bin, name, full))
}

fn bank(bin: &str, name: &str, full_name: &str) -> Bank {
    Bank {
        bin: bin.to_owned(),
        name: name.to_owned(),
        full_name: full_name.to_owned(),
    }
}

fn is_bin(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|c| c.is_ascii_digit())
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// BIN, short name, full name.
const BANKS: &[(&str, &str, &str)] = &[
    (
        "970436",
        "Vietcombank",
        "Ngân hàng TMCP Ngoại thương Việt Nam",
    ),
    (
        "970415",
        "VietinBank",
        "Ngân hàng TMCP Công thương Việt Nam",
    ),
    (
        "970418",
        "BIDV",
        "Ngân hàng TMCP Đầu tư và Phát triển Việt Nam",
    ),
    (
        "970405",
        "Agribank",
        "Ngân hàng Nông nghiệp và Phát triển Nông thôn Việt Nam",
    ),
    ("970407", "Techcombank", "Ngân hàng TMCP Kỹ thương Việt Nam"),
    ("970422", "MBBank", "Ngân hàng TMCP Quân đội"),
    ("970416", "ACB", "Ngân hàng TMCP Á Châu"),
    ("970432", "VPBank", "Ngân hàng TMCP Việt Nam Thịnh Vượng"),
    ("970423", "TPBank", "Ngân hàng TMCP Tiên Phong"),
    ("970403", "Sacombank", "Ngân hàng TMCP Sài Gòn Thương Tín"),
    (
        "970437",
        "HDBank",
        "Ngân hàng TMCP Phát triển Thành phố Hồ Chí Minh",
    ),
    ("970441", "VIB", "Ngân hàng TMCP Quốc tế Việt Nam"),
    ("970443", "SHB", "Ngân hàng TMCP Sài Gòn - Hà Nội"),
    ("970448", "OCB", "Ngân hàng TMCP Phương Đông"),
    ("970426", "MSB", "Ngân hàng TMCP Hàng hải Việt Nam"),
    ("970440", "SeABank", "Ngân hàng TMCP Đông Nam Á"),
    (
        "970431",
        "Eximbank",
        "Ngân hàng TMCP Xuất nhập khẩu Việt Nam",
    ),
    ("970449", "LPBank", "Ngân hàng TMCP Lộc Phát Việt Nam"),
    ("970428", "NamABank", "Ngân hàng TMCP Nam Á"),
    ("970419", "NCB", "Ngân hàng TMCP Quốc dân"),
    ("970425", "ABBANK", "Ngân hàng TMCP An Bình"),
    ("970409", "BacABank", "Ngân hàng TMCP Bắc Á"),
    ("970412", "PVcomBank", "Ngân hàng TMCP Đại chúng Việt Nam"),
    ("970429", "SCB", "Ngân hàng TMCP Sài Gòn"),
    ("970438", "BaoVietBank", "Ngân hàng TMCP Bảo Việt"),
    ("970452", "KienLongBank", "Ngân hàng TMCP Kiên Long"),
    ("970454", "BVBank", "Ngân hàng TMCP Bản Việt"),
    ("970433", "VietBank", "Ngân hàng TMCP Việt Nam Thương Tín"),
    ("970427", "VietABank", "Ngân hàng TMCP Việt Á"),
    (
        "970430",
        "PGBank",
        "Ngân hàng TMCP Thịnh vượng và Phát triển",
    ),
    ("970400", "SaigonBank", "Ngân hàng TMCP Sài Gòn Công thương"),
    ("970446", "Co-opBank", "Ngân hàng Hợp tác xã Việt Nam"),
    ("970414", "MBV", "Ngân hàng TNHH MTV Việt Nam Hiện Đại"),
    ("970406", "Vikki", "Ngân hàng TNHH MTV Số Vikki"),
    ("970408", "GPBank", "Ngân hàng TNHH MTV Dầu khí Toàn cầu"),
    ("970444", "CBBank", "Ngân hàng TNHH MTV Xây dựng Việt Nam"),
    (
        "970424",
        "ShinhanBank",
        "Ngân hàng TNHH MTV Shinhan Việt Nam",
    ),
    ("970457", "Woori", "Ngân hàng TNHH MTV Woori Việt Nam"),
    (
        "970458",
        "UOB",
        "Ngân hàng TNHH MTV United Overseas Bank (Việt Nam)",
    ),
    ("970434", "Indovina", "Ngân hàng TNHH Indovina"),
    ("970439", "PublicBank", "Ngân hàng TNHH MTV Public Việt Nam"),
    (
        "970442",
        "HongLeong",
        "Ngân hàng TNHH MTV Hong Leong Việt Nam",
    ),
    ("970421", "VRB", "Ngân hàng Liên doanh Việt - Nga"),
    (
        "970410",
        "Standard Chartered",
        "Ngân hàng TNHH MTV Standard Chartered (Việt Nam)",
    ),
    ("422589", "CIMB", "Ngân hàng TNHH MTV CIMB Việt Nam"),
    ("458761", "HSBC", "Ngân hàng TNHH MTV HSBC (Việt Nam)"),
    (
        "668888",
        "KBank",
        "Ngân hàng Đại chúng TNHH Kasikornbank - Chi nhánh TP. Hồ Chí Minh",
    ),
    ("546034", "CAKE", "Ngân hàng số CAKE by VPBank"),
    ("546035", "Ubank", "Ngân hàng số Ubank by VPBank"),
    ("963388", "Timo", "Ngân hàng số Timo"),
    ("963369", "Liobank", "Ngân hàng số Liobank by OCB"),
    ("796500", "DBS", "DBS Bank Ltd - Chi nhánh TP. Hồ Chí Minh"),
    (
        "801011",
        "Nonghyup",
        "Ngân hàng Nonghyup - Chi nhánh Hà Nội",
    ),
    (
        "970455",
        "IBK HN",
        "Ngân hàng Công nghiệp Hàn Quốc - Chi nhánh Hà Nội",
    ),
    (
        "970456",
        "IBK HCM",
        "Ngân hàng Công nghiệp Hàn Quốc - Chi nhánh TP. Hồ Chí Minh",
    ),
    (
        "970462",
        "Kookmin HN",
        "Ngân hàng Kookmin - Chi nhánh Hà Nội",
    ),
    (
        "970463",
        "Kookmin HCM",
        "Ngân hàng Kookmin - Chi nhánh TP. Hồ Chí Minh",
    ),
    (
        "970466",
        "KEB Hana HCM",
        "Ngân hàng KEB Hana - Chi nhánh TP. Hồ Chí Minh",
    ),
    (
        "970467",
        "KEB Hana HN",
        "Ngân hàng KEB Hana - Chi nhánh Hà Nội",
    ),
    (
        "533948",
        "Citibank",
        "Ngân hàng Citibank, N.A. - Chi nhánh Hà Nội",
    ),
    ("971005", "ViettelMoney", "Tổng Công ty Dịch vụ số Viettel"),
    ("971011", "VNPTMoney", "Trung tâm Dịch vụ tài chính số VNPT"),
    (
        "971025",
        "MoMo",
        "Công ty CP Dịch vụ Di động Trực tuyến (Ví MoMo)",
    ),
    ("999888", "VBSP", "Ngân hàng Chính sách xã hội"),
];

/// Other names that people and settings use.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("LienVietPostBank", "970449"),
    ("OceanBank", "970414"),
    ("DongA", "970406"),
    ("DongABank", "970406"),
    ("VietCapitalBank", "970454"),
    ("VietCapital", "970454"),
    ("MB", "970422"),
    ("VCBNeo", "970444"),
];

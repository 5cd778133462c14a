//! What banks and wallets write around the buyer's words. The words go where the braces are; each
//! `#` becomes a digit. Shapes as public integrations quote them, with names and numbers changed.

use super::Scene;

pub(super) const FRAMES: &[&str] = &[
    "{}",
    // Vietcombank, alone and as other banks pass it on.
    "MBVCB.###########.######.{}.CT tu ########## NGUYEN VAN A toi ########## CUA HANG tai TPBANK",
    "MBVCB.###########.6268BFTVGL1LMZNM.{}.CT tu 0###########",
    "MBVCB.##########.######.{}.CT tu ########## PHAM HOANG B toi ######## PHAM HOANG B (ACB) A Chau GD ######-###### 15:45:46",
    "CUSTOMER MBVCB ########## ###### NGUYEN KHAC C {}",
    "VCBMB-##########-{}",
    "######.######.######.{}",
    // MB Bank.
    "CUSTOMER {} - Ma giao dich/ Trace ######",
    "CUSTOMER {}   chuyen khoan - Ma gia o dich/ Trace ######",
    "{} - Ma giao dich/ Trace######",
    "{}- Ma GD ACSP/ ih######",
    "TRAN LE HOANG D {}- MaGD ACSP/ W#######",
    "NHAN TU ############ TRACE ###### ND {}",
    "FT##################################TBS##### {}",
    "CUSTOMER Thanh toan QR {} - Ma giao dich/ Trace #### ## Trace ######",
    // VietinBank; SEVQR is what SePay asks its personal accounts to write.
    "CT DEN:############ {}",
    "CT DEN:############ SEVQR {}",
    "CT DEN:############ {} chuyen FT##############; tai Napas",
    "CT DEN:########## ND:{} SD:########",
    "IBFT {}",
    "IBFT TBQ######## {} chuyen tien",
    // BIDV.
    "TKThe :##############, tai Techcombank. {} FT############## -CTLNHIDI###############-1/1-CRE-002",
    "TKThe :##########, tai Vietcombank. MBVCB.###########.######.{}.CT tu ########## VU XUAN E toi ########## NGUYEN MINH G tai BIDV -CTLNHIDI###############-1/1-CRE-002",
    "REM TKThe######,tai ACB.{}-######- 18:14:33###### CTLNHIDI############### 11-CRE-002",
    "Omni Channel-TKThe :##########, tai ICBVVNVX. {} -######################-1/2-PMT-002",
    // Techcombank, ACB, VPBank, TPBank, Sacombank, Agribank.
    "NGUYEN VAN A chuyen tien {} FT##############",
    "{} Trace ###### FT##############\\BNK",
    "IB {} chuyen khoan",
    "{} GD ######-###### 15:45:46",
    "{}-######-19:13:00 ######",
    "NHAN TU ########## TRACE ###### {} NOI DUNG CHUYEN TIEN",
    "{} CKN ###### D2K5349G - NGUYEN TUAN H",
    "QR - {}",
    "IBFT DEN {} TU NGUYEN VAN A",
    "Vietcombank;##########;{}",
    // Wallets.
    "############-{}-CHUYEN TIEN-OQCH####sFyH-MOMO############MOMO",
    "###########-0#########-{} chuyen tien qua MoMo-CHUYEN TIEN-OQCH########-MOMO###########MOMO",
    "ZALOPAY-##############-{}-CHUYEN TIEN TU ZALOPAY",
    "CT DEN:### NAP AB23CD chuyen tien | IBFT TBQ######## | {} - Ma giao dich/ Trace ###### | QR - chuyen khoan nhanh qua Zalo",
    "VNPAY QR ########## {} TT QUA VNPAYQR",
    "ViettelMoney-##########-{}",
    // A sub-account by memo in front.
    "Qaetep#### SEPAY#### 1 ############-{}",
    "TKPYRK {}",
];

impl Scene {
    /// The words in a frame drawn by chance.
    pub(super) fn framed(&self, words: &str) -> String {
        self.fill(self.pick(FRAMES), words)
    }

    pub(super) fn fill(&self, frame: &str, words: &str) -> String {
        let frame: String = frame
            .chars()
            .map(|c| {
                if c == '#' {
                    self.pick(&super::DIGITS)
                } else {
                    c
                }
            })
            .collect();
        frame.replace("{}", words)
    }
}

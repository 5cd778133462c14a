//! What holds when a setting is not given. `bursar.example.toml` shows the same values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{
    Config, Content, Downloads, FrappeOptions, Fulfilment, HttpConfirm, Limits, LmsConnection,
    Mail, Mode, PartialRefund, Payments, Payos, Queue, Sepay, Shop, Stamp, Stripe, Unstampable,
    Worker,
};

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            database: "sqlite:bursar.db".to_owned(),
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: "http://127.0.0.1:8080".to_owned(),
            shop: Shop::default(),
            payments: Payments::default(),
            lms: BTreeMap::new(),
            sources: BTreeMap::new(),
            stores: BTreeMap::new(),
            content: Content::default(),
            drives: BTreeMap::new(),
            downloads: Downloads::default(),
            mail: Mail::default(),
            queue: Queue::default(),
            fulfilment: Fulfilment::default(),
            worker: Worker::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            name: "Bursar".to_owned(),
            support_email: "support@example.com".to_owned(),
            locale: "vi".to_owned(),
            code_prefix: "DH".to_owned(),
            utc_offset_minutes: 420,
            covers: None,
        }
    }
}

impl Default for Payments {
    fn default() -> Self {
        Self {
            tolerance: 1000,
            order_ttl_hours: 24,
            accounts: Vec::new(),
            partial_refund: PartialRefund::default(),
            sepay: Sepay::default(),
            stripe: Stripe::default(),
            payos: Payos::default(),
        }
    }
}

impl Default for Sepay {
    fn default() -> Self {
        Self {
            api_key: None,
            hmac_secret: None,
            window_seconds: 300,
            api_token: None,
            api_version: "v2".to_owned(),
            api_url: String::new(),
        }
    }
}

impl Default for LmsConnection {
    fn default() -> Self {
        Self {
            kind: String::new(),
            base_url: String::new(),
            api_key: None,
            api_secret: None,
            send_welcome_email: false,
            concurrency: 2,
            frappe: FrappeOptions::default(),
            confirm: None,
            scim: None,
            openedx: None,
            moodle: None,
            canvas: None,
        }
    }
}

impl Default for FrappeOptions {
    fn default() -> Self {
        Self {
            withdraw: "ask".to_owned(),
        }
    }
}

impl Default for HttpConfirm {
    fn default() -> Self {
        Self {
            url: String::new(),
            auth: "none".to_owned(),
            credential: None,
            body: String::new(),
            success: String::new(),
            already: None,
            repeat_is_safe: false,
        }
    }
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            signing_key: None,
            previous_key: None,
            link_hours: 12,
            kilobytes_per_second: 0,
            connections_per_link: 8,
            connections_per_address: 32,
            budget: 5,
            gigabytes_per_address: 500,
            accel_prefix: String::new(),
            stamp: Stamp::default(),
        }
    }
}

impl Default for Stamp {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("stamped"),
            cache_megabytes: 2048,
            limit_megabytes: 100,
            otherwise: Unstampable::default(),
        }
    }
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: "folder".to_owned(),
            folder: PathBuf::from("outbox"),
            from: "Bursar <no-reply@example.com>".to_owned(),
            host: String::new(),
            port: 587,
            security: "starttls".to_owned(),
            user: String::new(),
            password: None,
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            slots: 16,
            lease_seconds: 45,
            poll_seconds: 5,
        }
    }
}

impl Default for Fulfilment {
    fn default() -> Self {
        Self {
            give_up_after_hours: 72,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            orders_per_minute: 30,
            failures_per_minute: 20,
            courses_per_order: 50,
            behind_proxy: false,
        }
    }
}

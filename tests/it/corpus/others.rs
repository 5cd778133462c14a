//! More than one code, codes of nobody, and codes of orders that are not simply open.

use bursar::model::code::OrderCode;

use super::{Case, Known, Memo, Scene, Standing};

/// One of each class.
pub(super) fn cases(scene: &Scene) -> Vec<Case> {
    CLASSES.iter().map(|class| class(scene)).collect()
}

const CLASSES: &[fn(&Scene) -> Case] = &[
    |s| two(s, "two open orders", " "),
    |s| two(s, "two open orders, glued", ""),
    |s| two(s, "two open orders, one mangled", " va don "),
    |s| with_another(s, "an open order and a paid one", Standing::Paid),
    |s| with_another(s, "an open order and a cancelled one", Standing::Cancelled),
    |s| with_another(s, "an open order and an expired one", Standing::Expired),
    an_open_and_an_unknown,
    an_open_and_a_typo,
    three_open,
    |s| {
        let stranger = s.code();
        nobodys(s, "a code of no order", stranger.as_str())
    },
    anothers_prefix,
    |s| closed(s, "an order that is paid", Standing::Paid),
    |s| closed(s, "an order that is cancelled", Standing::Cancelled),
    expired,
    |s| other_money(s, "somebody's open order, less money", 1, 2),
    |s| other_money(s, "somebody's open order, more money", 3, 1),
];

/// Both are named, so a person divides.
fn two(scene: &Scene, class: &'static str, between: &str) -> Case {
    let orders = [Standing::Open; 2].map(|standing| scene.order(standing));
    let [one, other] = [&orders[0], &orders[1]].map(|order| order.code.as_str());
    let words = if between.len() > 1 {
        format!("{one}{between}{}", other.to_ascii_lowercase())
    } else {
        format!("{one}{between}{other}")
    };
    Case {
        class,
        memo: Memo::of(scene.framed(&words)),
        amount: orders.iter().map(|order| order.total).sum(),
        orders: orders.to_vec(),
        truth: None,
    }
}

fn with_another(scene: &Scene, class: &'static str, standing: Standing) -> Case {
    let (open, other) = (scene.order(Standing::Open), scene.order(standing));
    let words = format!("{} {}", other.code, open.code);
    Case {
        class,
        memo: Memo::of(scene.framed(&words)),
        amount: open.total,
        orders: vec![open, other],
        truth: None,
    }
}

fn an_open_and_an_unknown(scene: &Scene) -> Case {
    let unknown = scene.code();
    scene.paying("an open order and a code of none", |code| {
        Memo::of(scene.framed(&format!("{unknown} {code}")))
    })
}

/// The intact one is certain; a code with a mistake in it is nobody's.
fn an_open_and_a_typo(scene: &Scene) -> Case {
    let other = scene.order(Standing::Open);
    let cut = &other.code.as_str()[..other.code.as_str().len() - 2];
    let mut case = scene.paying("an open order and a part of another's code", |code| {
        Memo::of(format!("IBFT {code} {cut}"))
    });
    case.orders.push(other);
    case
}

fn three_open(scene: &Scene) -> Case {
    let orders = [Standing::Open; 3].map(|standing| scene.order(standing));
    let codes: Vec<&str> = orders.iter().map(|order| order.code.as_str()).collect();
    Case {
        class: "three open orders",
        memo: Memo::of(scene.framed(&codes.join(", "))),
        amount: orders[0].total,
        orders: orders.to_vec(),
        truth: None,
    }
}

fn nobodys(scene: &Scene, class: &'static str, code: &str) -> Case {
    scene.waiting(class, |_| Memo::of(scene.framed(code)))
}

/// The body of our own order behind another shop's prefix; a shop's prefix may be as long as ours.
fn anothers_prefix(scene: &Scene) -> Case {
    let prefix = scene.pick(&["NAP", "KH", "BSR", "VIP", "SHOPX"]);
    scene.waiting("another shop's prefix", |code| {
        let body = &code[scene.prefix.len()..];
        Memo::of(scene.framed(&format!("{prefix}{body}")))
    })
}

fn single(scene: &Scene, class: &'static str, order: Known) -> Case {
    Case {
        class,
        memo: Memo::of(scene.framed(order.code.as_str())),
        amount: order.total,
        orders: vec![order],
        truth: None,
    }
}

fn closed(scene: &Scene, class: &'static str, standing: Standing) -> Case {
    single(scene, class, scene.order(standing))
}

/// Late money opens it again at its stored price.
fn expired(scene: &Scene) -> Case {
    let order = scene.order(Standing::Expired);
    let truth: Option<OrderCode> = Some(order.code.clone());
    Case {
        truth,
        ..single(scene, "an order that is expired", order)
    }
}

/// What is too little pays nothing yet; what is more than enough pays, and the surplus is kept.
fn other_money(scene: &Scene, class: &'static str, times: i64, part: i64) -> Case {
    let order = scene.order(Standing::Open);
    let amount = order.total * times / part;
    let truth = (amount >= order.total).then(|| order.code.clone());
    Case {
        amount,
        truth,
        ..single(scene, class, order)
    }
}

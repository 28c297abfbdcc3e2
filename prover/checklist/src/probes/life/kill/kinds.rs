//! Each declared write without a kill: that it can be read back, that what was never made cannot, and what a read shows of it.

use std::time::{Duration, Instant};

use keel_wire::http::Exchange;

use super::answers::same;
use super::content::{Content, Written};
use super::read_back::read;
use super::unmade;
use crate::control::{Control, Uncontrolled};
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// Number of objects of a kind that are created in peace: a value that shows in all of them is no chance.
const MADE: usize = 2;
/// Time that an object is watched without a kill.
const WATCH: Duration = Duration::from_secs(2);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(100);

/// A declared write, and what is known of it in peace.
#[derive(Debug)]
pub(super) struct Kind {
    /// As it was declared.
    pub(super) spec: RequestSpec,
    /// The values that a read of it shows.
    pub(super) content: Content,
    /// The control that a read distinguishes created objects from others. `None` if the path in `read` is the same for every write.
    pub(super) read: Option<Result<Control, Uncontrolled>>,
    /// The control that the answer distinguishes one write from another, so that a repeat can be distinguished from a second effect.
    pub(super) answer: Result<Control, Uncontrolled>,
    /// The gap in its content, if a read shows no value of the request.
    pub(super) unseen: Option<String>,
}

/// Makes some of each kind, and reads them back.
pub(super) async fn learn(lab: &Lab, spec: &RequestSpec) -> Kind {
    let client = lab.http();
    let mut kind = Kind {
        spec: spec.clone(),
        content: Content::default(),
        read: None,
        answer: Control::seen(false, "", format!("{} was not tried in peace", spec.name)),
        unseen: None,
    };
    let mut made = Vec::new();
    for _ in 0..MADE {
        let exchange = client.send(lab.fill(spec)).await;
        if !exchange.status().is_some_and(|status| spec.expects(status.as_u16())) {
            let what = format!("{} is not answered as declared without a kill: mend it in [[requests]]", spec.name);
            kind.read = Some(Control::seen(false, "", what).map_err(|failed| failed.shown_by(&exchange)));
            return kind;
        }
        made.push(exchange);
    }
    kind.answer = Control::seen(
        !same(spec, &made[0], &made[1]),
        format!("two {} under keys of their own are answered differently", spec.name),
        format!(
            "two {} under keys of their own are answered alike, so a repeat says nothing: `save` what tells them apart",
            spec.name
        ),
    );
    kind.read = things(lab, &mut kind, &made).await.transpose();
    kind
}

/// The control of reads of single things; none where the path is the same for all.
async fn things(lab: &Lab, kind: &mut Kind, made: &[Exchange]) -> Result<Option<Control>, Uncontrolled> {
    let (client, spec) = (lab.http(), kind.spec.clone());
    let fault = |what: String| Uncontrolled { what, exchange: None };
    let mut pairs = Vec::new();
    let mut first = None;
    for exchange in made {
        let own = Lab::own_values(&spec, exchange).ok_or_else(|| {
            fault(format!("no {} can be read back: `save` what its `read` path needs of its answer", spec.name))
        })?;
        if own.is_empty() {
            return Ok(None);
        }
        let Some(request) = lab.read_of(&spec, &own) else { return Ok(None) };
        let read = read(&client, &request).await;
        if !read.status().is_some_and(|status| status.is_success()) {
            let what = format!("what {} made is not read back without a kill: mend its `read`", spec.name);
            return Err(fault(what).shown_by(&read));
        }
        let written = Written::of(exchange, &own);
        first.get_or_insert_with(|| (written.clone(), own));
        pairs.push((written, read));
    }
    kind.content = Content::learn(&pairs);
    let Some((written, own)) = first else { return Ok(None) };
    if written.asks() && !kind.content.shows_what_was_asked_for() {
        kind.unseen = Some(format!(
            "what is read of {} shows nothing that was asked for, so it was not compared: say a `read` that shows it",
            spec.name
        ));
    }
    let names = unmade::names(&own);
    let Some(request) = lab.read_of(&spec, &names) else { return Ok(None) };
    let nothing = read(&client, &request).await;
    let asked = format!("GET {}, which was never made,", request.path);
    let Some(status) = nothing.status() else {
        return Err(fault(format!("{asked} is not answered")).shown_by(&nothing));
    };
    let told = !status.is_success() || kind.content.broken(&written.renamed(&own, &names), &nothing, &[]).is_some();
    Control::seen(
        told,
        format!("{asked} is answered {}, not as what was made", status.as_u16()),
        format!("{asked} is answered {} like what was made: no answer says that a thing is there", status.as_u16()),
    )
    .map(Some)
    .map_err(|failed| failed.shown_by(&nothing))
}

/// Returns true if this place of a fresh object alters by itself while others are created: a state that goes on, not an effect of a kill.
pub(super) async fn alters_in_peace(lab: &Lab, kind: &Kind, others: &[Kind], place: &str) -> bool {
    let client = lab.http();
    let made = client.send(lab.fill(&kind.spec)).await;
    let Some(own) = Lab::own_values(&kind.spec, &made) else { return false };
    let Some(request) = lab.read_of(&kind.spec, &own) else { return false };
    let written = Written::of(&made, &own);
    for other in others {
        client.send(lab.fill(&other.spec)).await;
    }
    let begun = Instant::now();
    while begun.elapsed() < lab.pace.of(WATCH) {
        if kind.content.is_broken_at(&written, &read(&client, &request).await, place) {
            return true;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}

//! `border.pagination`: lists are paged by opaque cursor, bounded in size, stable while rows come and go.
//!
//! - **Hypothesis**: a list gives at most 1,000 items however many are asked for, the way to the next page is a cursor that tells
//!   nothing, and a client that follows it sees every row that was there when it began once, while others add rows.
//! - **Sent**: for each of the first three lists of the mix: rows made by the mix's creators, up to 1,100 and for at most 20 s,
//!   until the bounds can be seen; a walk of at most 300 pages while a row is added at each of the first 20; a cursor that is
//!   none.
//! - **Decides**: more than 1,000 items in an answer, a row twice or left out, an integer as cursor, or a false cursor that is
//!   not answered 4xx fall short. With too few rows to see a bound it is unknown.
//! - **Blast radius**: at most 1,200 rows a list.
//! - **Bound in time**: a list 20 s of making rows and 1,000 exchanges, each within the service's deadline plus 5 s.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use keel_wire::http::{Exchange, Request};

use self::page::{Next, Page};
use super::support::writes::{Writes, changes_state, reads, writes};
use crate::clause::border::pagination as clause;
use crate::control::Control;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::probe::Probe;
use crate::recipe::Recipe;
use crate::recipe::created::{Listed, Listing};
use crate::subject::{Dependencies, RequestSpec};

#[cfg(test)]
mod judge_tests;
mod page;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;

const ID: &str = "border.pagination";
/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};
/// The most lists that are examined.
const EXAMINED: usize = 3;
/// The most items that an answer may have.
const ITEMS: usize = 1_000;
/// The most rows that are made so that bounds can be seen.
const ROWS: usize = ITEMS + 100;
/// Made at a time.
const BATCH: usize = 10;
/// Maximum time for making rows.
const MAKING: Duration = Duration::from_secs(20);
/// Items on a page of a walk: few, so that there are several pages.
const SMALL: usize = 5;
/// The most pages of a walk.
const PAGES: usize = 300;
/// Of the pages of a walk, at how many a row is added.
const ADDED: usize = 20;
/// Parameters that say how many items a page has, the most usual first.
const LIMITS: [&str; 5] = ["limit", "page_size", "pageSize", "per_page", "size"];
/// Parameters that carry a cursor, when the answer gives only the cursor itself.
const CURSORS: [&str; 6] = ["cursor", "after", "page_token", "pageToken", "next", "starting_after"];

/// Examines the running subject.
pub async fn examine(lab: &mut Lab) -> Finding {
    let mut lists: Vec<RequestSpec> = lab.mix().into_iter().filter(|spec| spec.list).collect();
    let left = lists.split_off(lists.len().min(EXAMINED));
    if lists.is_empty() {
        return without_lists(lab).await;
    }
    let mut evidence: Vec<Evidence> = left.iter().map(not_tried).collect();
    for spec in &lists {
        let list = List { lab, spec };
        list.examine(&mut evidence).await;
    }
    Finding::judge(ID, evidence)
}

fn not_tried(spec: &RequestSpec) -> Evidence {
    clause::BOUNDED.gap(format!("{} was not tried: the first {EXAMINED} lists were", spec.name))
}

/// No list was declared: it does not apply when nothing can be added and nothing looks like a list.
async fn without_lists(lab: &Lab) -> Finding {
    let Writes::None(reason, mut evidence) = writes(lab).await else {
        let reason = "no list is known: declare one with `list = true` in [[requests]], or state = \"none\"";
        return Finding::unknown(ID, reason, Vec::new());
    };
    for spec in lab.mix().iter().filter(|spec| reads(spec)) {
        let exchange = lab.http().send(lab.fill(spec)).await;
        if Page::of(&exchange).is_some_and(|page| page.items.len() > 1) {
            evidence.push(Evidence::note(format!("{} looks like a list", spec.name)).with(&exchange));
            return Finding::unknown(ID, format!("{} looks like a list: declare `list = true`", spec.name), evidence);
        }
    }
    Finding::not_applicable(ID, format!("no list is declared or seen, and rows cannot come and go: {reason}"), evidence)
}

/// One list under examination.
struct List<'a> {
    lab: &'a Lab,
    spec: &'a RequestSpec,
}

impl List<'_> {
    async fn examine(&self, evidence: &mut Vec<Evidence>) {
        let name = &self.spec.name;
        let first = self.get(&[]).await;
        let Some(page) = Page::of(&first) else {
            let what = format!("{name} is declared a list and no array was found in its answer");
            return evidence.push(clause::BOUNDED.gap(what).with(&first));
        };
        if page.items.len() <= SMALL {
            self.make(BATCH).await;
        }
        let limit = self.limit_parameter().await;
        let bounded = self.bounds(limit.unwrap_or(LIMITS[0]), evidence).await;
        if !bounded && self.creators().is_empty() {
            let remedy = self.own_writes().first().map_or_else(
                || "declare the request that creates them, with `save`".to_owned(),
                |write| format!("{} is not repeated, as it `uses` a dependency", write.name),
            );
            evidence.push(
                clause::BOUNDED.gap(format!("no bound of {name} could be seen with the rows there are: {remedy}")),
            );
        } else if !bounded {
            evidence.push(
                clause::BOUNDED
                    .gap(format!("no bound of {name} could be seen with the rows that could be made in {MAKING:?}")),
            );
        }
        self.cursors(limit, evidence).await;
    }

    /// The parameter that says how many items a page has: the one that is obeyed.
    async fn limit_parameter(&self) -> Option<&'static str> {
        for name in LIMITS {
            let page = Page::of(&self.get(&[(name, "2")]).await);
            if page.is_some_and(|page| page.items.len() == 2) {
                return Some(name);
            }
        }
        None
    }

    /// Makes rows until a bound shows, by itself and however many items are asked for; whether both were seen.
    async fn bounds(&self, limit: &str, evidence: &mut Vec<Evidence>) -> bool {
        let name = &self.spec.name;
        let began = Instant::now();
        let mut made = 0;
        loop {
            let unasked = self.get(&[]).await;
            let many = self.get(&[(limit, "1000000")]).await;
            let verdicts = [bound(&unasked), bound(&many)];
            let settled = verdicts.iter().all(Option::is_some) || verdicts.contains(&Some(false));
            if !settled && made < ROWS && began.elapsed() < MAKING && self.make(BATCH).await > 0 {
                made += BATCH;
                continue;
            }
            let told = [("by itself", unasked), ("asked for 1000000 items", many)];
            for ((how, exchange), good) in told.into_iter().zip(verdicts) {
                let what = match (Page::of(&exchange), good) {
                    (None, Some(true)) => format!("{name}, {how}, refuses"),
                    (None, _) => format!("{name}, {how}, gives no list"),
                    (Some(page), Some(true)) => {
                        format!("{name}, {how}, gives {} items and there are more", page.items.len())
                    }
                    (Some(page), Some(false)) => format!("{name}, {how}, gives {} items: no bound", page.items.len()),
                    (Some(page), None) => format!("{name}, {how}, gives all {} items", page.items.len()),
                };
                let recipe = self.recipe(&exchange, ROWS, Listed::Unbounded(ITEMS));
                evidence.push(clause::BOUNDED.maybe(good, what).with(&exchange).reproduced_by(recipe));
            }
            return verdicts.iter().all(Option::is_some);
        }
    }

    async fn cursors(&self, limit: Option<&str>, evidence: &mut Vec<Evidence>) {
        let name = &self.spec.name;
        let small = SMALL.to_string();
        let parameters: Vec<(&str, &str)> = limit.map(|limit| (limit, small.as_str())).into_iter().collect();
        let exchange = self.get(&parameters).await;
        let Some(page) = Page::of(&exchange) else { return };
        let Some(next) = page.next else {
            let what = format!("{name} gives no way to a next page");
            if limit.is_some() || page.items.len() > SMALL {
                // Where no limit is obeyed, a first page is as long as it likes.
                let rows = if limit.is_some() { BATCH } else { ROWS };
                let recipe = self.recipe(&exchange, rows, Listed::NoNext);
                evidence.push(clause::OPAQUE_CURSOR.contradicts(what).with(&exchange).reproduced_by(recipe));
            } else {
                evidence.push(clause::OPAQUE_CURSOR.gap(format!("{what}, with too few rows to tell")));
            }
            return;
        };
        let token = next.token();
        let plain = token.as_deref().is_some_and(|token| token.parse::<i128>().is_ok());
        let told = if plain { "a plain number" } else { "opaque" };
        evidence.push(
            clause::OPAQUE_CURSOR
                .saw(!plain, format!("the cursor of {name} is {told}: {}", token.as_deref().unwrap_or("a link"))),
        );

        let walker = Walker { list: self, cursor: self.cursor_parameter(&next, &parameters).await, parameters };
        match (walker.walk(false).await, walker.walk(true).await) {
            (Ok(still), Ok(moving)) => evidence.push(compare(name, &still, &moving)),
            (Err(fault), _) | (_, Err(fault)) => evidence.push(*fault),
        }
        let exchange = match &next {
            Next::Link(link) => self.send(page::falsified(link)).await,
            Next::Token(_) => walker.follow(&Next::Token("keel-no-cursor".into())).await,
        };
        let good = exchange.status().is_some_and(|status| status.is_client_error());
        let told = if good { "is refused" } else { "is not answered 4xx" };
        evidence.push(clause::OPAQUE_CURSOR.saw(good, format!("a false cursor for {name} {told}")).with(&exchange));
    }

    /// The parameter that takes a bare cursor: the one with which another page comes.
    async fn cursor_parameter(&self, next: &Next, parameters: &[(&str, &str)]) -> &'static str {
        let Next::Token(token) = next else { return CURSORS[0] };
        let first = Page::of(&self.get(parameters).await).map(|page| page.items);
        for name in CURSORS {
            let page = Page::of(&self.get(&[parameters, &[(name, token.as_str())]].concat()).await);
            if page.is_some_and(|page| Some(&page.items) != first.as_ref()) {
                return name;
            }
        }
        CURSORS[0]
    }

    /// Returns the requests that create rows of this list: POSTs to its own path, or else all that save a value. Those that
    /// call a dependency are left out: creating many rows must not call it as often.
    fn creators(&self) -> Vec<RequestSpec> {
        let alone = |spec: &RequestSpec| spec.uses.is_empty();
        let own: Vec<RequestSpec> = self.own_writes().into_iter().filter(alone).collect();
        let saves = |spec: &RequestSpec| changes_state(spec) && alone(spec) && !spec.save.is_empty();
        if own.is_empty() { self.lab.mix().into_iter().filter(saves).collect() } else { own }
    }

    /// Returns the writes to the path of this list.
    fn own_writes(&self) -> Vec<RequestSpec> {
        let path = self.spec.path.split('?').next().unwrap_or_default();
        self.lab.mix().into_iter().filter(|spec| changes_state(spec) && spec.path == path).collect()
    }

    /// Creates rows again and asks for the list as in this exchange; also by a write that calls only dependencies that the script
    /// starts itself.
    fn recipe(&self, exchange: &Exchange, rows: usize, fault: Listed) -> Recipe {
        let alone = self.creators().into_iter().next();
        let row = alone.or_else(|| self.own_writes().into_iter().find(|spec| self.starts_all(&spec.uses)));
        let row = row.map(|spec| self.lab.fill_repeatable(&spec));
        Recipe::Listing(Listing { row, rows, list: exchange.request.clone(), fault })
    }

    /// Returns true if each of these dependencies is declared with the command that starts it.
    fn starts_all(&self, names: &[String]) -> bool {
        let Dependencies::Declared(declared) = &self.lab.subject.dependencies else { return false };
        names.iter().all(|name| declared.iter().any(|one| one.name == *name && one.run.is_some()))
    }

    /// Makes rows; how many requests succeeded.
    async fn make(&self, rows: usize) -> usize {
        let creators = self.creators();
        let client = self.lab.http();
        let requests = creators.iter().cycle().take(if creators.is_empty() { 0 } else { rows });
        let made = join_all(requests.map(|spec| client.send(self.lab.fill(spec)))).await;
        made.iter().filter(|exchange| exchange.status().is_some_and(|status| status.is_success())).count()
    }

    async fn get(&self, parameters: &[(&str, &str)]) -> Exchange {
        let path = self.lab.fill(self.spec).path;
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let kept = url::form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| !parameters.iter().any(|(parameter, _)| parameter == name));
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).extend_pairs(parameters).finish();
        self.send(if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }).await
    }

    async fn send(&self, path: String) -> Exchange {
        self.lab.http().send(Request { path, ..self.lab.fill(self.spec) }).await
    }
}

/// Follows the cursors of a list.
struct Walker<'a> {
    list: &'a List<'a>,
    cursor: &'static str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl Walker<'_> {
    /// Follows the cursor to the end of the list, or for so many pages; the identity of every item, in order.
    async fn walk(&self, adding: bool) -> Result<Walk, Box<Evidence>> {
        let mut walk = Walk { items: Vec::new(), pages: 0, added: 0, ended: false };
        let mut exchange = self.list.get(&self.parameters).await;
        loop {
            let Some(page) = Page::of(&exchange) else {
                let what = format!("page {} of {} is no list", walk.pages + 1, self.list.spec.name);
                return Err(Box::new(clause::STABLE.contradicts(what).with(&exchange)));
            };
            walk.pages += 1;
            walk.items.extend(page.items.iter().map(|item| identity(self.list.spec, item)));
            if adding && walk.pages <= ADDED {
                walk.added += self.list.make(1).await;
            }
            match page.next {
                Some(next) if walk.pages < PAGES => exchange = self.follow(&next).await,
                next => {
                    walk.ended = next.is_none();
                    return Ok(walk);
                }
            }
        }
    }

    async fn follow(&self, next: &Next) -> Exchange {
        match next {
            Next::Link(link) => self.list.send(link.clone()).await,
            Next::Token(token) => {
                self.list.get(&[&self.parameters[..], &[(self.cursor, token.as_str())]].concat()).await
            }
        }
    }
}

/// Result of a walk through a list.
struct Walk {
    items: Vec<String>,
    pages: usize,
    /// Rows made meanwhile.
    added: usize,
    ended: bool,
}

/// Returns true if an answer shows a bound: refused, or a page with a way to the next. `None` if it may just be all there is.
fn bound(exchange: &Exchange) -> Option<bool> {
    if exchange.status().is_some_and(|status| status.is_client_error()) {
        return Some(true);
    }
    let page = Page::of(exchange)?;
    if page.items.len() > ITEMS {
        return Some(false);
    }
    page.next.is_some().then_some(true)
}

/// Returns the identity of an item: its `id`, or the value that the mix saves of one, or all of it.
fn identity(spec: &RequestSpec, item: &serde_json::Value) -> String {
    let saved = spec.save.values().filter_map(|pointer| pointer.rsplit('/').next());
    let named = ["id", "uuid", "key"].into_iter().chain(saved).find_map(|name| item.get(name));
    named.unwrap_or(item).to_string()
}

/// A walk while rows were added must see all that a walk in peace saw before, each once.
fn compare(name: &str, still: &Walk, moving: &Walk) -> Evidence {
    let seen: HashSet<&String> = moving.items.iter().collect();
    let twice = moving.items.len() - seen.len();
    let twice_in_peace = still.items.len() - still.items.iter().collect::<HashSet<_>>().len();
    // A walk that was broken off for its length has not come to the rows at the end.
    let missing = if moving.ended { still.items.iter().filter(|item| !seen.contains(item)).count() } else { 0 };
    let good = twice == 0 && twice_in_peace == 0 && missing == 0;
    let what = format!(
        "a walk of {} pages through {name} while {} rows were added saw {} items, {twice} twice, {missing} left out of {} before \
         ({twice_in_peace} twice in peace)",
        moving.pages,
        moving.added,
        moving.items.len(),
        still.items.len()
    );
    // Rows that come while one page is read, or rows that do not come, could not have moved anything.
    let control = Control::seen(
        moving.added > 0 && moving.pages > 1,
        format!("{} rows were added on {} pages", moving.added, moving.pages),
        format!("{what}: declare what makes its rows, so that there are several pages and more come"),
    );
    match control {
        Ok(control) => clause::STABLE.saw(good, what).by(&control),
        Err(failed) if good => clause::STABLE.uncontrolled(&failed),
        Err(_) => clause::STABLE.contradicts(what),
    }
}

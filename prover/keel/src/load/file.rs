//! A plan as a file.
//!
//! ```toml
//! target = "http://127.0.0.1:8080"
//! rate = 200
//! for = "30s"
//! poisson = true
//! thresholds = ["p99<200ms", "errors<1%"]
//!
//! [variables]
//! account = "acc_7"
//!
//! [[request]]
//! name = "transfer"
//! method = "POST"
//! path = "/v1/transfers"
//! headers = { content-type = "application/json", idempotency-key = "{key}" }
//! body = '{"from": "{account}", "amount": 5}'
//! weight = 3
//! expect = 201
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use keel_input::credentials;
use keel_input::diagnostics::Reading;
use keel_input::seed::Seed;
use keel_load::profile::{Arrivals, Profile, Stretch};
use keel_load::threshold::Threshold;
use keel_load::{Kind, Plan, Protocol};
use serde::Deserialize;
use toml::Spanned;
use url::Url;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    target: Spanned<String>,
    #[serde(default, deserialize_with = "keel_input::rate::optional")]
    rate: Option<f64>,
    r#for: Option<String>,
    #[serde(default)]
    stretch: Vec<Part>,
    replay: Option<PathBuf>,
    #[serde(default)]
    poisson: bool,
    bursts: Option<String>,
    #[serde(default)]
    thresholds: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    request: Vec<Kind>,
    connections: Option<usize>,
    http2: Option<usize>,
    #[serde(default = "kept", alias = "keep_alive")]
    keep_alive: bool,
    timeout: Option<String>,
    retries: Option<u32>,
    sources: Option<u32>,
    #[serde(default, deserialize_with = "keel_input::duration::optional")]
    objective: Option<Duration>,
    seed: Option<u64>,
}

/// A stretch of the profile; the rate is the same all through it unless `to` is another one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(deserialize_with = "keel_input::rate::deserialize")]
    from: f64,
    #[serde(default, deserialize_with = "keel_input::rate::optional")]
    to: Option<f64>,
    r#for: String,
}

fn kept() -> bool {
    true
}

/// Reads a plan and its thresholds.
pub(super) fn read(path: &Path) -> Result<(Plan, Vec<Threshold>), String> {
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let length = path.metadata().map_err(|error| told(&error))?.len();
    if length > MAX_FILE {
        return Err(told(&format!("it has {length} bytes; a plan has at most {MAX_FILE}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
    let name = path.display().to_string();
    let mut reading = Reading::new(&name, &text);
    let file: File = reading.toml().map_err(|mistakes| mistakes.to_string())?;
    let target = reading.kept(&file.target.span(), credentials::parse(file.target.get_ref()));
    let target = reading.ended(target).map_err(|mistakes| mistakes.to_string())?;
    let folder = path.parent().unwrap_or(Path::new("."));
    file.plan(target, folder).map_err(|why| told(&why))
}

impl File {
    fn plan(self, target: Url, folder: &Path) -> Result<(Plan, Vec<Threshold>), String> {
        let profile = self.profile(folder)?;
        let mut plan = Plan::new(target, profile);
        if !self.request.is_empty() {
            plan.kinds = self.request;
        }
        plan.arrivals = match &self.bursts {
            Some(_) if self.poisson => return Err("poisson and bursts: arrivals are the one or the other".to_owned()),
            Some(text) => Arrivals::Bursts(keel_input::duration::parse(text)?),
            None if self.poisson => Arrivals::Poisson,
            None => Arrivals::Even,
        };
        plan.protocol = self.http2.map_or(Protocol::Http1, |streams| Protocol::Http2 { streams });
        plan.keep_alive = self.keep_alive;
        plan.connections = self.connections.unwrap_or(plan.connections);
        plan.timeout = self.timeout.map_or(Ok(plan.timeout), |text| keel_input::duration::parse(&text))?;
        plan.retries = self.retries.unwrap_or(plan.retries);
        plan.sources = self.sources.unwrap_or(plan.sources);
        plan.objective = self.objective;
        plan.seed = self.seed.map_or(plan.seed, Seed);
        plan.variables = self.variables;
        let thresholds = self.thresholds.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        Ok((plan, thresholds))
    }

    fn profile(&self, folder: &Path) -> Result<Profile, String> {
        let lasts = self.r#for.as_deref().map_or(Ok(Duration::from_secs(10)), keel_input::duration::parse)?;
        match (self.rate, self.stretch.as_slice(), &self.replay) {
            (None, [], Some(replay)) => {
                let path = folder.join(replay);
                let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                Profile::replay(&text).map_err(|why| format!("{}: {why}", path.display()))
            }
            (Some(rate), [], None) => Ok(Profile::constant(rate, lasts)),
            (None, [_, ..], None) => {
                let stretch = |part: &Part| {
                    let lasts = keel_input::duration::parse(&part.r#for)?;
                    Ok(Stretch { from: part.from, to: part.to.unwrap_or(part.from), lasts })
                };
                self.stretch.iter().map(stretch).collect::<Result<_, String>>().map(Profile::Stretches)
            }
            _ => Err("say one of `rate` (with `for`), `[[stretch]]`, or `replay`".to_owned()),
        }
    }
}

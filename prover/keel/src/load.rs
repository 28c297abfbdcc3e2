//! `keel load`: sends a load, shows it, judges it.

mod body;
mod file;
mod live;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use keel_input::seed::Seed;
use keel_load::profile::{Arrivals, Profile};
use keel_load::threshold::{Judged, Threshold};
use keel_load::{Kind, Plan, Protocol, Report, Validity, Watch, hdr_log, page};

use self::live::LiveView;
use crate::address::Address;
use crate::exit::{FINE, usage};
use crate::interrupt::Interrupt;
use crate::output::{can_write, print, write};

/// A threshold was missed.
const MISSED: u8 = 1;
/// The generator fell behind: the figures are not those of the load that was asked for.
const INVALID: u8 = 5;

/// Arguments of `keel load`: the schedule, the requests, the connections and the report.
#[derive(clap::Args)]
#[command(
    after_help = "Latency is measured from the intended send time, so that a stall of the server counts against every request that it \
                  delays (no coordinated omission).\n\nThresholds: p50<..p99.99<, mean<, max< (us, ms, s, m), errors< (%), goodput>, \
                  rate> (/s). Prefix one with kind:NAME to judge only that kind of request.\n\nExit codes:\n  0    every \
                  threshold was met\n  1    a threshold was missed\n  2    a mistake in the command line or a file\n  5    the \
                  generator fell behind its schedule: the result is not valid\n  130  interrupted by Ctrl-C or SIGTERM; the report \
                  covers the time until then"
)]
pub(crate) struct Arguments {
    /// The URL to request. Credentials in it (NAME:PASSWORD@) are sent as Authorization. With --config, it replaces the
    /// target of the file
    #[arg(value_name = "http://HOST:PORT/PATH", required_unless_present = "config")]
    target: Option<Address>,
    /// A load plan as a TOML file; flags override its values
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Requests per second, such as 200, or per minute, such as 90/m
    #[arg(long, value_name = "RATE", value_parser = keel_input::rate::parse, help_heading = "Schedule")]
    rate: Option<f64>,
    /// The duration of the load, such as 10s or 2m
    #[arg(long = "for", value_name = "DURATION", value_parser = keel_input::duration::parse, help_heading = "Schedule")]
    lasts: Option<Duration>,
    /// Ramp the rate up or down to this value over the duration
    #[arg(long, value_name = "RATE", value_parser = keel_input::rate::parse, conflicts_with_all = ["spike_to", "steps"], help_heading = "Schedule")]
    ramp_to: Option<f64>,
    /// Send at this rate during the middle third of the duration
    #[arg(long, value_name = "RATE", value_parser = keel_input::rate::parse, conflicts_with = "steps", help_heading = "Schedule")]
    spike_to: Option<f64>,
    /// Send at these rates in turn, each for an equal part of the duration
    #[arg(long, value_name = "RATE,..", value_parser = keel_input::rate::parse, value_delimiter = ',', conflicts_with = "rate", help_heading = "Schedule")]
    steps: Vec<f64>,
    /// Send requests at the offsets in this file: seconds, one per line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "lasts", "steps"], help_heading = "Schedule")]
    replay: Option<PathBuf>,
    /// Use Poisson arrivals, as independent users cause them, instead of equal intervals
    #[arg(long, help_heading = "Schedule")]
    poisson: bool,
    /// Send the requests of each such interval together, such as 1ms: this costs less CPU than one timer per request
    #[arg(long, value_name = "DURATION", value_parser = keel_input::duration::parse, conflicts_with_all = ["poisson", "replay"], help_heading = "Schedule")]
    bursts: Option<Duration>,
    /// The seed of arrivals, of the mix and of {random}; {key} is new in every run
    #[arg(long, value_name = "NUMBER", help_heading = "Schedule")]
    seed: Option<u64>,
    /// The request method [default: GET, or POST with a body]
    #[arg(long, short = 'X', value_name = "METHOD", conflicts_with = "config", help_heading = "Request")]
    method: Option<String>,
    /// A request header; can be repeated. {key}, {number} and {random} are replaced. With --config, it replaces the header
    /// of that name in every request
    #[arg(long, short = 'H', value_name = "NAME: VALUE", help_heading = "Request")]
    header: Vec<String>,
    /// The request body, or @FILE to read it from. {key}, {number} and {random} are replaced. Unless -H sets Content-Type,
    /// it is application/json for JSON, else that of a form
    #[arg(long, short = 'd', value_name = "TEXT", conflicts_with = "config", help_heading = "Request")]
    body: Option<String>,
    /// The expected status [default: any from 200 to 399]
    #[arg(long, value_name = "STATUS", conflicts_with = "config", help_heading = "Request")]
    expect: Option<u16>,
    /// The maximum number of concurrent connections [default: 64]
    #[arg(long, short = 'c', value_name = "NUMBER", help_heading = "Connection")]
    connections: Option<usize>,
    /// Use HTTP/2 with prior knowledge, with this many concurrent streams per connection
    #[arg(long, value_name = "STREAMS", num_args = 0..=1, default_missing_value = "32", help_heading = "Connection")]
    http2: Option<usize>,
    /// Open a new connection for every request
    #[arg(long, help_heading = "Connection")]
    no_keep_alive: bool,
    /// The timeout of each request [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = keel_input::duration::parse, help_heading = "Connection")]
    timeout: Option<Duration>,
    /// The number of immediate retries of a failed request [default: 0]
    #[arg(long, value_name = "NUMBER", help_heading = "Connection")]
    retries: Option<u32>,
    /// The number of source addresses to connect from, starting with 127.0.1.1
    #[arg(long, value_name = "NUMBER", help_heading = "Connection")]
    sources: Option<u32>,
    /// The latency objective: goodput counts only answers within it
    #[arg(long, value_name = "DURATION", value_parser = keel_input::duration::parse, help_heading = "Report")]
    objective: Option<Duration>,
    /// A threshold that the result must meet, such as 'p99<50ms'; can be repeated
    #[arg(long, short = 't', value_name = "THRESHOLD", help_heading = "Report")]
    threshold: Vec<String>,
    /// The output format
    #[arg(long, value_enum, default_value = "terminal", help_heading = "Report")]
    format: Format,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    json: Option<PathBuf>,
    /// Also write the report as one HTML page with plots
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    html: Option<PathBuf>,
    /// Also write the latencies of each second as an HdrHistogram log
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    hdr_log: Option<PathBuf>,
    /// Do not print the figures of each second while the load runs
    #[arg(long, short, help_heading = "Report")]
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Terminal,
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> u8 {
    send(arguments).unwrap_or_else(usage)
}

fn send(arguments: &Arguments) -> Result<u8, String> {
    let (plan, thresholds) = arguments.planned()?;
    plan.check().map_err(|mistake| mistake.to_string())?;
    for path in [&arguments.json, &arguments.html, &arguments.hdr_log].into_iter().flatten() {
        can_write(path)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start its threads: {error}"))?;
    let began = SystemTime::now();
    let (report, broken_off) = runtime.block_on(async {
        let mut interrupt = Interrupt::new().map_err(|error| format!("cannot listen to signals: {error}"))?;
        let view = LiveView::new(plan.profile.lasts(), arguments.quiet);
        let watch = Watch { live: Some(view.sender()), ..Watch::default() };
        let mut broken_off = false;
        let stop = async {
            interrupt.first().await;
            broken_off = true;
        };
        let report = view.beside(keel_load::run(plan, watch, stop)).await.map_err(|mistake| mistake.to_string())?;
        Ok::<_, String>((report, broken_off))
    })?;
    let judged: Vec<Judged> = thresholds.iter().map(|threshold| threshold.judge(&report.figures())).collect();
    arguments.tell(&report, &judged, began)?;
    Ok(match report.validity {
        _ if broken_off => 130,
        Validity::Behind { .. } => INVALID,
        Validity::Valid if judged.iter().all(|one| one.met) => FINE,
        Validity::Valid => MISSED,
    })
}

impl Arguments {
    /// The file's plan, and what flags say in its place.
    fn planned(&self) -> Result<(Plan, Vec<Threshold>), String> {
        let (mut plan, mut thresholds) = match &self.config {
            Some(path) => self.instead(file::read(path)?)?,
            None => (self.of_target()?, Vec::new()),
        };
        if let Some(profile) = self.profile()? {
            plan.profile = profile;
        }
        if self.poisson {
            plan.arrivals = Arrivals::Poisson;
        }
        if let Some(every) = self.bursts {
            plan.arrivals = Arrivals::Bursts(every);
        }
        if let Some(streams) = self.http2 {
            plan.protocol = Protocol::Http2 { streams };
        }
        plan.keep_alive &= !self.no_keep_alive;
        plan.seed = self.seed.map_or(plan.seed, Seed);
        plan.connections = self.connections.unwrap_or(plan.connections);
        plan.timeout = self.timeout.unwrap_or(plan.timeout);
        plan.retries = self.retries.unwrap_or(plan.retries);
        plan.sources = self.sources.unwrap_or(plan.sources);
        plan.objective = self.objective.or(plan.objective);
        for text in &self.threshold {
            thresholds.push(text.parse()?);
        }
        let kinds: Vec<&str> = plan.kinds.iter().map(|kind| kind.name.as_str()).collect();
        let unknown = thresholds.iter().find(|one: &&Threshold| one.kind().is_some_and(|kind| !kinds.contains(&kind)));
        if let Some(threshold) = unknown {
            return Err(format!("{threshold}: no request has this name; the plan has: {}", kinds.join(", ")));
        }
        Ok((plan, thresholds))
    }

    /// One kind of request, as the flags have it.
    fn of_target(&self) -> Result<Plan, String> {
        let url = self.target.as_ref().ok_or("no target: pass http://127.0.0.1:PORT/PATH, or --config FILE")?.url()?;
        // A URL has no braces, templates have.
        let path = url[url::Position::BeforePath..url::Position::AfterQuery].replace("%7B", "{").replace("%7D", "}");
        let mut base = url;
        base.set_path("/");
        base.set_query(None);
        let mut kind = Kind::get(path.clone(), path);
        kind.headers = self.headers()?;
        if let Some(body) = &self.body {
            let body = body::read(body)?;
            kind.method = http::Method::POST;
            if !kind.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                kind.headers.push(("Content-Type".to_owned(), body::content_type(&body).to_owned()));
            }
            kind.body = Some(body);
        }
        if let Some(method) = &self.method {
            let named = http::Method::from_bytes(method.to_ascii_uppercase().as_bytes());
            kind.method = named.map_err(|_| format!("{method:?} is not an HTTP method"))?;
        }
        kind.expect = self.expect;
        let profile =
            self.profile()?.ok_or("no rate: pass the requests per second (--rate) and the duration (--for)")?;
        let mut plan = Plan::new(base, profile);
        plan.kinds = vec![kind];
        Ok(plan)
    }

    /// The headers of the flags.
    fn headers(&self) -> Result<Vec<(String, String)>, String> {
        let header = |header: &String| {
            let (name, value) = header.split_once(':').ok_or_else(|| format!("{header:?} is not NAME: VALUE"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        self.header.iter().map(header).collect()
    }

    /// The file's plan with the target and the headers of the flags in place of its own.
    fn instead(&self, (mut plan, thresholds): (Plan, Vec<Threshold>)) -> Result<(Plan, Vec<Threshold>), String> {
        if let Some(target) = &self.target {
            plan.target = target.url()?;
        }
        let headers = self.headers()?;
        for kind in &mut plan.kinds {
            kind.headers.retain(|(name, _)| !headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name)));
            kind.headers.extend(headers.iter().cloned());
        }
        Ok((plan, thresholds))
    }

    /// The profile that the flags describe, or `None` if no flag does.
    fn profile(&self) -> Result<Option<Profile>, String> {
        if let Some(path) = &self.replay {
            let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            return Profile::replay(&text).map(Some).map_err(|why| format!("{}: {why}", path.display()));
        }
        let lasts = self.lasts.unwrap_or(Duration::from_secs(10));
        match (self.rate, self.ramp_to, self.spike_to) {
            _ if !self.steps.is_empty() => {
                let parts = u32::try_from(self.steps.len()).map_err(|_| "too many steps".to_owned())?;
                Ok(Some(Profile::steps(&self.steps, lasts / parts)))
            }
            (Some(rate), Some(to), _) => Ok(Some(Profile::ramp(rate, to, lasts))),
            (Some(rate), _, Some(peak)) => Ok(Some(Profile::spike(rate, peak, lasts))),
            (Some(rate), None, None) => Ok(Some(Profile::constant(rate, lasts))),
            (None, None, None) if self.lasts.is_none() => Ok(None),
            (None, ..) => Err("--for, --ramp-to and --spike-to need --rate".to_owned()),
        }
    }

    fn tell(&self, report: &Report, judged: &[Judged], began: SystemTime) -> Result<(), String> {
        let mut json = report.json();
        json["thresholds"] = judged
            .iter()
            .map(|one| serde_json::json!({"threshold": one.threshold, "met": one.met, "measured": one.measured}))
            .collect();
        let json = format!("{json:#}\n");
        match self.format {
            Format::Json => print(&json),
            Format::Terminal => print(&(report.text() + &told(judged))),
        }
        if let Some(path) = &self.json {
            write(path, &json)?;
        }
        if let Some(path) = &self.html {
            write(path, &page::page(report, judged))?;
        }
        if let Some(path) = &self.hdr_log {
            let mut log = Vec::new();
            hdr_log::write(report, began, &mut log).map_err(|error| error.to_string())?;
            write(path, &String::from_utf8_lossy(&log))?;
        }
        Ok(())
    }
}

fn told(judged: &[Judged]) -> String {
    let line = |one: &Judged| {
        let verdict = if one.met { "met   " } else { "MISSED" };
        format!("  {verdict}  {}: {}\n", one.threshold, one.measured)
    };
    judged.iter().map(line).collect()
}

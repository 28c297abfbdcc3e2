//! Recording, logging, tracing and rendering beside those of peers.
//!
//! Everything runs on one thread, and then on two that share one instance. Before the timing, the allocations of a thousand calls are counted;
//! `ALLOCATIONS` names the file for them. With `ONLY=what/whose` and `CALLS=number` nothing is measured: that one is called the given number of times, to
//! count instructions from outside. Standard output has the lines of the library's log: send it to `/dev/null`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::borrow::Cow;
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Span as _, SpanKind as TheirKind, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{Sampler as TheirSampler, SdkTracerProvider};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram as TheirHistogram;
use telemetry::RequestContext;
use telemetry::traces::{Resource, Sampler, ServerSpan, SpanKind, TraceRules, Tracer, span};
use vitals::{Column, Histogram, Registry, Source, Table, TableRow, TableValue, TraceContext};

/// Counts what a thread allocates: a counter that threads share would be what two of them wait for.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Without a destructor, so it is there until the thread is gone.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Calls whose allocations are counted; a tenth of a hundred for renderings.
const COUNTED: u64 = 1000;
const COUNTED_RENDERINGS: u64 = 10;
/// Routes of the rendered registry: 20 lines each.
const ROUTES: usize = 526;
/// Spans below the one of a request.
const CHILDREN: usize = 8;
/// Bounds of classic histograms.
const BOUNDS: [f64; 18] = [
    0.000_244_140_625, 0.000_488_281_25, 0.000_976_562_5, 0.001_953_125, 0.003_906_25, 0.007_812_5, 0.015_625, 0.031_25, 0.062_5, 0.125, 0.25, 0.5, 1.0,
    2.0, 4.0, 8.0, 16.0, 32.0,
];

/// Purpose of the calls.
enum Bench {
    /// Their time, and their allocations: what, whose, and how many a call.
    Figures { criterion: Box<Criterion>, allocations: Vec<(String, String, f64)> },
    /// One of them is called the given number of times, to count instructions from outside.
    Only { name: String, calls: u64 },
}

impl Bench {
    /// As the environment asks for.
    fn asked_for() -> Self {
        let calls = std::env::var("CALLS").ok().and_then(|calls| calls.parse().ok());
        if let Some((name, calls)) = std::env::var("ONLY").ok().zip(calls) {
            return Self::Only { name, calls };
        }
        let criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_secs(1))
            .sample_size(30)
            .without_plots()
            .configure_from_args();
        Self::Figures { criterion: Box::new(criterion), allocations: Vec::new() }
    }

    fn end(self) {
        let Self::Figures { criterion, allocations } = self else { return };
        criterion.final_summary();
        if let Some(file) = std::env::var_os("ALLOCATIONS") {
            let text = serde_json::to_string_pretty(&allocations).expect("figures");
            std::fs::write(file, text).expect("the file for allocations can be written");
        }
    }

    /// Calls on one thread and on two; nothing is made for one that is not asked for.
    fn call<S: Sync, A: FnMut()>(&mut self, what: &str, whose: &str, set_up: impl FnOnce() -> S, make: impl Fn(&'static S) -> A + Sync)
    where
        S: 'static + Send,
    {
        let counted = if what == "scrape" { COUNTED_RENDERINGS } else { COUNTED };
        match self {
            Self::Only { name, calls } => {
                if *name == format!("{what}/{whose}") {
                    // Leaked: what threads share lives as long as the program.
                    let shared: &'static S = Box::leak(Box::new(set_up()));
                    run(&mut make(shared), *calls);
                }
            }
            Self::Figures { criterion, allocations } => {
                let shared: &'static S = Box::leak(Box::new(set_up()));
                let mut one = make(shared);
                run(&mut one, counted);
                let before = ALLOCATIONS.get();
                let _ = run(&mut one, counted);
                allocations.push((what.to_owned(), whose.to_owned(), (ALLOCATIONS.get() - before) as f64 / counted as f64));
                let id = BenchmarkId::new(what, whose);
                criterion.benchmark_group("one").bench_function(id.clone(), |b| b.iter_custom(|calls| run(&mut one, calls)));
                criterion.benchmark_group("two").bench_function(id, |b| b.iter_custom(|calls| on_two(&|| make(shared), calls)));
            }
        }
    }
}

/// So many calls, one after the other; a function of its own, as callgrind counts in it.
#[inline(never)]
fn run(call: &mut impl FnMut(), calls: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..calls {
        call();
    }
    begun.elapsed()
}

/// So many calls on each of two threads at a time; the time of the slower one.
fn on_two<A: FnMut()>(make: &(impl Fn() -> A + Sync), calls: u64) -> Duration {
    let together = Barrier::new(2);
    let one = || {
        let mut call = make();
        together.wait();
        run(&mut call, calls)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(one);
        one().max(other.join().expect("the other thread ends"))
    })
}

fn main() {
    let mut bench = Bench::asked_for();
    record(&mut bench);
    count(&mut bench);
    line(&mut bench);
    spans(&mut bench, "span, sampled", 1.0);
    spans(&mut bench, "span, not sampled", 0.0);
    scrape(&mut bench);
    bench.end();
}

/// Labels of a series.
type Labels = [(&'static str, &'static str); 2];
const LABELS: Labels = [("http_route", "/v1/accounts/{id}"), ("http_request_method", "GET")];

fn their_labels() -> [KeyValue; 2] {
    LABELS.map(|(name, value)| KeyValue::new(name, value))
}

fn their_meter() -> SdkMeterProvider {
    // The reader's thread collects once a minute.
    SdkMeterProvider::builder().with_reader(PeriodicReader::builder(InMemoryMetricExporter::default()).build()).build()
}

fn recorder() -> metrics_exporter_prometheus::PrometheusRecorder {
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    builder.set_buckets(&BOUNDS).expect("there are bounds").build_recorder()
}

/// A duration in a known series.
fn record(bench: &mut Bench) {
    let took = Duration::from_micros(830);
    bench.call("record", "evenkeel", Histogram::new, |histogram| move || histogram.record(black_box(took)));
    let family = || Family::<Labels, TheirHistogram>::new_with_constructor(|| TheirHistogram::new(BOUNDS));
    bench.call("record", "prometheus-client, series in hand", || TheirHistogram::new(BOUNDS), |histogram| {
        move || histogram.observe(black_box(took).as_secs_f64())
    });
    bench.call("record", "prometheus-client, by labels", family, |family| {
        move || family.get_or_create(&LABELS).observe(black_box(took).as_secs_f64())
    });
    let set_up = || {
        let provider = their_meter();
        let histogram = provider.meter("bench").f64_histogram("duration").with_boundaries(BOUNDS.to_vec()).build();
        (provider, histogram)
    };
    bench.call("record", "opentelemetry_sdk", set_up, |(_provider, histogram)| {
        let labels = their_labels();
        move || histogram.record(black_box(took).as_secs_f64(), &labels)
    });
    let set_up = || {
        let recorder = recorder();
        let histogram = metrics::with_local_recorder(&recorder, || metrics::histogram!("duration", &LABELS));
        (recorder.handle(), histogram)
    };
    bench.call("record", "metrics, series in hand", set_up, |(handle, histogram)| {
        let mut recorded = 0_u32;
        move || {
            histogram.record(black_box(took).as_secs_f64());
            recorded += 1;
            // It keeps all values until then.
            if recorded.is_multiple_of(10_000) {
                handle.run_upkeep();
            }
        }
    });
}

/// One more in a known series.
fn count(bench: &mut Bench) {
    bench.call("count", "evenkeel", AtomicU64::default, |counter| move || {
        black_box(counter.fetch_add(1, Relaxed));
    });
    bench.call("count", "prometheus-client, series in hand", Counter::<u64>::default, |counter| move || {
        black_box(counter.inc());
    });
    bench.call("count", "prometheus-client, by labels", Family::<Labels, Counter>::default, |family| move || {
        black_box(family.get_or_create(&LABELS).inc());
    });
    let set_up = || {
        let provider = their_meter();
        let counter = provider.meter("bench").u64_counter("requests").build();
        (provider, counter)
    };
    bench.call("count", "opentelemetry_sdk", set_up, |(_provider, counter)| {
        let labels = their_labels();
        move || counter.add(1, &labels)
    });
    let set_up = || metrics::with_local_recorder(&recorder(), || metrics::counter!("requests", &LABELS));
    bench.call("count", "metrics, series in hand", set_up, |counter| move || counter.increment(1));
}

/// A line with four fields.
fn line(bench: &mut Bench) {
    let log = || {
        let number = black_box(7_u64);
        tracing::info!(status = 200, account = "acc_1", number, late = false, "request");
    };
    let ours = || telemetry::logs::install_with_rate("info", 0, &Registry::new()).expect("a filter");
    bench.call("line", "evenkeel, to the queue", ours, |_logs| move || log());
    let theirs = || {
        let subscriber = tracing_subscriber::fmt().json().with_writer(std::io::sink).finish();
        tracing::Dispatch::new(subscriber)
    };
    // A dispatcher of the thread: the process has one, which is the library's by now.
    bench.call("line", "tracing-subscriber JSON, to nowhere", theirs, |dispatch| {
        let entered = tracing::dispatcher::set_default(dispatch);
        move || {
            let _entered = &entered;
            log();
        }
    });
}

/// A request with eight spans below its own, four attributes each; the time of all nine.
fn spans(bench: &mut Bench, what: &str, share: f64) {
    let set_up = || {
        let rules = TraceRules { sampler: Sampler::share(share).expect("a share"), slow: Duration::from_secs(60) };
        Tracer::new(rules, Resource::of_service("bench", "1", "here"), Duration::from_secs(5))
    };
    bench.call(what, "evenkeel", set_up, |(tracer, _exporter)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        move || {
            let _inside = runtime.enter();
            let mut context = TraceContext::new();
            let trace = Arc::new(tracer.begin(&mut context, None, None, tokio::time::Instant::now()));
            let request = RequestContext { request_id: "r-1".into(), trace: context };
            let work = request.scope_traced(Some(trace.clone()), async {
                for _ in 0..CHILDREN {
                    let mut child = span(SpanKind::Client, || Cow::Borrowed("GET"));
                    child.set("http.request.method", || "GET".into());
                    child.set("service.peer.name", || "bank".into());
                    child.set("http.response.status_code", || 200_i64.into());
                    child.set("http.request.resend_count", || 1_i64.into());
                    child.end();
                }
            });
            let mut work = std::pin::pin!(work);
            let polled = work.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
            assert!(polled.is_ready());
            trace.end(ServerSpan { method: "GET", route: Some("/a/{id}"), path: "/a/7", request_id: "r-1", status: Some(200), slow: None });
        }
    });
    let sampler = if share > 0.0 { TheirSampler::AlwaysOn } else { TheirSampler::AlwaysOff };
    let set_up = || {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        let tracer = provider.tracer("bench");
        (provider, tracer)
    };
    let attributes = |name: &'static str| {
        [
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("service.peer.name", name),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("http.request.resend_count", 1),
        ]
    };
    bench.call(what, "opentelemetry_sdk", set_up, |(_provider, tracer)| {
        move || {
            let parent = tracer.span_builder("GET /a/{id}").with_kind(TheirKind::Server).with_attributes(attributes("own")).start(tracer);
            let context = opentelemetry::Context::new().with_span(parent);
            for _ in 0..CHILDREN {
                let builder = tracer.span_builder("GET").with_kind(TheirKind::Client).with_attributes(attributes("bank"));
                let mut child = tracer.build_with_context(builder, &context);
                child.end();
            }
            context.span().end();
        }
    });
}

const REQUESTS: Table = Table {
    name: "http_server",
    help: "Requests.",
    columns: &[
        Column::label("http_route", "The route."),
        Column::label("http_request_method", "The method."),
        Column::duration("request_duration", "From head to answer."),
    ],
};

/// Routes with a histogram each.
struct Routes(Vec<(Arc<str>, Histogram)>);

impl Source for Routes {
    fn table(&self) -> &'static Table {
        &REQUESTS
    }

    fn rows(&self) -> Vec<TableRow> {
        let row = |(route, histogram): &(Arc<str>, Histogram)| {
            vec![TableValue::text(route.clone()), TableValue::text("GET"), TableValue::from(histogram.snapshot())]
        };
        self.0.iter().map(row).collect()
    }
}

/// The text of 526 routes with 20 lines each, and a reading of all their numbers before it.
fn scrape(bench: &mut Bench) {
    let routes = || (0..ROUTES).map(|number| format!("/v1/route-{number}/{{id}}"));
    let durations = || (0..100).map(|number| Duration::from_micros(50 << (number % 12)));
    let ours = || {
        let known = routes().map(|route| {
            let histogram = Histogram::new();
            durations().for_each(|took| histogram.record(took));
            (route.into(), histogram)
        });
        let (registry, source) = (Registry::new(), Arc::new(Routes(known.collect())));
        registry.register(source.clone());
        (registry, source)
    };
    bench.call("scrape", "evenkeel", ours, |(registry, _source)| {
        move || {
            black_box(telemetry::prometheus::text(&registry.snapshot()));
        }
    });
    let theirs = || {
        let family = Family::<[(&'static str, String); 2], TheirHistogram>::new_with_constructor(|| TheirHistogram::new(BOUNDS));
        for route in routes() {
            let series = family.get_or_create_owned(&[("http_route", route), ("http_request_method", "GET".to_owned())]);
            durations().for_each(|took| series.observe(took.as_secs_f64()));
        }
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register("request_duration_seconds", "From head to answer", family);
        registry
    };
    bench.call("scrape", "prometheus-client", theirs, |registry| {
        move || {
            let mut text = String::new();
            prometheus_client::encoding::text::encode(&mut text, registry).expect("a text");
            black_box(text);
        }
    });
    let theirs = || {
        let recorder = recorder();
        metrics::with_local_recorder(&recorder, || {
            for route in routes() {
                let series = metrics::histogram!("request_duration_seconds", "http_route" => route, "http_request_method" => "GET");
                durations().for_each(|took| series.record(took.as_secs_f64()));
            }
        });
        recorder.handle()
    };
    bench.call("scrape", "metrics-exporter-prometheus", theirs, |handle| {
        move || {
            black_box(handle.render());
        }
    });
}

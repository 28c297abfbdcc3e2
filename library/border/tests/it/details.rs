//! Details of requests at the level debug.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use evenkeel_border::Limits;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::server::{close, exchange, server};

/// Keeps the messages and fields of events at the level debug.
#[derive(Clone, Default)]
struct Details(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Subscriber for Details {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if *event.metadata().level() == tracing::Level::DEBUG {
            self.0.lock().unwrap().push(text.0);
        }
    }
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

#[tokio::test]
async fn the_decision_about_a_request_is_logged_with_its_numbers() {
    let details = Details::default();
    let _guard = tracing::subscriber::set_default(details.clone());
    let server = server(Limits::default(), Router::new().route("/hello", get(async || "hello"))).await;
    exchange(server.address, close("GET", "/hello")).await;
    exchange(server.address, close("GET", "/a/../hello")).await;
    let details = details.0.lock().unwrap().join("\n");
    assert!(details.contains("message=admission decision=\"executed\" limit="), "{details}");
    assert!(details.contains("message=refused status=400"), "{details}");
}

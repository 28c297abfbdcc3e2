//! Rules of one route as a JSON document, for the description of an API.

use resilience::rate_limit::RateRules;
use serde_json::{Map, Value as Json, json};

use crate::content_coding::ContentCoding;
use crate::route_rules::RouteRules;

impl RouteRules {
    /// Returns what is declared, as an object; what is not declared is left out, and so is what an answer or a parameter describes.
    pub fn document(&self) -> Json {
        let objective = self.objective.map(|objective| json!(objective.as_millis() as u64));
        let members = [
            ("access", self.access.map(|access| json!(access.name()))),
            ("criticality", self.criticality.map(|class| json!(class.name()))),
            ("objective_ms", objective.filter(|_| !self.streaming)),
            ("deadline_ms", self.deadline.map(|deadline| json!(deadline.as_millis() as u64))),
            ("body_bytes", self.body_bytes.map(Json::from)),
            ("bulkhead", self.bulkhead.map(Json::from)),
            ("rate_limit", self.rate_limit.map(rate)),
            ("client_rate_limit", self.client_rate_limit.map(rate)),
            ("caller_rate_limit", self.caller_rate_limit.map(rate)),
            ("streaming", self.streaming.then_some(Json::from(true))),
            ("streams", self.streams.map(|(in_all, _)| json!(in_all))),
            ("client_streams", self.streams.map(|(_, per_client)| json!(per_client))),
            ("cache_control", self.cache_control.map(Json::from)),
            ("compress", self.compress.then_some(Json::from(true))),
            ("content_codings", names(self.codings)),
            ("coded_as_sent", self.coded_as_sent.then_some(Json::from(true))),
            ("cross_origins", self.cross_origin.map(|cross_origin| json!(cross_origin.origins()))),
            ("if_match", self.if_match.then_some(Json::from(true))),
            ("deprecated", self.deprecation.map(|deprecation| Json::from(deprecation.date()))),
            ("sunset", self.deprecation.and_then(|deprecation| deprecation.sunset_date()).map(Json::from)),
            ("loosened", self.reason.map(Json::from)),
        ];
        let declared = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Json::Object(declared.collect::<Map<String, Json>>())
    }
}

/// Names of the codings; none where there is none.
fn names(codings: &[ContentCoding]) -> Option<Json> {
    (!codings.is_empty()).then(|| codings.iter().map(|coding| coding.name()).collect())
}

fn rate(rules: RateRules) -> Json {
    json!({ "requests": rules.rate, "seconds": rules.per.as_secs_f64(), "burst": rules.burst })
}

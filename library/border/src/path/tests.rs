//! The steps of a request, in order.

use axum::Router;
use axum::routing::post;
use tower::ServiceExt;
use vitals::Registry;

use super::*;
use crate::step::trace::{self, Reached};
use crate::{Border, Limits};

async fn traced(request: Request, routes: Router) -> (Response, Vec<Reached>) {
    let border = Border::new("public", Limits::default(), &Registry::new());
    trace::take();
    let response = border.around(routes).oneshot(request).await.expect("a router does not fail");
    (response, trace::take())
}

fn request() -> Request {
    let request = Request::post("/echo").header(header::HOST, "localhost").body(Body::from("hello"));
    request.expect("a well-formed request")
}

/// The steps whose code ran, in order.
fn run(trace: &[Reached]) -> Vec<Step> {
    let step = |reached: &Reached| if let Reached::Run(step) = reached { Some(*step) } else { None };
    trace.iter().filter_map(step).collect()
}

#[tokio::test]
async fn a_request_takes_the_steps_in_the_order_of_the_list() {
    let routes = Router::new().route("/echo", post(async |body: String| body));
    let (response, trace) = traced(request(), routes).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(run(&trace), STEPS);
}

#[tokio::test]
async fn steps_around_the_handler_are_nested_in_the_order_of_the_list() {
    let routes = Router::new().route("/echo", post(async |body: String| body));
    let (_response, trace) = traced(request(), routes).await;
    let nested = trace.iter().filter_map(|reached| match reached {
        Reached::Around(step) => Some(*step),
        Reached::Run(_) => None,
    });
    let around = [Step::Deadline, Step::Criticality, Step::PanicGuard];
    let listed: Vec<Step> = STEPS.into_iter().filter(|step| around.contains(step)).collect();
    assert_eq!(nested.collect::<Vec<_>>(), listed);
}

#[tokio::test]
async fn a_refused_request_skips_to_the_representation_of_its_answer() {
    let mut request = request();
    request.headers_mut().remove(header::HOST);
    let (response, trace) = traced(request, Router::new()).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let refused_at = STEPS.iter().position(|step| *step == Step::Host).expect("the host is checked");
    let answered_at = STEPS.iter().position(|step| *step == Step::Representation).expect("it is answered");
    assert_eq!(run(&trace), [&STEPS[..=refused_at], &STEPS[answered_at..]].concat());
}

#[tokio::test]
async fn without_a_listener_of_ours_the_body_of_the_answer_keeps_the_permit() {
    let border = Border::new("public", Limits::default(), &Registry::new());
    let routes = border.around(Router::new().route("/echo", post(async |body: String| body)));
    let response = routes.oneshot(request()).await.expect("a router does not fail");
    assert_eq!(border.inner.admission.in_flight(), 1);
    drop(response);
    assert_eq!(border.inner.admission.in_flight(), 0);
}
